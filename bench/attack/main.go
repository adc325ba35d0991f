// Command attack measures what attackers take from others. It starts a Redis and a
// redisgate with its default limits, has some good clients ask as fast as they can, alone
// and under one attack after the other in interleaved rounds, and prints how much of their
// throughput is left and how much memory redisgate has taken.
//
// Attackers are a process of their own with bounded rates, on loopback only, at addresses
// other than the good clients'. All share one machine, so that a share under an attack
// holds what the attacker's own work takes from the good clients too.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if attacker(ctx) {
		return
	}
	os.Exit(command(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are what the command line says.
type options struct {
	clients, rounds, commands int
	seconds                   float64
	only                      *regexp.Regexp
	scale                     float64 // of the attacks' numbers and rates
}

const (
	// leastShare is what good clients are to keep of their throughput under an attack.
	leastShare = 0.70
	// mostMemory is the resident memory that redisgate is to stay under, in bytes.
	mostMemory = 256 << 20
)

func command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	f := flag.NewFlagSet("attack", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.clients, "clients", 50, "good clients")
	f.IntVar(&o.rounds, "rounds", 2, "how often each attack has its turn")
	f.Float64Var(&o.seconds, "seconds", 1.5, "how long is measured at a time")
	f.IntVar(&o.commands, "commands", 0, "commands of each good client at a time, instead of -seconds")
	f.Float64Var(&o.scale, "scale", 1, "`factor` of the attacks' rates and numbers, at most 1")
	only := f.String("only", "", "`regexp` of the attacks to run")
	if err := f.Parse(args); err != nil {
		return 2
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil || o.clients < 1 || o.rounds < 1 || o.seconds <= 0 || o.seconds > 60 || !(o.scale > 0 && o.scale <= 1) || f.NArg() > 0 {
		fmt.Fprintln(stderr, "attack: a flag is out of range, or there are arguments; -h lists the flags")
		return 2
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	results, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(stderr, "attack:", err)
		return 1
	}
	fmt.Fprintf(stdout, "%s, %s/%s, %d CPUs, %s; %d good clients, %d rounds\n\n%s",
		time.Now().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), o.clients, o.rounds, markdown(results))
	return 0
}

// run has each attack happen in each round, every time behind a run of the good clients
// alone.
func run(ctx context.Context, o options) ([]result, error) {
	b, err := start()
	if err != nil {
		return nil, err
	}
	defer b.stop()
	good, err := connectGood(b, o.clients)
	if err != nil {
		return nil, err
	}
	defer good.close()
	var results []result
	for _, a := range attacks {
		if o.only.MatchString(a.name) {
			results = append(results, result{Attack: a.name, What: a.what})
		}
	}
	for range o.rounds {
		for i := range results {
			if err := measure(ctx, o, b, good, &results[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", results[i].Attack, err)
			}
		}
	}
	return results, nil
}

// measure adds one run alone and one under the attack.
func measure(ctx context.Context, o options, b *bed, good *goodClients, r *result) error {
	if err := b.settle(ctx, o.clients); err != nil {
		return err
	}
	alone, err := good.ask(o)
	if err != nil {
		return err
	}
	a, err := b.attack(ctx, r.Attack, o.scale)
	if err != nil {
		return err
	}
	under, err := good.ask(o)
	if memory, err2 := b.gate.Resident(); err2 == nil {
		r.Memory = max(r.Memory, memory)
	}
	done, cpu, err2 := a.end()
	if err == nil {
		err = err2
	}
	r.Done, r.CPU = r.Done+done, r.CPU+cpu/float64(o.rounds)
	r.alone, r.under = r.alone.add(alone), r.under.add(under)
	return err
}
