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
func (s *session) pinned() bool { return s.watch || s.subs != nil || s.tracking || s.endless.pins }

// onShared returns the shared pipeline to send to. It returns nil when the
// request waits, or was answered with an error.
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
	if l.Full() {
		return nil, s.awaitRoom(l)
	}
	return l, false
}

// onOwn is onShared for a dedicated connection.
func (s *session) onOwn() (l link, waits bool) {
	if s.own != nil {
		if s.own.Usable() && s.own.Key() == s.key() && (!s.moving || s.pinned()) {
			return s.own, false
		}
		if s.pinned() { // it is lost, or somebody has changed the database or the protocol
			s.cut()
			return nil, false
		}
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
		s.k.counts.Upstream["busy"]++
		s.fail(textBusy)
	} else {
		s.fail(textUnreachable)
	}
}

// letGo gives the dedicated connection back.
func (s *session) letGo(clean bool) {
	l := s.own
	if s.held == l {
		s.unhold()
	}
	s.unsubscribe()
	s.dropEvent()
	s.own, s.tainted, s.moving, s.watch, s.pushing, s.muted, s.tracking, s.endless = nil, false, false, false, false, false, false, stream{}
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
		if s.hungry || s.backlog() == 0 {
			s.gone("request_timeout")
			return
		}
		s.requestBy = now + int64(s.k.limits.RequestTimeout) // it is the client that waits
	}
	if s.pace.until != 0 && now >= s.pace.until {
		s.goOn(true)
	}
	if s.slowBy != 0 && now >= s.slowBy && s.tooSlow() {
		s.gone("output")
		return
	}
	if idle := int64(s.k.limits.IdleTimeout); idle > 0 {
		if s.sent == s.got && s.pace.until == 0 && s.subs == nil && s.endless.cmd == nil && now-s.lastUse >= idle {
			s.end("idle")
			return
		}
		s.h.deadline(max(s.lastUse+idle, now+int64(time.Second)))
	}
	for _, t := range [...]int64{s.authBy, s.requestBy, s.slowBy, s.pace.until} {
		if t > now {
			s.h.deadline(t)
		}
	}
}
