package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"redisgate/auth"
	"redisgate/metrics"
	"redisgate/proxy"
	"redisgate/status"
	"redisgate/tlsconf"
	"redisgate/tlsfeed"
	"redisgate/upstream"
	"redisgate/users"
)

// watchInterval is how often Redis's health is looked at.
const watchInterval = time.Second

// gate is a redisgate that listens and is ready to run.
type gate struct {
	b       *built
	log     *slog.Logger
	server  *proxy.Server
	users   *users.Store
	changes *users.Directory // of users
	control *upstream.Control
	audit   *auditLog
	web     *metrics.Server
	webAt   net.Listener // nil: no metrics
	page    *status.Page
	tls     []*tlsconf.Live // what follows its files
	relay   *relay          // nil: no hand-over
	undo    func()

	compareOnce sync.Once
}

// newGate joins what was built with its listeners, which run closes. metricsAt may
// be nil.
func newGate(b *built, listeners []net.Listener, metricsAt net.Listener, build metrics.Build, log *slog.Logger) (*gate, error) {
	cpus := defaultProcs()
	workers, slots := processors(b.cfg.Listen.Workers, cpus)
	g := &gate{b: b, log: log, control: upstream.NewControl(b.dialer), webAt: metricsAt}
	g.users = users.NewStore(b.users)
	g.changes = users.NewDirectory(g.users, b.directory)
	in, up := b.cfg.Listen, b.cfg.Upstream
	live, err := liveTLS(b, log, func() { g.server.Sweep() })
	if err != nil {
		return nil, err
	}
	var clients proxy.TLS
	if live != nil {
		clients, g.tls = live, append(g.tls, live)
	}
	toRedis, err := liveRedis(b, log)
	if err != nil {
		return nil, err
	}
	if toRedis != nil {
		g.tls = append(g.tls, toRedis)
	}
	if g.audit, err = newAuditLog(b.audit, log); err != nil {
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	g.server, err = proxy.New(proxy.Options{
		Audit:               auditor{g.audit.Trail},
		Listeners:           listeners,
		TLS:                 clients,
		Slots:               tlsfeed.NewSlots(slots),
		Users:               g.users,
		Directory:           g.changes,
		Throttle:            auth.NewThrottle(auth.ThrottleOptions{Free: b.cfg.Auth.FreeAttempts, Lockout: b.cfg.Auth.Lockout.Std()}),
		Allow:               b.allow,
		Deny:                b.deny,
		Admin:               b.admin,
		Balancers:           b.balancers,
		Dialer:              b.dialer,
		Control:             g.control,
		Limits:              b.limits,
		Log:                 log,
		Workers:             workers,
		MaxConnections:      in.MaxConnections,
		MaxPerAddress:       b.cfg.Limits.ConnectionsPerAddress,
		MaxShared:           up.MaxShared,
		MaxDedicated:        up.MaxDedicated,
		MaxDedicatedPerUser: up.MaxDedicatedPerUser,
		HandshakeTimeout:    in.HandshakeTimeout.Std(),
		Proving:             proving(slots),
		ProveTimeout:        in.AuthTimeout.Std(),
		BalancerTimeout:     min(in.ProxyProtocolTimeout.Std(), in.HandshakeTimeout.Std()),
		DrainTimeout:        in.DrainTimeout.Std(),
		DrainDelay:          in.DrainDelay.Std(),
		Begin:               func(ctx context.Context) error { return g.relay.begin(ctx, g) },
	})
	if err != nil {
		g.audit.Close(0)
		return nil, err
	}
	if metricsAt != nil {
		source := &stats{snapshot: g.server.Snapshot, live: g.tls, audit: g.audit.Trail, started: time.Now()}
		g.page, err = newPage(g, listeners, source, build)
		if err != nil {
			return nil, err
		}
		g.web, err = metrics.New(metrics.Options{
			Source: source,
			Page:   g.page,
			Ready: func(context.Context) error {
				if !g.server.Ready() && !g.relay.over() {
					return errors.New("not ready")
				}
				return nil
			},
			Build: build,
			Log:   log,
			Host:  metricsHost(b.cfg),
		})
		if err != nil {
			g.audit.Close(0)
			return nil, err
		}
	}
	// The goroutines of one hash are more than its permit, if it has lanes.
	g.undo = tune(workers, slots+proving(slots)*(b.users.Lanes()-1))
	return g, nil
}

// run serves until drain ends and the clients have left, or now ends.
func (g *gate) run(drain, now context.Context) error {
	defer g.undo()
	// Health and metrics go on while clients drain, and end with run.
	ctx, end := context.WithCancel(context.WithoutCancel(drain))
	var beside sync.WaitGroup
	for _, l := range g.tls {
		beside.Go(func() { l.Watch(ctx) })
	}
	beside.Go(func() {
		supervisor{
			log: g.log, drain: g.b.cfg.Listen.DrainTimeout.Std() + g.b.cfg.Listen.DrainDelay.Std(),
			alive: func(within time.Duration) bool {
				_, ok := g.server.Snapshot(within)
				return ok
			},
		}.watch(ctx, drain)
	})
	beside.Go(func() { freeAfterBursts(ctx, g.server.Accepted) })
	beside.Go(func() { g.control.Watch(ctx, watchInterval, g.redisChanged) })
	beside.Go(func() {
		if g.web == nil {
			return
		}
		beside.Go(func() { g.page.Watch(ctx) })
		if err := g.web.Serve(g.relay.watching(ctx, g.server.Ready), g.webAt); err != nil {
			g.log.Error("the metrics listener failed", "error", err)
		}
	})
	beside.Go(func() { g.relay.offer(drain, ctx, g) })
	g.audit.config("started", "", 1)
	err := g.server.Run(drain, now)
	g.audit.config("stopped", "", 1)
	g.audit.Close(auditEnd)
	end()
	beside.Wait()
	return err
}

// look reads TLS files again that have changed, without waiting for the system to say
// that they have.
func (g *gate) look() {
	g.log.Info("SIGHUP: looking at TLS files, opening the audit log anew; anything else in the configuration needs a restart")
	for _, l := range g.tls {
		l.Look(time.Now())
	}
	g.audit.Reopen()
}

func (g *gate) redisChanged(up bool, err error) {
	if up {
		g.log.Info("Redis answers", "address", g.b.cfg.Upstream.Address)
		g.compareOnce.Do(func() { compareCommands(g.control, g.log) })
		return
	}
	g.log.Warn("Redis does not answer", "address", g.b.cfg.Upstream.Address, "error", err)
}
