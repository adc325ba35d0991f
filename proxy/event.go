package proxy

import (
	"bytes"
	"strconv"

	"redisgate/policy"
)

// Push is the upstream.Receiver's: a message, or a part of one.
func (s *session) Push(p []byte, end bool) {
	if s.phase == ended {
		return
	}
	if s.phase == ending && s.reason == "user" && !s.pushing {
		return // an answer is still awaited, but messages are nobody's any more
	}
	if s.pace.metered {
		s.pay(len(p))
	}
	if x := s.splicing(); x != nil && x.ended {
		x.pushes = append(x.pushes, pushed{bytes.Clone(p), end})
		return
	}
	if s.endless.cmd != nil {
		s.flows(p)
		return
	}
	switch {
	case s.pushing: // its beginning is out
	case s.muted:
		s.muted = !end
		return
	case len(s.event) > 0 || !s.user.MayReadAll():
		if p = s.heard(p, end); p == nil {
			return
		}
	}
	s.put(p) // CLIENT REPLY OFF does not silence messages
	s.dropEvent()
	s.pushing = !end
	s.lastUse = s.h.now()
	if end && (s.stalled || len(s.deferred) > 0) {
		s.caughtUp()
	}
	s.throttle()
}

// maxEvent bounds what is kept of a message until it is known what it tells.
const maxEvent = maxSubscribed + 64<<10

// heard returns what has come of a message if the user may have it. nil means
// that more must come before that is known, or that the message is dropped.
func (s *session) heard(p []byte, end bool) []byte {
	if len(s.event) > 0 || !end {
		s.event = s.k.bufs.append(s.event, p)
		p = s.event
	}
	may, known := s.mayHear(p)
	switch {
	case known && may:
		return p
	case known || end || len(p) > maxEvent:
		s.dropEvent()
		s.muted = !end
	}
	return nil
}

func (s *session) dropEvent() {
	s.k.bufs.give(s.event)
	s.event = nil
}

// mayHear judges the beginning of a message: `message channel text`, or `pmessage
// pattern channel text`.
func (s *session) mayHear(p []byte) (may, known bool) {
	_, rest := line(p)
	kind, rest, ok := bulk(rest)
	if !ok {
		return false, false
	}
	switch string(kind) {
	case "message", "smessage":
	case "pmessage":
		if _, rest, ok = bulk(rest); !ok {
			return false, false
		}
	default:
		return true, true // of a subscription, not of what was published
	}
	head, begun := line(rest)
	if head == nil || head[0] != '$' {
		return false, false
	}
	n, err := strconv.Atoi(string(head[1:]))
	if err != nil || n < 0 {
		return false, false
	}
	if n = min(n, policy.EventHead); len(begun) >= n && !policy.MayTellOfKeys(begun[:n]) {
		return true, true
	}
	channel, rest, ok := bulk(rest)
	if !ok {
		return false, false
	}
	text, _, ok := bulk(rest)
	if !ok {
		return false, false
	}
	return s.user.MayHear(channel, text), true
}
