package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"redisgate/internal/redistest"
)

// TestMain is an attacker when the program under test starts this one as such.
func TestMain(m *testing.M) {
	if attacker(context.Background()) {
		return
	}
	os.Exit(m.Run())
}

// TestAttackFromEndToEnd runs every attack with small numbers and looks at counts: the
// good clients get all their answers, and each attack happens.
func TestAttackFromEndToEnd(t *testing.T) {
	redistest.RequireTool(t, "redis-server")
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		redistest.Skip(t, "no /proc on this system")
	}
	const clients, commands = 3, 400
	results, err := run(t.Context(), options{clients: clients, rounds: 1, commands: commands, scale: 0.2, only: regexp.MustCompile("")})
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != len(attacks) {
		t.Errorf("%d attacks were run of %d", len(results), len(attacks))
	}
	for _, r := range results {
		if r.Done == 0 || r.Memory == 0 || r.alone.commands != clients*commands || r.under.commands != clients*commands {
			t.Errorf("%s: done %d, memory %d, %d and %d commands; want some, some, and %d each", r.Attack, r.Done, r.Memory, r.alone.commands, r.under.commands, clients*commands)
		}
		if !strings.Contains(markdown(results), "| "+r.Attack+" |") {
			t.Errorf("the table lacks %s", r.Attack)
		}
	}
}

func TestFlagsAreChecked(t *testing.T) {
	for _, args := range [][]string{{"-clients", "0"}, {"-rounds", "0"}, {"-seconds", "-1"}, {"-scale", "2"}, {"-only", "("}, {"x"}, {"-nonsense"}} {
		var stdout, stderr bytes.Buffer
		if code := command(t.Context(), args, &stdout, &stderr); code != 2 || stderr.Len() == 0 {
			t.Errorf("attack %q = %d, %q; want 2 and a reason", args, code, &stderr)
		}
	}
}
