package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"redisgate/resp"
)

// tlsTargets are those with TLS and one worker, Redis behind them over TCP.
var tlsTargets = []string{tlsRedis, "stunnel", haproxy, "ghostunnel", "envoy", gateName, baseGate}

// shaking is a way to make handshakes.
type shaking struct {
	Name    string
	resumed bool
	rate    int // a second; 0: as many as go
}

var shakings = []shaking{
	{Name: "full"},
	{Name: "resumed", resumed: true},
	{Name: "full, 100/s", rate: 100},
	{Name: "resumed, 100/s", resumed: true, rate: 100},
}

// shake is what a run of handshakes has given.
type shake struct {
	run         // the commands are handshakes, with a PING each
	Kind string `json:"kind"`
}

func handshakeJob() job {
	return job{
		name: "handshakes", title: "TLS handshakes", targets: tlsTargets, usual: true,
		run: func(ctx context.Context, r *runner, names []string) (section, error) {
			runs, err := r.handshakes(ctx, names)
			return handshakeSection(names, runs), err
		},
		lasts: func(targets, rounds int, length time.Duration) time.Duration {
			return time.Duration(targets) * (500*time.Millisecond + time.Duration(rounds*len(shakings))*length)
		},
	}
}

func (r *runner) handshakes(ctx context.Context, names []string) ([]shake, error) {
	defer r.bed.clear(r.bed.furnished())
	targets, err := r.bed.all(ctx, names)
	if err != nil {
		return nil, err
	}
	var out []shake
	err = r.turns("handshakes", len(targets), func(round, i int) error {
		for _, k := range shakings {
			one, err := r.shake(ctx, targets[i], k)
			if err != nil {
				return fmt.Errorf("%s handshakes on %s: %w", k.Name, targets[i].name, err)
			}
			one.Round, one.Kind = round, k.Name
			out = append(out, one)
		}
		return nil
	})
	return out, err
}

// shakers is how many handshakes are under way at once when there is no rate: a few
// for each CPU, so that none waits for the network.
const shakers = 16

// shake makes handshakes for a while, each on a new connection with a PING after it.
func (r *runner) shake(ctx context.Context, t *target, k shaking) (shake, error) {
	ctx, cancel := context.WithTimeout(ctx, patience(r.length))
	defer cancel()
	s := newShaker(t, k.resumed)
	if err := s.prepare(ctx); err != nil {
		return shake{}, err
	}
	m, err := startMeter(t)
	if err != nil {
		return shake{}, err
	}
	cpu, began := ownCPU(), time.Now()
	end := began.Add(r.length)
	enough := func(i int) bool {
		if r.requests > 0 {
			return i >= r.requests
		}
		return !time.Now().Before(end)
	}
	if k.rate > 0 {
		err = s.paced(ctx, time.Second/time.Duration(k.rate), enough)
	} else {
		err = s.saturated(ctx, enough)
	}
	took := time.Since(began)
	used, err2 := m.stop()
	if err := errors.Join(err, err2, s.judge()); err != nil {
		return shake{}, err
	}
	slices.Sort(s.took)
	n := float64(len(s.took))
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / n }
	return shake{run: run{
		Target: t.name, Commands: int64(n), Rate: n / took.Seconds(),
		P50: milliseconds(percentile(s.took, 50)), P99: milliseconds(percentile(s.took, 99)),
		ProxyCPU: each(used.proxy), RedisCPU: each(used.redis), LoadCPU: each(ownCPU() - cpu),
		ProxyRSS: used.proxyRSS, RedisRSS: used.redisRSS,
	}}, nil
}

// shaker makes handshakes with one target and keeps how long they took.
type shaker struct {
	t       *target
	resumed bool
	login   bool // with AUTH before the PING
	conf    *tls.Config

	mu     sync.Mutex
	took   []time.Duration
	strays int // not resumed though they should have been, or the other way round
}

