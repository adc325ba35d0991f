package main

import (
	"fmt"
	"strings"
	"time"
)

// count is commands in a time.
type count struct {
	commands int
	took     time.Duration
}

func (c count) add(d count) count { return count{c.commands + d.commands, c.took + d.took} }

func (c count) rate() float64 { return float64(c.commands) / c.took.Seconds() }

// result is what one attack did, all rounds together.
type result struct {
	Attack, What string
	alone, under count   // of the good clients
	Memory       int64   // resident, the most
	Done         int     // what the attacker has done
	CPU          float64 // of one processor, that the attacker has taken
}

func (r result) share() float64 { return r.under.rate() / r.alone.rate() }

func markdown(results []result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| attack | what it does | done | alone, commands/s | under attack | kept | memory, MB | attacker's CPU |\n| --- | --- | --: | --: | --: | --: | --: | --: |\n")
	for _, r := range results {
		verdict := ""
		if r.share() < leastShare {
			verdict = " (missed)"
		}
		memory := ""
		if r.Memory > mostMemory {
			memory = " (missed)"
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %.0f | %.0f | %.0f %%%s | %.0f%s | %.0f %% |\n",
			r.Attack, r.What, r.Done, r.alone.rate(), r.under.rate(), 100*r.share(), verdict, float64(r.Memory)/(1<<20), memory, 100*r.CPU)
	}
	fmt.Fprintf(&b, "\nTo be kept: %.0f %% of the throughput, and memory under %d MB.\n", 100*leastShare, mostMemory>>20)
	return b.String()
}
