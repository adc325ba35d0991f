package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// runner runs scenarios on a bed.
type runner struct {
	bed      *bed
	rounds   int
	length   time.Duration // of one run, about
	requests int           // of one run, instead of a length, if not 0
	progress io.Writer
}

// run is what one load on one target has given.
type run struct {
	Target   string  `json:"target"`
	Round    int     `json:"round"`
	Commands int64   `json:"commands"`     // as Redis has counted them
	Rate     float64 `json:"per_second"`   // commands
	P50      float64 `json:"p50_ms"`       //
	P99      float64 `json:"p99_ms"`       //
	ProxyCPU float64 `json:"proxy_cpu_us"` // of one command
	RedisCPU float64 `json:"redis_cpu_us"` // of one command
	LoadCPU  float64 `json:"load_cpu_us"`  // of one command
	ProxyRSS int64   `json:"proxy_rss"`    // bytes, the most during the run
	RedisRSS int64   `json:"redis_rss"`
}

// bothCPU is the processor time of one command, in the proxy and in Redis.
func (r run) bothCPU() float64 { return r.ProxyCPU + r.RedisCPU }

// load puts about n commands on a target.
func load(ctx context.Context, t *target, s scenario, n int) (outcome, error) {
	if s.command == mix {
		return generate(ctx, t, s, n)
	}
	return benchmark(ctx, t, s, n)
}

// scenario runs one scenario: a short run on each target to find how many
// commands take as long as wanted, then the rounds. Each round has every target
// once, and begins with another one than the round before.
func (r *runner) scenario(ctx context.Context, s scenario) ([]run, error) {
	if err := r.bed.fill(ctx, s.size); err != nil {
		return nil, err
	}
	var targets []*target
	for _, name := range s.targets {
		t, err := r.bed.target(ctx, name)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	rates := make([]float64, len(targets))
	for i, t := range targets {
		var err error
		if rates[i], err = r.try(ctx, t, s); err != nil {
			return nil, fmt.Errorf("%s on %s: %w", s.name, t.name, err)
		}
	}
	var out []run
	for round := range r.rounds {
		for i := range targets {
			at := (i + round) % len(targets)
			one, err := r.run(ctx, targets[at], s, r.commands(s, rates[at]))
			if err != nil {
				return nil, fmt.Errorf("%s on %s: %w", s.name, targets[at].name, err)
			}
			one.Round = round + 1
			rates[at] = one.Rate
			out = append(out, one)
		}
		fmt.Fprintf(r.progress, "%s: round %d of %d\n", s.name, round+1, r.rounds)
	}
	return out, nil
}

// commands is how many commands a run takes at that rate: at least two of each client.
func (r *runner) commands(s scenario, rate float64) int {
	n := r.requests
	if n == 0 {
		n = int(rate * r.length.Seconds())
	}
	return max(n, 2*s.clients*s.pipeline)
}

// try finds the rate of a target, roughly: with more and more commands until they
// take a moment. It warms up, too.
func (r *runner) try(ctx context.Context, t *target, s scenario) (float64, error) {
	const enough = 250 * time.Millisecond
	for n := 2 * s.clients * s.pipeline; ; n *= 5 {
		began := time.Now()
		if _, err := load(ctx, t, s, n); err != nil {
			return 0, err
		}
		took := time.Since(began)
		if took >= enough || r.requests > 0 {
			return float64(n) / took.Seconds(), nil
		}
	}
}

// patience is how long a run may take at the most, for one that should take d.
func patience(d time.Duration) time.Duration { return 30*time.Second + 10*d }

// run does one run with n commands and looks whether Redis has seen them.
func (r *runner) run(ctx context.Context, t *target, s scenario, n int) (run, error) {
	ctx, cancel := context.WithTimeout(ctx, patience(r.length))
	defer cancel()
	if err := r.bed.admin.ConfigResetStat(ctx).Err(); err != nil {
		return run{}, err
	}
	m, err := startMeter(t)
	if err != nil {
		return run{}, err
	}
	o, err := load(ctx, t, s, n)
	used, err2 := m.stop()
	if err != nil {
		return run{}, err
	}
	if err2 != nil {
		return run{}, err2
	}
	seen, err := r.bed.count(ctx)
	if err != nil {
		return run{}, err
	}
	calls, err := seen.judge(s, n)
	if err != nil {
		return run{}, err
	}
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(calls) }
	return run{
		Target: t.name, Commands: calls, Rate: o.rate, P50: o.p50, P99: o.p99,
		ProxyCPU: each(used.proxy), RedisCPU: each(used.redis), LoadCPU: each(o.cpu),
		ProxyRSS: used.proxyRSS, RedisRSS: used.redisRSS,
	}, nil
}
