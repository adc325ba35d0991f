package proxy

import (
	"context"
	"time"
)

const (
	// sweepEvery is how often the certificates of open sessions are judged again, since
	// certificates and revocation lists end without anybody's doing.
	sweepEvery = 15 * time.Second
	// sweepStep is how many of them are judged in one turn of a loop: some 100 µs.
	sweepStep = 128
)

// sweeps judges certificates from time to time until ctx ends.
func (s *Server) sweeps(ctx context.Context) {
	if s.settings.Load().TLS == nil {
		return // and there will be none, since listeners stay
	}
	tick := time.NewTicker(s.o.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.Sweep()
		case <-ctx.Done():
			return
		}
	}
}

// Sweep has the certificates of all open sessions judged again, and those sessions
// closed whose certificate does not hold any more. It does not wait for that. It is to
// be called when what [TLS] judges by has changed.
func (s *Server) Sweep() {
	if !s.started.Load() {
		return
	}
	for _, w := range s.workers {
		w.loop.Post(func() { w.sweep(false, func() {}) })
	}
}

// sweep judges certificates, and with all also clients who have none, and calls done
// when that is over.
func (w *worker) sweep(all bool, done func()) {
	var list []*client
	for c := range w.clients {
		if len(c.chains) > 0 || all && c.tls != nil {
			list = append(list, c)
		}
	}
	w.sweepSome(list, done)
}

// sweepSome judges the first of a list, and the rest in later turns.
func (w *worker) sweepSome(list []*client, done func()) {
	now := time.Now()
	n := min(len(list), sweepStep)
	for _, c := range list[:n] {
		if !c.closed && !c.closing {
			w.judge(c, now)
		}
	}
	if list = list[n:]; len(list) == 0 || !w.loop.Post(func() { w.sweepSome(list, done) }) {
		done()
	}
}

// judge closes a session whose client's certificate does not hold, whatever it is
// doing.
func (w *worker) judge(c *client, now time.Time) {
	err := w.set.TLS.Judge(c.chains, now)
	if err == nil {
		return
	}
	if n, ok := w.srv.logged.allow("sweep", now); ok {
		w.srv.o.Log.Info("a session is closed", "address", c.addr, "user", c.label(), "reason", err.Error(), "not_logged", n)
	}
	c.gone("certificate")
}

// label is what a log calls the session's user.
func (s *session) label() string {
	if u := s.userKnown(); u != nil {
		return u.Label
	}
	return ""
}
