package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"redisgate/config"
)

func send(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		t.Fatal(err)
	}
}

func TestSignals(t *testing.T) {
	out := newSyncBuffer()
	log := slog.New(slog.NewTextHandler(out, nil))
	drain, now, stop := signals(t.Context(), log, func() { log.Info("hung up") })
	defer stop()
	b := &background{stderr: out, stdout: out}

	send(t, syscall.SIGHUP)
	b.waitFor(t, out, "hung up")
	if drain.Err() != nil {
		t.Fatal("SIGHUP drains; want that it does what it is for")
	}
	send(t, syscall.SIGTERM)
	<-drain.Done()
	if now.Err() != nil {
		t.Fatal("the first SIGTERM ends at once; want it to drain")
	}
	send(t, syscall.SIGHUP) // and again not deadly
	send(t, syscall.SIGINT)
	<-now.Done()
}

func TestSignalsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	drain, now, stop := signals(ctx, slog.New(slog.DiscardHandler), func() {})
	defer stop()
	cancel()
	<-drain.Done()
	<-now.Done()
}

func TestProcessors(t *testing.T) {
	for _, tc := range []struct{ configured, cpus, workers, slots int }{
		{0, 1, 1, 1},
		{0, 2, 1, 1},
		{0, 4, 2, 2},
		{0, 8, 4, 4},
		{3, 2, 3, 1},
		{1, 8, 1, 7},
	} {
		workers, slots := processors(tc.configured, tc.cpus)
		if workers != tc.workers || slots != tc.slots {
			t.Errorf("processors(%d, %d) = %d, %d; want %d, %d", tc.configured, tc.cpus, workers, slots, tc.workers, tc.slots)
		}
	}
}

func TestTuneLeavesAPForEachBusyGoroutine(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	undo := tune(2, 3)
	if got := runtime.GOMAXPROCS(0); got != 6 {
		t.Errorf("GOMAXPROCS = %d after tune(2, 3); want 6", got)
	}
	undo()
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("GOMAXPROCS = %d after undo; want %d", got, before)
	}
}

func TestNewLog(t *testing.T) {
	for _, tc := range []struct {
		level, format string
		debug         bool
		prefix        string
	}{
		{"debug", "text", true, "time="},
		{"info", "json", false, "{"},
		{"warn", "text", false, "time="},
	} {
		var b bytes.Buffer
		log := newLog(&b, config.Log{Level: tc.level, Format: tc.format})
		if got := log.Enabled(t.Context(), slog.LevelDebug); got != tc.debug {
			t.Errorf("level %s logs debug: %v; want %v", tc.level, got, tc.debug)
		}
		log.Error("x")
		if !strings.HasPrefix(b.String(), tc.prefix) {
			t.Errorf("format %s logs %q; want it to begin with %q", tc.format, b.String(), tc.prefix)
		}
	}
}
