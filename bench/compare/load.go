package main

import (
	"context"
	"syscall"
	"time"
)

// generate is a load of our own, for what redis-benchmark cannot do: nine GETs to a
// SET on the same connection. All clients connect and log in before the clock
// starts; then each sends a pipeline, reads the replies and sends the next.
func generate(ctx context.Context, t *target, s scenario, n int) (outcome, error) {
	clients, err := connect(ctx, t, s.clients, nil)
	if err != nil {
		return outcome{}, err
	}
	defer clients.close()
	rounds := (n + s.clients*s.pipeline - 1) / (s.clients * s.pipeline)
	cpu := ownCPU()
	began := time.Now()
	err = clients.each(ctx, func(i int, c *client) error {
		for r := range rounds {
			if err := c.exchange(s, i*rounds+r, time.Time{}); err != nil {
				return err
			}
		}
		return nil
	})
	took := time.Since(began)
	if err != nil {
		return outcome{}, err
	}
	o := outcome{rate: float64(rounds*s.clients*s.pipeline) / took.Seconds(), cpu: ownCPU() - cpu}
	o.p50, o.p99 = clients.latencies()
	return o, nil
}

// ownCPU is the processor time that this program has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// keepOn sends commands until end, one of each client at the least: each client the next when the last is answered,
// or at moments that make the rate of all together. A command that has to wait
// because the one before was late is late since its own moment.
func (cs clients) keepOn(ctx context.Context, s scenario, rate float64, end time.Time) error {
	began := time.Now()
	var interval time.Duration
	if rate > 0 {
		interval = time.Duration(float64(len(cs)) / rate * float64(time.Second))
	}
	return cs.each(ctx, func(i int, c *client) error {
		// Moments of the clients are spread over the interval.
		next := began.Add(interval * time.Duration(i) / time.Duration(len(cs)))
		for k := i * keys / len(cs); ; k++ {
			now := time.Now()
			if len(c.took) > 0 && !now.Before(end) {
				return nil
			}
			var from time.Time
			if interval > 0 {
				if now.Before(next) {
					time.Sleep(next.Sub(now)) // to be woken late is no fault of the target
				} else {
					from = next
				}
				next = next.Add(interval)
			}
			if err := c.exchange(s, k, from); err != nil {
				return err
			}
		}
	})
}
