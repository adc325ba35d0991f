package proxy

import (
	"context"
	"time"

	"redisgate/tlsfeed"
)

// Handshakes have the processors that loops leave, and take part of those that loops,
// Redis and clients on the machine would use. So those of strangers are paced while
// sessions have work done: a flood of them then leaves the sessions that are there most
// of what they had, and addresses from which somebody has logged in are served as ever.

const (
	// paceEvery is how often it is looked at while there are handshakes.
	paceEvery = 50 * time.Millisecond
	// busyShare of the time of one loop, one in so many, is when sessions have work done.
	busyShare = 10
)

// paceHandshakes has handshakes paced or not until ctx ends. While there are none it
// sleeps.
func (s *Server) paceHandshakes(ctx context.Context, slots *tlsfeed.Slots) {
	var tick *time.Ticker
	for {
		select {
		case <-slots.Begun():
		case <-ctx.Done():
			return
		}
		before, at := s.parked(ctx), time.Now()
		if tick == nil {
			tick = time.NewTicker(paceEvery)
			defer tick.Stop()
		}
		tick.Reset(paceEvery)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		slots.Pace(busy(before, s.parked(ctx), time.Since(at)))
	}
}

// busy says that a loop had work for more than its share of the time that has passed, by
// how long each had been parked before and after it. No figures are no loops.
func busy(before, after []time.Duration, passed time.Duration) bool {
	for i := range min(len(before), len(after)) {
		if passed-(after[i]-before[i]) > passed/busyShare {
			return true
		}
	}
	return false
}

// parked is for how long each loop has had nothing to do.
func (s *Server) parked(ctx context.Context) []time.Duration {
	done := make([]chan time.Duration, len(s.workers))
	for i, w := range s.workers {
		done[i] = make(chan time.Duration, 1)
		if !w.loop.Post(func() { done[i] <- w.loop.Stats().Parked }) {
			return nil
		}
	}
	all := make([]time.Duration, len(done))
	for i := range done {
		select {
		case all[i] = <-done[i]:
		case <-ctx.Done():
			return nil
		}
	}
	return all
}
