package proxy

import (
	"sync"
	"time"

	"redisgate/upstream"
	"redisgate/users"
)

// Reload puts other settings in force, and in the same moment other users, unless people
// is nil. It returns when both are for all sessions: whoever may not be here any more by
// its address, its certificate or its user is closed, whatever it is doing, and nobody else
// notices. On an error nothing has changed. It must not be called on a loop.
//
// New connections are judged by the new settings from the first moment on. Bounds on
// connections hold for new ones; who is there stays. Requests that have been sent to
// Redis are answered from where they went, and later ones go where the new settings say.
func (s *Server) Reload(next Settings, people *users.Replacement) error {
	if err := next.check(s.o.Listeners); err != nil {
		return err
	}
	s.reloading.Lock()
	defer s.reloading.Unlock()
	exchange := func() (wait func()) { return s.exchange(&next) }
	if people == nil {
		exchange()()
		return nil
	}
	return s.people.Replace(*people, exchange)
}

// exchange puts next in force and has all sessions told. That is waited for by what it
// returns, since who blocks may take long to end, and the users of the same reload, which
// are in force already, must not be judged with the settings of before for that long.
func (s *Server) exchange(next *Settings) (wait func()) {
	old := s.settings.Swap(next)
	s.upLimits.Set(next.MaxShared, next.MaxDedicated)
	s.addresses.most.Store(int64(next.MaxPerAddress))
	s.meters.setAddress(next.Limits.AddressCommands, next.Limits.AddressBytes, s.clock())
	s.control.Redirect(next.Dialer)
	s.doors.judge(next)
	if !s.started.Load() {
		return func() {}
	}
	var told sync.WaitGroup
	for _, w := range s.workers {
		told.Add(1)
		if !w.loop.Post(func() { w.reload(old, next, &told); told.Done() }) {
			told.Done() // it has ended
		}
	}
	done := make(chan struct{})
	go func() { s.await(&told); close(done) }()
	return func() { <-done }
}

// reload is Server.Reload for one worker. old may not be the worker's if that has begun
// after the swap; what has not changed for it does no harm to be told again.
func (w *worker) reload(old, next *Settings, told *sync.WaitGroup) {
	w.set = next
	w.kit.limit(next.Limits)
	w.pool.Redirect(next.Dialer)
	if !sameRedis(old.Dialer, next.Dialer) {
		w.kit.forgetDatabases()
	}
	for c := range w.clients {
		if c.closed || c.closing || !w.admits(c) {
			continue
		}
		c.reloaded(old, next, told)
		c.settleInput()
	}
	if old.TLS != next.TLS {
		told.Add(1)
		w.sweep(true, told.Done)
	}
}

// admits closes a client that may not be here by its address.
func (w *worker) admits(c *client) bool {
	if w.set.admits(source{c.addr, c.via.from()}) {
		return true
	}
	if n, ok := w.srv.logged.allow("address", time.Now()); ok {
		w.srv.o.Log.Info("a session is closed", "address", c.addr, "user", c.label(), "reason", "its address may not connect any more", "not_logged", n)
	}
	c.gone("address")
	return false
}

// reloaded tells the session what its kit does not. It adds to told what is not done when
// it returns.
func (s *session) reloaded(old, next *Settings, told *sync.WaitGroup) {
	if s.phase >= ending {
		return
	}
	s.remeter(old.Limits.AddressCommands != next.Limits.AddressCommands || old.Limits.AddressBytes != next.Limits.AddressBytes)
	if idle := next.Limits.IdleTimeout; idle > 0 && idle != old.Limits.IdleTimeout {
		s.h.deadline(max(s.lastUse+int64(idle), s.h.now()+int64(time.Second)))
	}
	if old.Dialer == next.Dialer {
		return
	}
	another := !sameRedis(old.Dialer, next.Dialer)
	if another && s.multi != nil && s.multi.selects {
		s.spoilMulti() // were its SELECT refused there, what follows would run in the wrong database
	}
	if s.own == nil {
		return
	}
	if s.moving = true; another {
		s.strand(told)
	}
}

// sameRedis says that two dialers reach Redis at one address.
func sameRedis(a, b *upstream.Dialer) bool { return a.Network == b.Network && a.Address == b.Address }

// remeter takes the meter of the session's address again. If its rates are others nobody
// waits for the old ones.
func (s *session) remeter(changed bool) {
	if !changed {
		return
	}
	s.giveBack(ofAddress)
	s.goOn(false)
	p := &s.pace
	if m := p.meters[ofAddress]; m != nil {
		m.sessions.Add(-1)
	}
	p.meters[ofAddress] = s.h.addressMeter()
	s.measure()
}

// strand is for a session with a connection to a Redis that is not Redis any more. What
// it waits for, watches or has subscribed to there will not happen: it is told so, as by
// a Redis that becomes a replica. Commands that are out are answered.
func (s *session) strand(told *sync.WaitGroup) {
	switch {
	case s.blocking && !s.wait.stopped:
		s.stopWait(appendError(nil, textMoved), told)
	case s.pinned():
		s.end("upstream")
	}
}
