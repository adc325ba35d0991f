package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// keyName is that of redis-benchmark's i-th key.
func keyName(i int) string { return fmt.Sprintf("key:%012d", i) }

// fill empties Redis and gives every key that loads use a value.
func (b *bed) fill(ctx context.Context, size int) error {
	p := b.admin.Pipeline()
	p.FlushAll(ctx)
	value := strings.Repeat("x", size)
	for i := range keys {
		p.Set(ctx, keyName(i), value, 0)
	}
	if _, err := p.Exec(ctx); err != nil {
		return fmt.Errorf("filling Redis: %w", err)
	}
	return nil
}

// counts is what Redis has counted since its statistics were reset.
type counts struct {
	calls  map[string]int64 // by command
	failed int64            // calls that were rejected or failed
	misses int64            // reads of keys that do not exist
}

func (b *bed) count(ctx context.Context) (counts, error) {
	info, err := b.admin.Info(ctx, "stats", "commandstats").Result()
	if err != nil {
		return counts{}, err
	}
	return parseCounts(info)
}

// parseCounts reads INFO's sections Stats and Commandstats.
func parseCounts(info string) (counts, error) {
	c := counts{calls: map[string]int64{}}
	for line := range strings.Lines(info) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		if name == "keyspace_misses" {
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return c, fmt.Errorf("INFO: %q: %w", line, err)
			}
			c.misses = n
		}
		command, ok := strings.CutPrefix(name, "cmdstat_")
		if !ok {
			continue
		}
		for field := range strings.SplitSeq(value, ",") {
			key, digits, _ := strings.Cut(field, "=")
			if key != "calls" && key != "rejected_calls" && key != "failed_calls" {
				continue
			}
			n, err := strconv.ParseInt(digits, 10, 64)
			if err != nil {
				return c, fmt.Errorf("INFO: %q: %w", line, err)
			}
			if key == "calls" {
				c.calls[command] = n
			} else {
				c.failed += n
			}
		}
	}
	return c, nil
}

// judge returns how many commands of the scenario Redis has run, and an error if
// these are not the n that were sent: a fast refusal is no speed.
func (c counts) judge(s scenario, n int) (int64, error) {
	commands := []string{s.command}
	if s.command == mix {
		commands = []string{get, set}
	}
	var calls int64
	for _, command := range commands {
		calls += c.calls[command]
	}
	switch {
	case calls < int64(n):
		return 0, fmt.Errorf("Redis has seen %d of %d commands", calls, n)
	case c.failed > 0:
		return 0, fmt.Errorf("%d commands have failed in Redis", c.failed)
	case c.misses > 0:
		return 0, fmt.Errorf("%d reads were of keys that do not exist", c.misses)
	}
	return calls, nil
}