func newShaker(t *target, resumed bool) *shaker {
	s := &shaker{t: t, resumed: resumed, conf: t.tls.Clone()}
	if resumed {
		s.conf.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return s
}

// prepare fetches the first ticket, if handshakes shall be resumed.
func (s *shaker) prepare(ctx context.Context) error {
	if !s.resumed {
		return nil
	}
	_, _, err := s.once(ctx)
	return err
}

// once does one handshake and a PING, and says how long the handshake took and
// whether it was a resumption. Tickets of TLS 1.3 come with the reply.
func (s *shaker) once(ctx context.Context) (time.Duration, bool, error) {
	began := time.Now()
	nc, err := s.t.dial(ctx, s.conf)
	if err != nil {
		return 0, false, err
	}
	defer nc.Close()
	took := time.Since(began)
	tc, ok := nc.(*tls.Conn)
	if !ok {
		return 0, false, errors.New("the target has no TLS")
	}
	if s.login {
		return took, tc.ConnectionState().DidResume, s.t.login(nc, s.t.user)
	}
	_ = nc.SetDeadline(time.Now().Add(dialTimeout))
	if _, err := nc.Write(resp.AppendCommand(nil, "PING")); err != nil {
		return 0, false, err
	}
	// redisgate answers -NOAUTH, which costs it as little.
	if _, err := bufio.NewReaderSize(nc, 512).ReadString('\n'); err != nil {
		return 0, false, err
	}
	return took, tc.ConnectionState().DidResume, nil
}

// note does one handshake and keeps its time.
func (s *shaker) note(ctx context.Context) error {
	took, resumed, err := s.once(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, took)
	if resumed != s.resumed {
		s.strays++
	}
	return nil
}

// judge returns an error if the handshakes were not of the kind that was wanted. A
// ticket's key may change once in a while.
func (s *shaker) judge() error {
	const few = 20 // one in so many
	if s.strays*few > len(s.took) {
		return fmt.Errorf("%d of %d handshakes were of the wrong kind; want resumed: %t", s.strays, len(s.took), s.resumed)
	}
	return nil
}

// saturated makes handshakes as fast as they go. enough is asked with how many
// have begun.
func (s *shaker) saturated(ctx context.Context, enough func(int) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for range shakers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil && (i == 0 || !enough(i*shakers)); i++ {
				if err := s.note(ctx); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// paced begins a handshake at each interval, one at the least, however long the
// others take.
func (s *shaker) paced(ctx context.Context, interval time.Duration, enough func(int) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := 0; i == 0 || !enough(i); i++ {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		wg.Go(func() {
			if err := s.note(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func handshakeSection(names []string, shakes []shake) section {
	out := section{Runs: shakes, Note: "Each on a new connection, with a `PING` after it; the time is that of connecting and of the handshake."}
	out.Table.Head = []string{"handshakes", "target", "a second", "p50 ms", "p99 ms", "proxy us", "Redis us", "both us", "load us", "speed : " + tlsRedis, "CPU : " + tlsRedis}
	for _, k := range shakings {
		var runs []run
		for _, s := range shakes {
			if s.Kind == k.Name {
				runs = append(runs, s.run)
			}
		}
		var all []bar
		for _, name := range names {
			m := func(f func(run) float64) float64 { return middle(runs, name, f) }
			proxy, redis := m(func(r run) float64 { return r.ProxyCPU }), m(func(r run) float64 { return r.RedisCPU })
			rate := func(r run) float64 { return r.Rate }
			out.Table.add(
				k.Name, name,
				fmt.Sprintf("%.0f", m(rate)),
				fmt.Sprintf("%.3f", m(func(r run) float64 { return r.P50 })),
				fmt.Sprintf("%.3f", m(func(r run) float64 { return r.P99 })),
				fmt.Sprintf("%.0f", proxy), fmt.Sprintf("%.0f", redis), fmt.Sprintf("%.0f", m(run.bothCPU)),
				fmt.Sprintf("%.0f", m(func(r run) float64 { return r.LoadCPU })),
				ratioCell(runs, name, tlsRedis, rate), ratioCell(runs, name, tlsRedis, run.bothCPU),
			)
			all = append(all, bar{name, []float64{proxy, redis}})
		}
		if k.rate == 0 {
			title := "CPU microseconds of a handshake, " + k.Name
			out.Charts = append(out.Charts, figure{name: k.Name, title: title, svg: bars(title, []string{"proxy", "Redis"}, all, "%.0f")})
		}
	}
	return out
}
