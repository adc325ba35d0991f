package proxy

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// drainGrace is how long a connection that has just come is let alone although the
// server drains: a client that comes for one command, as PHP's do, has been served by then.
const drainGrace = time.Second

// farewell is what a Server knows of its end.
type farewell struct {
	leaving   atomic.Bool   // empty is told of the last connection's end
	empty     chan struct{} // holds one
	takenOver chan struct{} // closed by HandOver
	shut      chan struct{} // closed when nobody is accepted any more
	takeOver  sync.Once
	shutOnce  sync.Once
}

func newFarewell() farewell {
	return farewell{empty: make(chan struct{}, 1), takenOver: make(chan struct{}), shut: make(chan struct{})}
}

// awaitTurn calls Begin, when the workers are there and their loops do not run. If it
// returns false Run is over.
func (s *Server) awaitTurn(ctx context.Context) (bool, error) {
	if s.o.Begin == nil {
		return true, nil
	}
	err := s.o.Begin(ctx)
	if err == nil {
		return true, nil // even if ctx has ended: somebody may count on this process now
	}
	for _, w := range s.workers {
		w.loop.Stop()
		_ = w.loop.Run()
	}
	if ctx.Err() != nil {
		return false, nil // the wait was ended, and did not fail
	}
	return false, err
}

// shut ends accepting. Whoever was accepted until then is counted when it returns.
func (s *Server) shut(doors *sync.WaitGroup) {
	s.farewell.shutOnce.Do(func() {
		s.accepting.Store(false)
		for _, l := range s.o.Listeners {
			l.Close()
		}
		if doors != nil {
			doors.Wait()
		}
		close(s.farewell.shut)
	})
}

// serve waits until it is time to drain; then nobody is accepted any more. doors are the
// listeners' goroutines.
func (s *Server) serve(ctx, now context.Context, failed <-chan error, doors *sync.WaitGroup) error {
	defer s.shut(doors)
	select {
	case err := <-failed:
		return err
	case <-now.Done():
		return nil
	case <-s.farewell.takenOver:
		s.shut(doors)
		return s.outlast(ctx, now, failed)
	case <-ctx.Done():
	}
	s.accepting.Store(false)
	if s.settings.Load().DrainDelay == 0 {
		return nil
	}
	delay := time.NewTimer(s.settings.Load().DrainDelay)
	defer delay.Stop()
	select {
	case err := <-failed:
		return err
	case <-now.Done():
	case <-delay.C:
	case <-s.farewell.takenOver:
	}
	return nil
}

// outlast serves those who are there, while another process accepts, until they have
// left, DrainTimeout has passed or ctx or now ends.
func (s *Server) outlast(ctx, now context.Context, failed <-chan error) error {
	timeout := time.NewTimer(s.settings.Load().DrainTimeout)
	defer timeout.Stop()
	s.farewell.leaving.Store(true)
	for s.connections.Load() > 0 {
		select {
		case err := <-failed:
			return err
		case <-s.farewell.empty:
		case <-timeout.C:
			return nil
		case <-ctx.Done():
			return nil
		case <-now.Done():
			return nil
		}
	}
	return nil
}

// HandOver is for when another process is about to accept on the same listening sockets.
// It returns when this one accepts nobody any more and has closed its descriptors of them.
// Who was accepted is served as before until DrainTimeout has passed, and then Run drains.
func (s *Server) HandOver() {
	s.farewell.takeOver.Do(func() { close(s.farewell.takenOver) })
	<-s.farewell.shut
}

// drain waits for the connections to end, as long as they may. cancel ends handshakes.
func (s *Server) drain(now context.Context, cancel func()) {
	for _, w := range s.workers {
		w.loop.Post(w.drain)
	}
	if s.emptyWithin(now, s.settings.Load().DrainTimeout) || now.Err() != nil {
		return
	}
	s.o.Log.Warn("the drain time-out has passed; remaining connections are cut", "connections", s.connections.Load())
	cancel()
	for _, w := range s.workers {
		w.loop.Post(w.dismiss)
	}
	s.emptyWithin(now, lingerTime+lingerTime/2)
}

// emptyWithin waits until there are no connections. It is for when nobody is accepted any
// more.
func (s *Server) emptyWithin(now context.Context, d time.Duration) bool {
	timeout := time.NewTimer(d)
	defer timeout.Stop()
	s.farewell.leaving.Store(true)
	for s.connections.Load() > 0 {
		select {
		case <-s.farewell.empty:
		case <-timeout.C:
			return false
		case <-now.Done():
			return false
		}
	}
	return true
}

// leave gives back a place among the connections.
func (s *Server) leave() {
	if s.connections.Add(-1) == 0 && s.farewell.leaving.Load() {
		select {
		case s.farewell.empty <- struct{}{}:
		default: // it is known already
		}
	}
}

// drain ends every session as soon as nothing is under way in it. Those that have just
// come have their turn a moment later.
func (w *worker) drain() {
	w.drains = true
	w.grace.F = w.drain
	now, wait := w.loop.Now(), int64(0)
	grace := int64(min(drainGrace, w.set.DrainTimeout/2))
	for c := range w.clients {
		switch age := now - c.born; {
		case c.draining:
		case age >= grace:
			c.drain()
		default:
			wait = max(wait, grace-age)
		}
	}
	if wait > 0 {
		w.loop.SetTimer(&w.grace, time.Duration(wait))
	}
}

// dismiss ends every session, with what can be said to its client still: close_notify
// and FIN, and no reset.
func (w *worker) dismiss() {
	for c := range w.clients {
		if !c.closed && !c.closing {
			c.reason = "drain"
			c.shutdown()
		}
	}
}

// part ends every session at once, since the loop is about to: what a session has asked
// for and was not answered is audited by that, and who waits for the session is told.
func (w *worker) part() {
	w.parted = true
	for c := range w.clients {
		c.gone("drain")
	}
}
