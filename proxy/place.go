package proxy

import (
	"errors"
	"time"

	"redisgate/upstream"
)

// A session has unanswered commands on one connection at a time, and changes
// places only when nothing is owed: so its commands run, and are answered, in
// the order in which it sent them.

func (s *session) key() upstream.Key { return upstream.Key{DB: s.db, Proto: s.proto} }

// pinned says that the dedicated connection holds state of this session.
func (s *session) pinned() bool { return s.watch || s.subs != nil }

// onShared returns the shared pipeline to send to. ok is false when the request
// waits, or was answered with an error.
func (s *session) onShared() (l link, waits bool) {
	if s.pinned() || s.heavy {
		return s.onOwn()
	}
	if s.pipe != nil && s.pipe.Usable() && s.own == nil && s.pipe.Key() == s.key() {
		return s.pipe, false
	}
	if !s.settled() {
		return nil, true
	}
	s.settle()
	l, err := s.h.shared(s.key())
	if err != nil {
		s.noLink(err)
		return nil, false
	}
	s.pipe = l
	return l, false
}

// onOwn is onShared for a dedicated connection.
func (s *session) onOwn() (l link, waits bool) {
	if s.own != nil && s.own.Usable() && (s.pinned() || s.own.Key() == s.key()) {
		return s.own, false
	}
	if !s.settled() {
		return nil, true
	}
	if s.own != nil {
		s.letGo(!s.tainted)
	}
	l, err := s.h.dedicated(s.key())
	if err != nil {
		s.noLink(err)
		return nil, false
	}
	s.own, s.tainted = l, false
	return l, false
}

func (s *session) noLink(err error) {
	if errors.Is(err, upstream.ErrBusy) {
		s.fail(textBusy)
	} else {
		s.fail(textUnreachable)
	}
}

// letGo gives the dedicated connection back.
func (s *session) letGo(clean bool) {
	l := s.own
	if s.held == l {
		s.held, s.slowSince = nil, 0
		l.Resume()
	}
	s.unsubscribe()
	s.own, s.tainted, s.watch, s.pushing = nil, false, false, false
	s.h.release(l, clean)
}

// cut ends the dedicated connection. If it held state of this session, the
// session ends too: what was watched or subscribed to is gone, and the client
// must know.
func (s *session) cut() {
	bound := s.pinned()
	s.letGo(false)
	if bound {
		s.end("upstream")
	}
}

// forward sends one request that has one reply. dedicated chooses the place.
// false means that it has to wait and be judged again.
func (s *session) forward(raw []byte, dedicated bool) bool {
	place := s.onShared
	if dedicated || len(raw) > largeRequest {
		place = s.onOwn
	}
	to, waits := place()
	if to == nil {
		return !waits
	}
	to.Send(s, raw, s.apart)
	s.sent++
	s.apart = false
	return true
}

const (
	// A client that holds up others must take slowBytes in every slowWindow; one
	// that holds up only itself must take steadyBytes in every output time-out.
	slowWindow  = 200 * time.Millisecond
	slowBytes   = 1 << 20
	steadyBytes = 64 << 10
)

// throttle stops the source of output that the client does not take. A shared
// pipeline is stopped only by a reply that is too large to be taken whole, or by
// a client over its output limit; others wait behind it then, not for long.
func (s *session) throttle() {
	if s.held != nil || s.waiting() < outputHigh {
		return
	}
	l := s.own
	if l == nil {
		l = s.pipe
	}
	if l == nil || !l.Usable() && !l.Retired() {
		return
	}
	if l.Shared() {
		if !l.Retired() && s.waiting() < s.k.limits.OutputBytes {
			return
		}
		s.heavy = true
	}
	s.held = l
	l.Pause()
	s.watchSlow()
}

func (s *session) watchSlow() {
	if s.slowSince == 0 {
		s.slowSince = s.h.now()
		s.takenMark = s.taken
	}
	wait := s.k.limits.OutputTimeout
	if s.holdsUpOthers() {
		wait = slowWindow
	}
	s.slowBy = s.h.now() + int64(wait)
	s.h.deadline(s.slowBy)
}

func (s *session) holdsUpOthers() bool {
	return s.held != nil && s.held.Shared() && s.held.OthersWait(s)
}

// drained is told by the host that n bytes of pending are on their way.
func (s *session) drained(n int) {
	s.taken += int64(n)
	if s.outOff += n; s.outOff == len(s.out) {
		s.k.bufs.give(s.out)
		s.out, s.outOff = nil, 0
	}
	s.k.counts.BytesOut += uint64(n)
	s.lastUse = s.h.now()
	if s.held != nil && s.waiting() < outputLow {
		held := s.held
		s.held, s.slowSince, s.slowBy = nil, 0, 0
		held.Resume()
	}
	s.proceed()
}

// stuck is told by the host that the socket takes no more for now.
func (s *session) stuck() {
	if s.slowSince == 0 && (s.held != nil || s.waiting() > s.k.limits.OutputBytes) {
		s.watchSlow()
	}
}

// unstuck is told by the host that the socket has taken everything.
func (s *session) unstuck() {
	if s.held == nil {
		s.slowSince, s.slowBy = 0, 0
	}
}

// tick looks at the deadlines; the host calls it at the time asked for, or later.
func (s *session) tick() {
	now := s.h.now()
	if s.phase == ended {
		return
	}
	if s.authBy != 0 && now >= s.authBy {
		s.authBy = 0
		s.gone("auth_timeout")
		return
	}
	if s.requestBy != 0 && now >= s.requestBy {
		s.gone("request_timeout")
		return
	}
	if s.slowBy != 0 && now >= s.slowBy {
		least := int64(steadyBytes)
		if s.holdsUpOthers() {
			least = slowBytes
		}
		if s.taken-s.takenMark < least {
			if least == slowBytes {
				s.h.heldUpOthers()
			}
			s.gone("output")
			return
		}
		s.takenMark = s.taken
		s.watchSlow()
	}
	if idle := int64(s.k.limits.IdleTimeout); idle > 0 {
		if s.sent == s.got && s.subs == nil && now-s.lastUse >= idle {
			s.end("idle")
			return
		}
		s.h.deadline(max(s.lastUse+idle, now+int64(time.Second)))
	}
	for _, t := range [...]int64{s.authBy, s.requestBy, s.slowBy} {
		if t > now {
			s.h.deadline(t)
		}
	}
}
