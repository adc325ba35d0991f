package main

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"redisgate/auth"
	"redisgate/config"
	"redisgate/metrics"
	"redisgate/proxy"
	"redisgate/status"
	"redisgate/tlsfeed"
	"redisgate/upstream"
	"redisgate/users"
)

// watchInterval is how often Redis's health is looked at.
const watchInterval = time.Second

// gate is a redisgate that listens and is ready to run.
type gate struct {
	b        *built // what it was started with
	log      *slog.Logger
	server   *proxy.Server
	users    *users.Store
	changes  *users.Directory // of users
	control  *upstream.Control
	throttle *auth.Throttle
	audit    *auditLog
	web      *metrics.Server
	webAt    net.Listener // nil: no metrics
	page     *status.Page
	tls      followed
	relay    *relay // nil: no hand-over
	undo     func()
	reloads  reloads

	compareOnce sync.Once
}

// newGate joins what was built with its listeners, which run closes. metricsAt may
// be nil.
func newGate(b *built, listeners []net.Listener, metricsAt net.Listener, build metrics.Build, log *slog.Logger) (*gate, error) {
	cpus := defaultProcs()
	workers, slots := processors(b.cfg.Listen.Workers, cpus)
	g := &gate{b: b, log: log, control: upstream.NewControl(b.dialer), webAt: metricsAt}
	g.users = users.NewStore(b.users)
	g.throttle = auth.NewThrottle(throttling(b.cfg))
	g.changes = users.NewDirectory(g.users, b.directory)
	g.begin(b, workers, slots)
	if err := g.follow(b, nil); err != nil {
		return nil, err
	}
	var err error
	if g.audit, err = newAuditLog(b.audit, log); err != nil {
		return nil, config.Problems{b.cfg.NewProblem("audit.path", "the audit log cannot be opened: "+err.Error(), auditOwner)}
	}
	g.server, err = proxy.New(proxy.Options{
		Settings:  settings(b),
		Audit:     auditor{g.audit.Trail},
		Listeners: listeners,
		Slots:     tlsfeed.NewSlots(slots),
		Users:     g.users,
		Directory: g.changes,
		Throttle:  g.throttle,
		Control:   g.control,
		Log:       log,
		Workers:   workers,
		Proving:   proving(slots),
		Begin:     func(ctx context.Context) error { return g.relay.begin(ctx, g) },
	})
	if err != nil {
		g.audit.Close(0)
		return nil, err
	}
	g.tls.set(b.lives())
	if metricsAt != nil {
		source := &stats{snapshot: g.server.Snapshot, files: &g.tls, loaded: g.reloads.loaded, audit: g.audit.Trail}
		g.page, err = newPage(g, listeners, source, build)
		if err != nil {
			return nil, err
		}
		g.web, err = metrics.New(metrics.Options{
			Source: source,
			Page:   g.page,
			Ready:  func(context.Context) error { return g.unready() },
			Build:  build,
			Log:    log,
			Host:   metricsHost(b.cfg),
		})
		if err != nil {
			g.audit.Close(0)
			return nil, err
		}
	}
	// The goroutines of one hash are more than its permit, if it has lanes.
	g.undo = tune(workers, slots+lanes(slots, b.users))
	return g, nil
}

// run serves until drain ends and the clients have left, or now ends.
func (g *gate) run(drain, now context.Context) error {
	defer g.undo()
	// Health and metrics go on while clients drain, and end with run.
	ctx, end := context.WithCancel(context.WithoutCancel(drain))
	var beside sync.WaitGroup
	beside.Go(func() { g.tls.run(ctx) })
	beside.Go(func() { g.watchAndReload(ctx, drain) })
	beside.Go(func() {
		supervisor{
			log: g.log, drain: func() time.Duration {
				in := g.latest().cfg.Listen
				return in.DrainTimeout.Std() + in.DrainDelay.Std()
			},
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
	g.audit.config("stopped", "", g.reloads.loaded().generation)
	g.audit.Close(auditEnd)
	end()
	beside.Wait()
	return err
}

func (g *gate) redisChanged(up bool, err error) {
	if up {
		g.log.Info("Redis answers", "address", g.latest().cfg.Upstream.Address)
		g.compareOnce.Do(func() { compareCommands(g.control, g.log) })
		return
	}
	g.log.Warn("Redis does not answer", "address", g.latest().cfg.Upstream.Address, "error", err)
}
