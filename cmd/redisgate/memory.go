package main

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// memoryShare of what the process may have is for Go: the collector works harder
// near it rather than let the kernel end a process that has garbage left.
const memoryShare = 0.9

// limitMemory tells the collector of a container's limit, unless GOMEMLIMIT does. It
// returns what undoes it. Where there is no limit, or none that can be read, nothing
// changes.
func limitMemory(of memlimit.Provider) (undo func()) {
	before := debug.SetMemoryLimit(-1)
	_, _ = memlimit.Set(memlimit.WithProvider(of), memlimit.WithRatio(memoryShare))
	return func() { debug.SetMemoryLimit(before) }
}

const (
	// burstLook is how often arrivals are counted, and how long a burst must have
	// been over.
	burstLook = 2 * time.Second
	// burstSize is how many arrivals make it worth while: a handshake leaves some
	// 30 KB of garbage behind, which the runtime would keep for minutes.
	burstSize = 200
)

// freeAfterBursts gives memory back to the system once a burst of handshakes has
// been quiet for a moment, until ctx ends. accepted counts connections.
func freeAfterBursts(ctx context.Context, accepted func() uint64) {
	tick := time.NewTicker(burstLook)
	defer tick.Stop()
	last, arrived := accepted(), uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := accepted()
		came := now - last
		last = now
		arrived += came
		if came < burstSize/10 && arrived >= burstSize {
			debug.FreeOSMemory()
			arrived = 0
		}
	}
}
