package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"redisgate/config"
	"redisgate/metrics"
	"redisgate/users"
)

// reloads is the gate's side of reading its configuration again.
type reloads struct {
	asked          chan string // has room for one: what is asked for meanwhile is one reload
	sources        sources
	workers, slots int
	latest         atomic.Pointer[built] // what is in force

	mu   sync.Mutex // one reload at a time; guards what follows
	told []func(reason string, generation uint64, err error)

	counts sync.Mutex // guards what follows
	count  loaded
}

// loaded is what there is to say of the configuration in force.
type loaded struct {
	results    metrics.ReloadResults
	last       time.Time // when it was read
	generation uint64    // 1 at the start
}

func (r *reloads) loaded() loaded {
	r.counts.Lock()
	defer r.counts.Unlock()
	return r.count
}

// begin notes what the gate starts with.
func (g *gate) begin(b *built, workers, slots int) {
	r := &g.reloads
	r.asked, r.workers, r.slots = make(chan string, 1), workers, slots
	r.latest.Store(b)
	r.count = loaded{last: time.Now(), generation: 1}
	g.changes.OnDiscard(func(d users.Discarded) {
		g.log.Warn("changes of users made while running are discarded", "changed", few(d.Changed), "deleted", few(d.Deleted))
	})
	// Who changes users after ACL SAVE would lose that if the file were read again for it.
	g.changes.OnSave(r.sources.read)
	g.onReload(func(reason string, generation uint64, err error) {
		verdict := "reloaded"
		if err != nil {
			verdict = "failed"
		}
		g.audit.config(verdict, reason, generation)
	})
	r.sources.init(b.cfg, b.seen, func() { g.ask("a file of it has changed") })
}

// latest is what is in force.
func (g *gate) latest() *built { return g.reloads.latest.Load() }

// onReload has f called after each reload and before the next one; err is nil if it has
// succeeded. f must not ask for a reload and wait for it.
func (g *gate) onReload(f func(reason string, generation uint64, err error)) {
	g.reloads.mu.Lock()
	defer g.reloads.mu.Unlock()
	g.reloads.told = append(g.reloads.told, f)
}

// ask has the configuration read again soon, and does not wait for that.
func (g *gate) ask(reason string) {
	select {
	case g.reloads.asked <- reason:
	default: // one that has not begun will see what this one would
	}
}

// watchAndReload serves ask until ctx ends. While clients drain nothing is reloaded.
func (g *gate) watchAndReload(ctx, drain context.Context) {
	g.reloads.sources.watch(ctx, g.log)
	defer g.reloads.sources.stop()
	for {
		select {
		case reason := <-g.reloads.asked:
			if drain.Err() != nil {
				g.audit.Reopen() // as in reload
				g.log.Info("the configuration is not read again while clients drain", "reason", reason)
				continue
			}
			_ = g.reload(reason) // which says what is wrong
		case <-ctx.Done():
			return
		}
	}
}

// reload reads the configuration and all files that it names again, and puts all of it
// in force, or nothing. It returns when that is so for every session; see
// [proxy.Server.Reload]. What is wrong is logged. Reloads come one after another, from
// whichever goroutines.
func (g *gate) reload(reason string) error {
	r := &g.reloads
	r.mu.Lock()
	defer r.mu.Unlock()
	sayReloading(g.log)
	defer sayReady(g.log)
	g.audit.Reopen() // who moves its file says so by SIGHUP, whatever the configuration is like
	err := g.renew(time.Now())
	r.counts.Lock()
	if err == nil {
		r.count.results.OK++
		r.count.generation++
		r.count.last = time.Now()
	} else {
		r.count.results.Failed++
	}
	generation := r.count.generation
	r.counts.Unlock()
	if err == nil {
		g.log.Info("the configuration was read again and is in force", "reason", reason, "generation", generation)
	} else {
		logProblems(g.log, reason, err)
	}
	for _, f := range r.told {
		f(reason, generation, err)
	}
	return err
}

// renew is reload without what is said and counted.
func (g *gate) renew(now time.Time) error {
	// Certificates are a value of their own: they may be new though the rest is wrong.
	g.tls.look(now)
	old := g.latest()
	path := old.cfg.File()
	if path == "" {
		return hinted("`redisgate init DIR` writes one for `redisgate serve`", "there is no configuration file")
	}
	r := &g.reloads
	r.sources.read(path)
	var inForce *config.Config
	defer func() { r.sources.done(inForce) }()
	var kept []string
	version := g.changes.Version() // before the aclfile is read
	b, err := loadAdjustAndBuild(path, now, func(c *config.Config) error {
		r.sources.note(c)
		if kept = c.Restart(old.cfg); len(kept) > 0 {
			return c.Validate() // together with what stays
		}
		return nil
	})
	if err == nil {
		err = g.follow(b, old)
	}
	if err == nil {
		err = g.reloadServer(b, old, users.Replacement{Options: b.directory, Set: b.users, Version: version})
	}
	if err != nil {
		return err
	}
	r.latest.Store(b)
	g.tls.set(b.lives())
	g.throttle.Set(throttling(b.cfg))
	setLevel(g.log, b.cfg.Log)
	if n := procs(r.workers, r.slots+lanes(r.slots, b.users)); n != runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(n)
	}
	inForce = b.cfg
	if len(kept) > 0 {
		g.log.Warn("keys have changed that need a restart, and are not in force", "keys", kept)
	}
	for _, n := range b.notes {
		if !slices.Contains(old.notes, n) {
			g.log.Warn("note on the configuration", "note", n)
		}
	}
	return nil
}

// reloadServer puts the audit log, the settings and the users of b in force, or nothing.
func (g *gate) reloadServer(b, old *built, people users.Replacement) error {
	audited := reflect.DeepEqual(b.audit, old.audit)
	if !audited {
		if err := g.reconfigureAudit(b.audit); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
	}
	err := g.server.Reload(settings(b), &people)
	if err != nil && !audited {
		err = errors.Join(err, g.reconfigureAudit(old.audit))
	}
	return err
}

// logProblems logs all that is wrong, as check prints it.
func logProblems(log *slog.Logger, reason string, err error) {
	const text = "the configuration cannot be read again; the old one stays in force"
	var problems config.Problems
	var h *hintError
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			log.Error(text, "reason", reason, "problem", p.Error(), "hint", p.Hint)
		}
	case errors.As(err, &h):
		log.Error(text, "reason", reason, "problem", err.Error(), "hint", h.hint)
	default:
		log.Error(text, "reason", reason, "problem", err.Error())
	}
}

// few keeps a list of names readable.
func few(names []string) []string {
	const most = 20
	if len(names) <= most {
		return names
	}
	return append(slices.Clone(names[:most]), "...")
}
