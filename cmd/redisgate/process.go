package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"redisgate/config"
)

// newLog makes the logger that the configuration asks for; its values are
// those that Validate lets through.
func newLog(w io.Writer, c config.Log) *slog.Logger {
	level := new(slog.LevelVar)
	level.Set(logLevel(c))
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(levelled{slog.NewJSONHandler(w, o), level})
	}
	return slog.New(levelled{slog.NewTextHandler(w, o), level})
}

// levelled is a handler whose level can be changed; loggers derived from its own follow.
type levelled struct {
	slog.Handler
	level *slog.LevelVar
}

// setLevel changes the level of a logger of newLog.
func setLevel(log *slog.Logger, c config.Log) {
	if h, ok := log.Handler().(levelled); ok {
		h.level.Set(logLevel(c))
	}
}

func logLevel(c config.Log) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		return slog.LevelInfo
	}
	return level
}

// signals turns the process's signals into two contexts: drain ends with the
// first SIGTERM or SIGINT, now with the second; a third has its usual effect.
// SIGHUP calls hangup. stop gives the signals back and ends both contexts.
func signals(ctx context.Context, log *slog.Logger, hangup func()) (drain, now context.Context, stop func()) {
	drain, endDrain := context.WithCancel(ctx)
	now, endNow := context.WithCancel(ctx)
	ch := make(chan os.Signal, 4)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for {
			var s os.Signal
			select {
			case s = <-ch:
			case <-now.Done():
				return
			}
			switch {
			case s == syscall.SIGHUP:
				hangup()
			case drain.Err() == nil:
				log.Info("draining; a second signal ends at once", "signal", s.String())
				endDrain()
			default:
				log.Warn("ending at once", "signal", s.String())
				signal.Reset(os.Interrupt, syscall.SIGTERM)
				endNow()
			}
		}
	}()
	return drain, now, func() {
		signal.Stop(ch)
		endDrain()
		endNow()
	}
}

// processors divides the machine: event loops, and permits for slow work such
// as handshakes. configured is [listen] workers, where 0 means automatic.
func processors(configured, cpus int) (workers, slots int) {
	workers = configured
	if workers == 0 {
		// Redis itself takes a processor, and the kernel's network stack takes
		// its share of each: loops on all of them are slower than on half.
		workers = max(1, cpus/2)
	}
	return workers, max(1, cpus-workers)
}

// proving is how many of the permits passwords may take at once that are tried against
// slow hashes: handshakes are to have theirs.
func proving(slots int) int { return max(1, slots/2) }

// gcPercent is lower than Go's 100: most of the heap is idle connections that
// live long, so the memory saved is worth more than the processor time spent.
const gcPercent = 40

// procs is GOMAXPROCS.
func procs(workers, slots int) int { return workers + slots + 1 }

// tune sets the process up for event loops. It returns what undoes it, for
// tests and for embedded runs.
func tune(workers, slots int) (undo func()) {
	// Go's poller is looked at by an idle P, or every 10 ms: with a P for each
	// goroutine that may be busy, plus one, a parked loop never waits for those.
	// The kernel then shares the processors among the threads.
	procs := runtime.GOMAXPROCS(procs(workers, slots))
	percent, undoLimit := gcPercent, limitMemory(memlimit.FromCgroup)
	if os.Getenv("GOGC") == "" {
		percent = debug.SetGCPercent(gcPercent)
	}
	return func() {
		runtime.GOMAXPROCS(procs)
		undoLimit()
		if os.Getenv("GOGC") == "" {
			debug.SetGCPercent(percent)
		}
	}
}
