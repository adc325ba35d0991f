package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

const (
	established    = 50  // clients whose latency is measured
	arrivalsSecond = 100 // new clients
)

// arrival is what established clients saw in one run.
type arrival struct {
	Target   string  `json:"target"`
	Round    int     `json:"round"`
	Load     string  `json:"load"`     // saturated or half
	Others   bool    `json:"others"`   // whether there were others
	Arrivals int     `json:"arrivals"` // how many came and left
	Rate     float64 `json:"per_second"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
}

const (
	saturated = "saturated"
	half      = "half"
)

func arrivalJob() job {
	return job{
		name: "arrivals", title: fmt.Sprintf("Established clients while %d others a second arrive and leave", arrivalsSecond),
		targets: []string{tlsRedis, gateName, baseGate}, usual: true,
		run: func(ctx context.Context, r *runner, names []string) (section, error) {
			runs, err := r.arrivals(ctx, names)
			return arrivalSection(names, runs), err
		},
		lasts: func(targets, rounds int, length time.Duration) time.Duration {
			return time.Duration(targets*rounds) * (4*length + 200*time.Millisecond)
		},
	}
}

// arrivals measures each target four times a round: saturated and at half of the
// commands a second that it has just had, alone and with arrivals.
func (r *runner) arrivals(ctx context.Context, names []string) ([]arrival, error) {
	defer r.bed.clear(r.bed.furnished())
	// With a thread for each goroutine that may be busy, it is the kernel that
	// shares the CPUs out, as it would among programs: a handshake of the load's own
	// does not keep its established clients waiting.
	const threads = 16
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	s := scenario{command: get, size: 3, clients: established, pipeline: 1}
	if err := r.bed.fill(ctx, s.size); err != nil {
		return nil, err
	}
	targets, err := r.bed.all(ctx, names)
	if err != nil {
		return nil, err
	}
	var out []arrival
	err = r.turns("arrivals", len(targets), func(round, i int) error {
		full := 0.0
		for _, load := range []string{saturated, half} {
			for _, others := range []bool{false, true} {
				rate := 0.0
				if load == half {
					rate = full / 2
				}
				one, err := r.arrival(ctx, targets[i], s, rate, others)
				if err != nil {
					return fmt.Errorf("arrivals on %s: %w", targets[i].name, err)
				}
				if load == saturated && !others {
					full = one.Rate
				}
				one.Round, one.Load, one.Others = round, load, others
				out = append(out, one)
			}
		}
		return nil
	})
	return out, err
}

// arrival is one run: established clients at a rate of all together, or as fast as
// they can for 0, and perhaps others that arrive and leave.
func (r *runner) arrival(ctx context.Context, t *target, s scenario, rate float64, others bool) (arrival, error) {
	ctx, cancel := context.WithTimeout(ctx, patience(r.length))
	defer cancel()
	clients, err := connect(ctx, t, s.clients, nil)
	if err != nil {
		return arrival{}, err
	}
	defer clients.close()
	began := time.Now()
	end := began.Add(r.length)
	came := newShaker(t, false)
	came.login = true
	done := make(chan error, 1)
	if others {
		go func() {
			done <- came.paced(ctx, time.Second/arrivalsSecond, func(int) bool { return !time.Now().Before(end) })
		}()
	} else {
		done <- nil
	}
	err = clients.keepOn(ctx, s, rate, end)
	took := time.Since(began)
	if err := errors.Join(err, <-done); err != nil {
		return arrival{}, err
	}
	out := arrival{Target: t.name, Arrivals: len(came.took)}
	for _, c := range clients {
		out.Rate += float64(len(c.took)) / took.Seconds()
	}
	out.P50, out.P99 = clients.latencies()
	return out, nil
}

// as views arrivals of a load as runs, for medians and ratios.
func as(all []arrival, load string, others bool) []run {
	var out []run
	for _, a := range all {
		if a.Load == load && a.Others == others {
			out = append(out, run{Target: a.Target, Round: a.Round, Rate: a.Rate, P50: a.P50, P99: a.P99, Commands: int64(a.Arrivals)})
		}
	}
	return out
}

func arrivalSection(names []string, all []arrival) section {
	out := section{Runs: all, Note: fmt.Sprintf("%d clients with GETs of 3 B. \"growth\" is that of p99 within a round, and its ratio that to Redis's own TLS in the same round.", established)}
	out.Table.Head = []string{"load", "target", "commands/s", "with arrivals", "p50 ms", "with arrivals", "p99 ms", "with arrivals", "growth", "growth : " + tlsRedis}
	for _, load := range []string{saturated, half} {
		alone, with := as(all, load, false), as(all, load, true)
		grown := growth(alone, with)
		var chart []bar
		for _, name := range names {
			p99 := func(r run) float64 { return r.P99 }
			p50 := func(r run) float64 { return r.P50 }
			rate := func(r run) float64 { return r.Rate }
			out.Table.add(
				load, name,
				fmt.Sprintf("%.0f", middle(alone, name, rate)), fmt.Sprintf("%.0f", middle(with, name, rate)),
				fmt.Sprintf("%.3f", middle(alone, name, p50)), fmt.Sprintf("%.3f", middle(with, name, p50)),
				fmt.Sprintf("%.3f", middle(alone, name, p99)), fmt.Sprintf("%.3f", middle(with, name, p99)),
				fmt.Sprintf("%.2f", middle(grown, name, p99)), ratioCell(grown, name, tlsRedis, p99),
			)
			chart = append(chart, bar{name, []float64{middle(alone, name, p99)}}, bar{name + ", with", []float64{middle(with, name, p99)}})
		}
		title := "p99 in milliseconds, alone and with arrivals, " + load
		out.Charts = append(out.Charts, figure{name: load, title: title, svg: bars(title, nil, chart, "%.2f")})
	}
	return out
}

// growth returns runs whose p99 is how much that of a round has grown.
func growth(alone, with []run) []run {
	var out []run
	for _, w := range with {
		if before := of(alone, w.Target, func(r run) float64 { return r.P99 })[w.Round]; before > 0 {
			out = append(out, run{Target: w.Target, Round: w.Round, P99: w.P99 / before})
		}
	}
	return out
}
