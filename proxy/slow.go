package proxy

import "time"

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
	if s.waiting() < outputHigh {
		return
	}
	l := s.own
	if l == nil {
		l = s.pipe
	}
	if l == nil || l == s.held || !l.Usable() && !l.Retired() {
		return
	}
	if l.Shared() {
		if !l.Retired() && s.waiting() < s.k.limits.OutputBytes {
			return
		}
		s.heavy = true
	}
	s.unhold()
	s.held = l
	l.Pause()
	if s.slowBy == 0 || s.holdsUpOthers() && s.slowBy > s.h.now()+int64(slowWindow) {
		s.watchSlow()
	}
}

// unhold lets the connection go on that was stopped for this client.
func (s *session) unhold() {
	if s.held != nil {
		s.held.Resume()
		s.held = nil
	}
}

// watchSlow begins a time in which the client must take some of its output.
func (s *session) watchSlow() {
	wait := s.k.limits.OutputTimeout
	if s.holdsUpOthers() {
		wait = slowWindow
	}
	s.takenMark = s.taken
	s.slowBy = s.h.now() + int64(wait)
	s.h.deadline(s.slowBy)
}

// holdsUpOthers says that replies of others are behind this session's on a shared
// pipeline that is stopped, or may have to be stopped again before long.
func (s *session) holdsUpOthers() bool {
	l := s.held
	if l == nil && s.own == nil && s.begun > 0 {
		l = s.pipe
	}
	return l != nil && l.Shared() && l.Retired() && l.OthersWait(s)
}

// tooSlow judges the time that watchSlow began, and begins another if need be.
func (s *session) tooSlow() bool {
	least, others := int64(steadyBytes), s.holdsUpOthers()
	if others {
		least = slowBytes
	}
	if s.taken-s.takenMark < least && (s.held != nil || s.waiting() > 0) {
		if others {
			s.h.heldUpOthers()
		}
		return true
	}
	s.slowBy = 0
	if others || s.mustTake() {
		s.watchSlow()
	}
	return false
}

// mustTake says that the client's output may not wait as long as it likes.
func (s *session) mustTake() bool {
	return s.held != nil || s.waiting() > s.k.limits.OutputBytes || s.phase == ending
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
		s.unhold()
		s.keepUp()
	}
	s.proceed()
}

// stuck is told by the host that the socket takes no more for now.
func (s *session) stuck() {
	if s.slowBy == 0 && s.mustTake() {
		s.watchSlow()
	}
}

// unstuck is told by the host that the socket has taken everything.
func (s *session) unstuck() { s.keepUp() }

// keepUp ends the watch on a client that has caught up. One that holds up others
// is watched until its reply has ended: it could be slow again at once.
func (s *session) keepUp() {
	if s.slowBy != 0 && s.held == nil && !s.holdsUpOthers() {
		s.slowBy = 0
	}
}
