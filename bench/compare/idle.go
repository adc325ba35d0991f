package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"redisgate/resp"
)

// idleClients is how many are connected, after those whose costs are not theirs.
const (
	idleClients = 5000
	firstOnes   = 200
)

// repose is a sort of idle client.
type repose struct {
	Name   string
	curve  tls.CurveID
	record int // bytes of the largest value it has sent
}

var reposes = []repose{
	{Name: "classical hello (X25519)", curve: tls.X25519},
	{Name: "ML-KEM hello (X25519MLKEM768)", curve: tls.X25519MLKEM768},
	{Name: "classical, after a 16 KB record", curve: tls.X25519, record: 16 << 10},
}

// rest is what idle clients of one sort cost.
type rest struct {
	Target string  `json:"target"`
	Kind   string  `json:"kind"`
	Curve  string  `json:"curve"` // that was agreed on
	Proxy  float64 `json:"proxy_bytes"`
	Redis  float64 `json:"redis_bytes"`
}

func idleJob() job {
	return job{
		name: "idle", title: fmt.Sprintf("Resident memory of %d idle clients", idleClients), targets: tlsTargets, usual: true,
		run: func(ctx context.Context, r *runner, names []string) (section, error) {
			rests, err := r.idle(ctx, names)
			return idleSection(rests), err
		},
		lasts: func(targets, _ int, _ time.Duration) time.Duration {
			return time.Duration(targets*len(reposes)) * 20 * time.Second
		},
	}
}

func (r *runner) idle(ctx context.Context, names []string) ([]rest, error) {
	var out []rest
	for _, k := range reposes {
		for _, name := range names {
			one, err := r.rest(ctx, name, k)
			if err != nil {
				return nil, fmt.Errorf("idle clients of %s, %s: %w", name, k.Name, err)
			}
			out = append(out, one)
		}
		fmt.Fprintf(r.progress, "idle: %s\n", k.Name)
	}
	return out, nil
}

// rest connects clients to a proxy that has been started for them.
func (r *runner) rest(ctx context.Context, name string, k repose) (rest, error) {
	defer r.bed.clear(r.bed.furnished())
	t, err := r.bed.target(ctx, name)
	if err != nil {
		return rest{}, err
	}
	other := *t
	other.tls = t.tls.Clone()
	other.tls.CurvePreferences = []tls.CurveID{k.curve, tls.X25519}
	n := idleClients
	if r.requests > 0 {
		n = r.requests
	}
	first, err := connect(ctx, &other, min(n, firstOnes), nil)
	if err != nil {
		return rest{}, err
	}
	defer first.close()
	if err := first.send(k.record); err != nil {
		return rest{}, err
	}
	before, err := t.settled(ctx, r.look)
	if err != nil {
		return rest{}, err
	}
	clients, err := connect(ctx, &other, n, nil)
	if err != nil {
		return rest{}, err
	}
	defer clients.close()
	if err := clients.send(k.record); err != nil {
		return rest{}, err
	}
	after, err := t.settled(ctx, r.look)
	out := rest{
		Target: name, Kind: k.Name,
		Proxy: float64(after.proxyRSS-before.proxyRSS) / float64(n), Redis: float64(after.redisRSS-before.redisRSS) / float64(n),
	}
	if tc, ok := clients[0].nc.(*tls.Conn); ok {
		out.Curve = tc.ConnectionState().CurveID.String()
	}
	return out, err
}

// send sets a key to a value of that size, if it is not 0, on each connection.
func (cs clients) send(size int) error {
	if size == 0 {
		return nil
	}
	request := resp.AppendCommand(nil, "SET", keyName(0), values(size))
	for _, c := range cs {
		_ = c.nc.SetDeadline(time.Now().Add(dialTimeout))
		_, err1 := c.nc.Write(request)
		line, err2 := c.r.ReadString('\n')
		if err := errors.Join(err1, err2, c.nc.SetDeadline(time.Time{})); err != nil || line != "+OK\r\n" {
			return fmt.Errorf("SET = %q, %w", line, unexpected(err))
		}
	}
	return nil
}

// settled waits until resident memory falls no more, a while at the most: what a
// server gives back is for it to say, but not after minutes.
func (t *target) settled(ctx context.Context, every time.Duration) (usage, error) {
	const (
		still = 6  // looks
		most  = 16 // looks
	)
	least := usage{proxyRSS: 1 << 62, redisRSS: 1 << 62}
	for look, same := 0, 0; look < most && same < still; look++ {
		select {
		case <-ctx.Done():
			return usage{}, context.Cause(ctx)
		case <-time.After(every):
		}
		u, err := t.usage()
		if err != nil {
			return usage{}, err
		}
		same++
		if u.proxyRSS < least.proxyRSS || u.redisRSS < least.redisRSS {
			same = 0
		}
		least.proxyRSS, least.redisRSS = min(least.proxyRSS, u.proxyRSS), min(least.redisRSS, u.redisRSS)
	}
	return least, nil
}

func idleSection(rests []rest) section {
	out := section{Runs: rests, Note: "KB that each has added, in the proxy and in Redis. Client certificates are in `make bench-idle`."}
	out.Table.Head = []string{"clients", "target", "agreed on", "proxy KB", "Redis KB", "both KB"}
	var all []bar
	for _, r := range rests {
		kb := func(bytes float64) string { return fmt.Sprintf("%.1f", bytes/1024) }
		out.Table.add(r.Kind, r.Target, r.Curve, kb(r.Proxy), kb(r.Redis), kb(r.Proxy+r.Redis))
		if r.Kind == reposes[0].Name {
			all = append(all, bar{r.Target, []float64{max(0, r.Proxy) / 1024, max(0, r.Redis) / 1024}})
		}
	}
	title := "KB of an idle client, classical hello"
	out.Charts = []figure{{name: "memory", title: title, svg: bars(title, []string{"proxy", "Redis"}, all, "%.1f")}}
	return out
}
