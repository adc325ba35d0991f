package proxy

import (
	"time"

	"redisgate/policy/command"
)

// A session whose user or address has a limit on what it does in a second pays for each
// request before it is judged, and for bytes when they have passed. What cannot be paid
// waits, or is refused: then it costs nothing, or whoever tries again and again would
// never come to it.

// pace is a session's side of limits.
type pace struct {
	metered bool      // there is a limit
	meters  [2]*meter // of the user, and of the address; nil: none
	paid    bool      // for the next request, or for more of one that streams
	waived  bool      // nothing is paid for the bytes of the request that is looked at
	until   int64     // when what was paid for is there; 0: now
}

const (
	ofUser    = 0
	ofAddress = 1

	// shortest is how long a session waits at least: a timer for each command would cost
	// more than the command. Tokens come meanwhile, so that the rate is the same.
	shortest = int64(time.Millisecond)

	reasonRate = "rate"
)

// measure takes the meter of the session's user.
func (s *session) measure() {
	p := &s.pace
	p.meters[ofUser] = nil
	if s.known {
		p.meters[ofUser] = s.h.userMeter(s.user)
	}
	p.metered = p.meters[ofUser] != nil || p.meters[ofAddress] != nil
}

// pays says that a request may be judged now. done is false if it has to come again.
func (s *session) pays(cmd *command.Command) (may, done bool) {
	p := &s.pace
	if p.paid {
		return true, true
	}
	now := s.h.now()
	if !s.k.limits.RefuseOverRate || s.endless.cmd != nil { // in whose stream an error has no place
		p.paid = true
		return !s.awaits(s.reserve(now)), false
	}
	empty := s.take(now)
	if empty == nil || cmd != nil && cmd.Name == "quit" {
		p.paid = true
		return true, true
	}
	text, done := s.rejected(cmd, textRate)
	if done {
		empty.tally.refused.Add(1)
		p.waived = true
		s.refuse(cmd, s.userKnown(), reasonRate, text)
	}
	return false, done
}

// paysHead is pays for a large request of which the head has arrived. One that is refused
// is dropped as it comes, and answered by whoever drops it.
func (s *session) paysHead(cmd *command.Command) (may, refused bool) {
	p := &s.pace
	if p.paid {
		return true, false
	}
	now := s.h.now()
	if !s.k.limits.RefuseOverRate || s.endless.cmd != nil {
		p.paid = true
		return !s.awaits(s.reserve(now)), false
	}
	if empty := s.take(now); empty != nil {
		empty.tally.refused.Add(1)
		p.waived = true
		s.k.counts.verdict(cmd, false)
		s.k.counts.refused(s.userKnown(), reasonRate)
		if s.k.audit.on != 0 {
			s.auditDenied(s.userKnown(), cmd, nil, reasonRate)
		}
		return false, true
	}
	p.paid = true
	return true, false
}

// reserve pays for a request, and returns when that is there.
func (s *session) reserve(now int64) (at int64) {
	for _, m := range s.pace.meters {
		if m == nil {
			continue
		}
		if t := m.commands.reserve(now); t > now {
			m.commands.tally.delayed.Add(1)
			at = max(at, t)
		}
		if t := m.bytes.due(); t > now {
			m.bytes.tally.delayed.Add(1)
			at = max(at, t)
		}
	}
	return at
}

// take pays for a request, or returns the bucket that has nothing.
func (s *session) take(now int64) *bucket {
	for i, m := range s.pace.meters {
		if m == nil {
			continue
		}
		empty := &m.bytes
		if m.bytes.due() <= now {
			if m.commands.take(now) {
				continue
			}
			empty = &m.commands
		}
		if first := s.pace.meters[ofUser]; i == ofAddress && first != nil {
			first.commands.giveBack()
		}
		return empty
	}
	return nil
}

// awaits has the session wait until then, unless that is past. One that drains does not:
// it would be cut with what it has sent.
func (s *session) awaits(at int64) bool {
	now := s.h.now()
	if at <= now || s.draining {
		return false
	}
	at = max(at, now+shortest)
	s.pace.until = at
	if s.requestBy != 0 {
		s.requestBy += at - now // it is not the client that takes its time
	}
	s.h.deadline(at)
	return true
}

// overRate says that what comes next has to wait.
func (s *session) overRate() bool {
	p := &s.pace
	now := s.h.now()
	switch {
	case p.until > now:
		return true
	case p.until != 0:
		p.until = 0
		return false
	case p.waived || s.phase != streaming && s.phase != skipping:
		return false // requests are looked at in pays
	case p.paid:
		p.paid = false
		return false
	}
	at := int64(0)
	for _, m := range p.meters {
		if m != nil {
			at = max(at, m.bytes.due())
		}
	}
	p.paid = s.awaits(at)
	return p.paid
}

// pay is for bytes that have passed.
func (s *session) pay(n int) {
	now := s.h.now()
	for _, m := range s.pace.meters {
		if m != nil {
			m.bytes.spend(now, int64(n))
		}
	}
}

// goOn ends a wait, with what was waited for paid or not.
func (s *session) goOn(paid bool) {
	p := &s.pace
	if p.until == 0 {
		return
	}
	p.until, p.paid = 0, paid
	s.h.wake()
}

const toAll = -1

// giveBack takes back what the session has paid and waits for, but not to its user or its
// address if that has another limit now: except is ofUser, ofAddress or toAll.
func (s *session) giveBack(except int) {
	if s.pace.until == 0 || s.phase != greeting && s.phase != serving {
		return
	}
	for i, m := range s.pace.meters {
		if m != nil && i != except {
			m.commands.giveBack()
		}
	}
}

// unmeter ends all that is the session's part of limits.
func (s *session) unmeter() {
	s.giveBack(toAll)
	if m := s.pace.meters[ofAddress]; m != nil {
		m.sessions.Add(-1)
	}
	s.pace = pace{}
}
