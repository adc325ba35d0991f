//go:build linux && !portable

package proxy_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"redisgate/eventloop"
	"redisgate/internal/gatetest"
)

// TestSystemCallsPerCommand counts what the commands of fifty clients cost that have
// arrived while the loop was held: 1 wait, 50 reads and 1 write to Redis, which goes
// out as soon as nothing more is ready, then 1 wait, 1 read and 50 writes to the
// clients, be it one command or sixteen of each. It counts system calls, so it is for
// the epoll loop alone.
func TestSystemCallsPerCommand(t *testing.T) {
	for name, how := range map[string]struct {
		tls      bool
		pipeline int
	}{"tls": {true, 1}, "plain": {false, 1}, "tls, pipeline": {true, 16}, "plain, pipeline": {false, 16}} {
		t.Run(name, func(t *testing.T) {
			g, _ := gate(t, gatetest.Options{})
			var clients []*wire
			for range 50 {
				nc := g.DialPlain
				if how.tls {
					nc = g.Dial
				}
				w := newWire(t, nc(t)).login()
				w.do("+PONG\r\n", "PING")
				clients = append(clients, w)
			}
			time.Sleep(50 * time.Millisecond) // session tickets and timers of the beginning are over
			var mu sync.Mutex
			var turns []eventloop.Stats
			g.Server.OnTurn(func(s eventloop.Stats) {
				mu.Lock()
				turns = append(turns, s)
				mu.Unlock()
			})
			release := g.Server.Hold()
			mu.Lock()
			turns = turns[:0]
			mu.Unlock()
			for _, w := range clients {
				w.raw(strings.Repeat("*1\r\n$4\r\nPING\r\n", how.pipeline))
			}
			release()
			for _, w := range clients {
				for range how.pipeline {
					w.want("+PONG\r\n")
				}
			}
			g.Server.LoopStats() // the turn of the last reply has ended
			mu.Lock()
			defer mu.Unlock()
			if len(turns) < 3 {
				t.Fatalf("%d turns; want at least 3: the held one, the requests', the replies'", len(turns))
			}
			diff := func(i int) [3]uint64 {
				a, b := turns[i-1], turns[i]
				return [3]uint64{b.Waits - a.Waits, b.Reads - a.Reads, b.Writes - a.Writes}
			}
			if got, want := diff(1), [3]uint64{1, 50, 0}; got != want {
				t.Errorf("requests: waits, reads, writes = %v; want %v", got, want)
			}
			if got, want := diff(2), [3]uint64{1, 1, 1 + 50}; got != want {
				t.Errorf("replies: waits, reads, writes = %v; want %v", got, want)
			}
		})
	}
}
