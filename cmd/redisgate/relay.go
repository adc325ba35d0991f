package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"redisgate/config"
	"redisgate/handover"
)

// takeover is a hand-over from another process; nil is none.
type takeover struct {
	*handover.Taking
	given inherited
}

// takeOver asks the process that runs with this configuration for its sockets. It returns
// nil if there is none.
func takeOver(ctx context.Context, cfg *config.Config) (*takeover, error) {
	if cfg.Listen.Handover == "" {
		return nil, nil
	}
	t, err := handover.Begin(ctx, cfg.Listen.Handover)
	if err != nil {
		return nil, config.Problems{cfg.NewProblem("listen.handover", "the sockets cannot be taken over: "+err.Error(),
			"the process that runs must be a redisgate of the same user; without it, remove the file")}
	}
	if t == nil {
		return nil, nil
	}
	out := &takeover{Taking: t}
	var problems []error
	for _, f := range t.Sockets {
		ln, err := listenerOf(f)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		out.given = append(out.given, inheritance{ln, ofPeer, f.Name()})
	}
	if len(problems) > 0 {
		out.given.close()
		out.giveUp()
		return nil, fmt.Errorf("listen.handover: a socket that was passed on cannot be used: %w", errors.Join(problems...))
	}
	return out, nil
}

// sockets are what has been passed on.
func (t *takeover) sockets() inherited {
	if t == nil {
		return nil
	}
	return t.given
}

// giveUp has the other process go on.
func (t *takeover) giveUp() {
	if t != nil {
		t.Close()
	}
}

// relay is a gate's part in hand-overs: first it may take over, and later hand over.
type relay struct {
	at   *sockets
	from *takeover

	begun    chan struct{} // closed when this process is the one that accepts
	handed   chan struct{} // closed when another is
	redisMay time.Duration // until Redis answers, before anything is taken over
}

func newRelay(at *sockets, from *takeover) *relay {
	r := &relay{at: at, from: from, begun: make(chan struct{}), handed: make(chan struct{}), redisMay: handover.BuildTimeout / 2}
	if from == nil {
		close(r.begun)
	}
	return r
}

// begin returns when this process may accept. If another has to hand over first, that goes
// on with all if Redis does not answer here.
func (r *relay) begin(ctx context.Context, g *gate) error {
	if r == nil || r.from == nil {
		return nil
	}
	defer r.from.giveUp()
	wait, cancel := context.WithTimeout(ctx, r.redisMay)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !g.control.Up() {
		select {
		case <-tick.C:
		case <-wait.Done():
			return fmt.Errorf("nothing was taken over: Redis does not answer at %s; the process that was to hand over goes on", g.b.cfg.Upstream.Address)
		}
	}
	for _, p := range r.at.passed {
		if err := os.Chmod(p.ln.Addr().String(), p.mode); err != nil {
			return fmt.Errorf("nothing was taken over: the mode of a socket cannot be set: %w", err)
		}
	}
	ended, err := r.from.Ready(ctx)
	if err != nil {
		return fmt.Errorf("nothing was taken over: %w", err)
	}
	for _, p := range r.at.passed {
		p.ln.SetUnlinkOnClose(true) // files go with the last process that has the socket
	}
	g.log.Info("the sockets are taken over; this process accepts", "other_process_has_ended", ended)
	close(r.begun)
	return nil
}

// watching waits until this process, which is ready then, is to answer for metrics, and
// returns a context that ends when it is another's turn, or with ctx.
func (r *relay) watching(ctx context.Context, ready func() bool) context.Context {
	if r == nil {
		return ctx
	}
	if r.from != nil {
		select {
		case <-r.begun:
		case <-ctx.Done():
		}
		// The process before was ready, and nobody is to see anything else.
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(2 * time.Second); !ready() && ctx.Err() == nil && time.Now().Before(end); {
			<-tick.C
		}
	}
	watching, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-r.handed:
		case <-ctx.Done():
		}
		cancel()
	}()
	return watching
}

// over says that another process accepts: to whom asks this one, that one is ready.
func (r *relay) over() bool {
	if r == nil {
		return false
	}
	select {
	case <-r.handed:
		return true
	default:
		return false
	}
}

// offer hands the sockets over to another process that asks, until drain ends; end cuts
// off what is under way then.
func (r *relay) offer(drain, end context.Context, g *gate) {
	if r == nil || r.at.handoverAt == nil {
		return
	}
	select {
	case <-r.begun:
	case <-end.Done():
		r.at.handoverAt.Close()
		return
	}
	o := handover.Offer{At: r.at.handoverAt, Log: g.log, Yield: func() { r.yield(g) }}
	for _, ln := range r.listeners() {
		if c, ok := ln.(syscall.Conn); ok {
			o.Sockets = append(o.Sockets, c)
		}
	}
	if o.Serve(drain, end) {
		g.log.Info("another process accepts now; this one ends when its clients have left, or drains after listen.drain_timeout")
	}
}

// listeners are those that are handed over.
func (r *relay) listeners() []net.Listener {
	all := append([]net.Listener{}, r.at.clients...)
	if r.at.metricsAt != nil {
		all = append(all, r.at.metricsAt)
	}
	return all
}

// yield ends accepting; the sockets' files stay, for the other process.
func (r *relay) yield(g *gate) {
	for _, ln := range r.at.clients {
		if unix, ok := ln.(*net.UnixListener); ok {
			unix.SetUnlinkOnClose(false)
		}
	}
	g.changes.Retire()
	close(r.handed)
	g.server.HandOver()
}
