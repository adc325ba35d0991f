package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"redisgate/metrics"
	"redisgate/tlsconf"
)

// followed are the TLS configs in force that follow their files. Its methods may be
// called from any goroutine.
type followed struct {
	watching sync.WaitGroup

	mu    sync.Mutex      // guards what follows
	ctx   context.Context // of run; nil: it does not run
	lives []*tlsconf.Live
	stops map[*tlsconf.Live]context.CancelFunc
	past  metrics.ReloadResults // of those that are not in force any more
}

// run watches the files until ctx ends.
func (f *followed) run(ctx context.Context) {
	f.mu.Lock()
	f.ctx = ctx
	for _, l := range f.lives {
		f.watch(l)
	}
	f.mu.Unlock()
	<-ctx.Done()
	f.mu.Lock()
	f.ctx = nil // nothing is begun any more
	f.mu.Unlock()
	f.watching.Wait()
}

// set says which configs are in force. Those that were are watched on.
func (f *followed) set(lives []*tlsconf.Live) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.lives {
		if slices.Contains(lives, l) {
			continue
		}
		if stop := f.stops[l]; stop != nil {
			stop()
			delete(f.stops, l)
		}
		ok, failed := l.Reloads()
		f.past.OK += ok
		f.past.Failed += failed
	}
	f.lives = lives
	for _, l := range lives {
		if f.ctx != nil && f.stops[l] == nil {
			f.watch(l)
		}
	}
}

// watch is for who holds mu.
func (f *followed) watch(l *tlsconf.Live) {
	ctx, stop := context.WithCancel(f.ctx)
	if f.stops == nil {
		f.stops = make(map[*tlsconf.Live]context.CancelFunc)
	}
	f.stops[l] = stop
	f.watching.Go(func() { l.Watch(ctx) })
}

// all gives those that are in force, and what others have counted before.
func (f *followed) all() ([]*tlsconf.Live, metrics.ReloadResults) {
	if f == nil {
		return nil, metrics.ReloadResults{}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lives, f.past
}

// look reads files again that have changed, without waiting for the system to say that
// they have.
func (f *followed) look(now time.Time) {
	lives, _ := f.all()
	for _, l := range lives {
		l.Look(now)
	}
}

// follow makes what is to be in force follow its files. What has not changed since old,
// which may be nil, is that of old, with its session tickets and its way to Redis.
func (g *gate) follow(b, old *built) (err error) {
	switch {
	case old != nil && sameTLS(b, old):
		b.clients = old.clients
	default:
		b.clients, err = liveTLS(b, g.log, func() { g.server.Sweep() })
	}
	if err != nil {
		return err
	}
	if old != nil && sameWay(b.cfg.Upstream, old.cfg.Upstream) {
		b.toRedis, b.dialer = old.toRedis, old.dialer
		return nil
	}
	b.toRedis, err = liveRedis(b, g.log)
	return err
}

// lives are the TLS configs that b has.
func (b *built) lives() (out []*tlsconf.Live) {
	for _, l := range []*tlsconf.Live{b.clients, b.toRedis} {
		if l != nil {
			out = append(out, l)
		}
	}
	return out
}
