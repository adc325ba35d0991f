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
	look     time.Duration // how often memory is looked at that has to settle
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

// scenario runs one scenario: short runs on each target to find how many commands
// take as long as wanted, then the rounds. Each round has every target once, and
// begins with another one than the round before. The proxies are started for it.
func (r *runner) scenario(ctx context.Context, s scenario) ([]run, error) {
	defer r.bed.clear(r.bed.furnished())
	if err := r.bed.fill(ctx, s.size); err != nil {
		return nil, err
	}
	targets, err := r.bed.all(ctx, s.targets)
	if err != nil {
		return nil, err
	}
	paces := make([]pace, len(targets))
	for i, t := range targets {
		if paces[i], err = r.try(ctx, t, s); err != nil {
			return nil, fmt.Errorf("%s on %s: %w", s.name, t.name, err)
		}
	}
	var out []run
	err = r.turns(s.name, len(targets), func(round, i int) error {
		one, err := r.run(ctx, targets[i], s, r.commands(s, paces[i]))
		if err != nil {
			return fmt.Errorf("%s on %s: %w", s.name, targets[i].name, err)
		}
		one.Round = round
		paces[i].learn(one)
		out = append(out, one)
		return nil
	})
	return out, err
}

// turns calls f for each of n in each round, counted from 1. Every round begins with
// another one.
func (r *runner) turns(name string, n int, f func(round, i int) error) error {
	for round := range r.rounds {
		for i := range n {
			if err := f(round+1, (i+round)%n); err != nil {
				return err
			}
		}
		fmt.Fprintf(r.progress, "%s: round %d of %d\n", name, round+1, r.rounds)
	}
	return nil
}

// pace is how fast a target takes a scenario, roughly.
type pace struct {
	setup time.Duration // until all clients are connected
	rate  float64       // commands a second, then
}

// learn corrects the pace by a run.
func (p *pace) learn(r run) {
	took := time.Duration(float64(r.Commands) / r.Rate * float64(time.Second))
	if r.Rate > 0 && took > 2*p.setup {
		p.rate = float64(r.Commands) / (took - p.setup).Seconds()
	}
}

// length is how long the commands of a run shall take. redis-benchmark counts the
// handshakes of its clients in: the more there are, the longer the run, so that
// they stay a small part of it.
func (s scenario) length(d time.Duration) time.Duration {
	const many = 150
	return d * time.Duration(max(many, s.clients)) / many
}

// commands is how many commands a run has at that pace: at least two of each client.
func (r *runner) commands(s scenario, p pace) int {
	n := r.requests
	if n == 0 {
		n = int(p.rate * s.length(r.length).Seconds())
	}
	return max(n, 2*s.clients*s.pipeline)
}

// try finds the pace of a target: with more and more commands until they take a
// moment. It warms up, too.
func (r *runner) try(ctx context.Context, t *target, s scenario) (pace, error) {
	const enough = 250 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, patience(r.length))
	defer cancel()
	least := s.clients * s.pipeline
	timed := func(n int) (time.Duration, error) {
		began := time.Now()
		_, err := load(ctx, t, s, n)
		return time.Since(began), err
	}
	setup, err := timed(least)
	if err != nil || r.requests > 0 {
		return pace{}, err
	}
	for n := 4 * least; ; n *= 4 {
		took, err := timed(n)
		if err != nil {
			return pace{}, err
		}
		if took -= setup; took >= enough {
			return pace{setup, float64(n-least) / took.Seconds()}, nil
		}
	}
}

// patience is how long a run may take at the most, for one that should take d.
func patience(d time.Duration) time.Duration { return 30*time.Second + 10*d }

// run does one run with n commands and looks whether Redis has seen them.
func (r *runner) run(ctx context.Context, t *target, s scenario, n int) (run, error) {
	ctx, cancel := context.WithTimeout(ctx, patience(s.length(r.length)))
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
