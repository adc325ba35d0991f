package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// point is a redisgate of some size under a load of some size.
type point struct {
	Clients  int `json:"clients"`
	Workers  int `json:"workers"`
	Users    int `json:"users"`
	Patterns int `json:"patterns"` // of each user
}

// strictPatterns is the number of key patterns in strict.
const strictPatterns = 3

// middling is the point that the others vary one number of.
var middling = point{Clients: 100, Workers: 1, Users: 1, Patterns: strictPatterns}

// series are points in one of whose numbers they differ.
type series struct {
	name   string
	values []int
	vary   func(p *point, value int)
}

var allSeries = []series{
	{"clients", []int{10, 100, 1000, 5000}, func(p *point, n int) { p.Clients = n }},
	{"users", []int{1, 100, 10000}, func(p *point, n int) { p.Users = n }},
	{"key patterns", []int{strictPatterns, 1000}, func(p *point, n int) { p.Patterns = n }},
}

// points are those of a series with so many workers.
func (s series) points(workers int) []point {
	var out []point
	for _, n := range s.values {
		p := middling
		p.Workers = workers
		s.vary(&p, n)
		out = append(out, p)
	}
	return out
}

// points are those of all series, each once.
func points() []point {
	var out []point
	for _, s := range allSeries {
		for _, workers := range []int{1, 2} {
			for _, p := range s.points(workers) {
				if !slices.Contains(out, p) {
					out = append(out, p)
				}
			}
		}
	}
	return out
}

// gate is the redisgate of a point.
func (p point) gate() gate {
	return gate{workers: p.Workers, users: p.Users, patterns: p.Patterns - strictPatterns}
}

// scaled is what one run at a point has given.
type scaled struct {
	point
	run
}

func scalingJob() job {
	return job{
		name: "scaling", title: "CPU of a command by clients, workers, users and key patterns", targets: []string{gateName}, usual: true,
		run: func(ctx context.Context, r *runner, _ []string) (section, error) {
			runs, err := r.scaling(ctx, points())
			return scalingSection(points(), runs), err
		},
		lasts: func(_, rounds int, length time.Duration) time.Duration {
			var all time.Duration
			for _, p := range points() {
				all += 500*time.Millisecond + time.Duration(rounds)*(length+time.Duration(p.Clients)*time.Second/1500)
			}
			return all
		},
	}
}

// scaling runs every point once a round. All redisgates stand all the time.
func (r *runner) scaling(ctx context.Context, points []point) ([]scaled, error) {
	defer r.bed.clear(r.bed.furnished())
	s := scenario{command: get, size: 3, pipeline: 1}
	if err := r.bed.fill(ctx, s.size); err != nil {
		return nil, err
	}
	gates := map[gate]*target{}
	for _, p := range points {
		if g := p.gate(); gates[g] == nil {
			t, err := g.start(ctx, r.bed)
			if err != nil {
				return nil, fmt.Errorf("scaling, %+v: %w", p, err)
			}
			t.name, t.redis = gateName, r.bed.redis.pid()
			gates[g] = t
		}
	}
	var out []scaled
	err := r.turns("scaling", len(points), func(round, i int) error {
		one, err := r.scale(ctx, gates[points[i].gate()], s, points[i])
		if err != nil {
			return fmt.Errorf("scaling, %+v: %w", points[i], err)
		}
		one.Round = round
		out = append(out, scaled{points[i], one})
		return nil
	})
	return out, err
}

// scale is one run at a point: every client sends the next command when the last is
// answered. Connecting and logging in are not measured.
func (r *runner) scale(ctx context.Context, t *target, s scenario, p point) (run, error) {
	ctx, cancel := context.WithTimeout(ctx, patience(r.length))
	defer cancel()
	clients, err := connect(ctx, t, p.Clients, func(i int) string { return userName(i * p.Users / p.Clients) })
	if err != nil {
		return run{}, err
	}
	defer clients.close()
	m, err := startMeter(t)
	if err != nil {
		return run{}, err
	}
	cpu, began := ownCPU(), time.Now()
	err = clients.keepOn(ctx, s, 0, began.Add(r.length))
	took := time.Since(began)
	used, err2 := m.stop()
	if err := errors.Join(err, err2); err != nil {
		return run{}, err
	}
	out := run{Target: t.name, ProxyRSS: used.proxyRSS, RedisRSS: used.redisRSS}
	for _, c := range clients {
		out.Commands += int64(len(c.took))
	}
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(max(1, out.Commands)) }
	out.Rate = float64(out.Commands) / took.Seconds()
	out.P50, out.P99 = clients.latencies()
	out.ProxyCPU, out.RedisCPU, out.LoadCPU = each(used.proxy), each(used.redis), each(ownCPU()-cpu)
	return out, nil
}

func scalingSection(points []point, all []scaled) section {
	out := section{Runs: all, Note: "GETs of 3 B without a pipeline, as fast as they go, from a load of our own whose clients are connected before the clock starts."}
	out.Table.Head = []string{"clients", "workers", "users", "patterns", "commands/s", "p50 ms", "p99 ms", "proxy us", "Redis us", "both us", "load us", "proxy MB"}
	cpu := map[point]float64{}
	for _, p := range points {
		var runs []run
		for _, s := range all {
			if s.point == p {
				runs = append(runs, s.run)
			}
		}
		m := func(f func(run) float64) float64 { return middle(runs, gateName, f) }
		cpu[p] = m(func(r run) float64 { return r.ProxyCPU })
		out.Table.add(
			fmt.Sprint(p.Clients), fmt.Sprint(p.Workers), fmt.Sprint(p.Users), fmt.Sprint(p.Patterns),
			fmt.Sprintf("%.0f", m(func(r run) float64 { return r.Rate })),
			fmt.Sprintf("%.3f", m(func(r run) float64 { return r.P50 })), fmt.Sprintf("%.3f", m(func(r run) float64 { return r.P99 })),
			fmt.Sprintf("%.2f", cpu[p]), fmt.Sprintf("%.2f", m(func(r run) float64 { return r.RedisCPU })),
			fmt.Sprintf("%.2f", m(run.bothCPU)), fmt.Sprintf("%.2f", m(func(r run) float64 { return r.LoadCPU })),
			fmt.Sprintf("%.1f", m(func(r run) float64 { return megabytes(r.ProxyRSS) })),
		)
	}
	for _, s := range allSeries {
		title := "CPU microseconds of a command in redisgate, by " + s.name
		var lines []curve
		for _, workers := range []int{1, 2} {
			line := curve{label: fmt.Sprintf("workers: %d", workers)}
			for i, p := range s.points(workers) {
				line.dots = append(line.dots, dot{s.values[i], cpu[p]})
			}
			lines = append(lines, line)
		}
		out.Charts = append(out.Charts, figure{name: s.name, title: title, svg: curves(title, lines)})
	}
	return out
}
