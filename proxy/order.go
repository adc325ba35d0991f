package proxy

import (
	"bytes"

	"github.com/tidwall/redcon"

	"redisgate/upstream"
)

// deferred is a reply of redisgate's own that comes after the at-th of Redis's.
type deferred struct {
	at   uint64
	text []byte
}

// free says that Redis owes nothing, and that the client is not in the middle of
// a reply or a push.
func (s *session) free() bool { return s.sent == s.got && s.capture == nil && !s.pushing }

// say gives the client a reply of redisgate's own, in its place among those of Redis.
func (s *session) say(p []byte) {
	if s.replicates() {
		s.end("protocol") // no reply has a place in such a stream
		return
	}
	if s.free() {
		s.emit(p)
		return
	}
	if x := s.splicing(); x != nil && x.doing != nil {
		x.doing.text = bytes.Clone(p)
		return
	}
	s.deferred = append(s.deferred, deferred{s.sent, bytes.Clone(p)})
	s.owing += len(p)
	s.apart = true
}

func (s *session) sayOK()           { s.say(replyOK) }
func (s *session) fail(text string) { s.say(appendError(s.k.scratch[:0], text)) }

// emit appends a reply to what the client gets next, if it wants replies.
func (s *session) emit(p []byte) {
	if s.silence == loud || s.silence == skipNext {
		s.put(p)
	}
}

// put appends to what the client gets next.
func (s *session) put(p []byte) {
	if s.phase == ended || len(p) == 0 {
		return
	}
	if s.outOff > 0 && len(s.out)+len(p) > cap(s.out) {
		s.out = s.out[:copy(s.out, s.out[s.outOff:])]
		s.outOff = 0
	}
	s.out = s.k.bufs.append(s.out, p)
	s.h.output()
}

// waiting is the number of bytes that wait for the client.
func (s *session) waiting() int { return len(s.out) - s.outOff }

// pending returns what is to be sent next, at most max bytes.
func (s *session) pending(most int) []byte {
	return s.out[s.outOff : s.outOff+min(most, s.waiting())]
}

// Reply is the upstream.Receiver's.
func (s *session) Reply(d upstream.Delivery) {
	if !s.blocking { // how long a client chose to wait says nothing of Redis
		s.k.counts.observe(s.h.now()-d.Since, d.Began)
	}
	lands := s.landing.on && s.got == s.landing.at
	confirms := s.got < s.many && !d.Refused
	if s.pace.metered {
		s.pay(len(d.Data))
	}
	s.got += uint64(d.Ended)
	s.begun += d.Began - d.Ended
	if s.phase == ended {
		return
	}
	if lands && len(d.Data) > 0 {
		s.landed(d.Data)
	}
	switch {
	case s.capture != nil:
		s.captured(d)
	case confirms:
		s.put(d.Data) // CLIENT REPLY OFF does not silence it (pubsub.c, CLIENT_PUSHING)
	default:
		s.emit(d.Data)
	}
	s.heavy = s.heavy || d.Large
	if d.Refused && s.subs != nil {
		s.subs.undo()
	}
	if s.stream.owed && s.sent == s.got {
		s.refused()
	}
	s.caughtUp()
	s.throttle()
}

// caughtUp emits the replies whose turn has come and, when nothing is owed any
// more, lets the session go on.
func (s *session) caughtUp() {
	if s.audits != nil {
		s.auditAnswered(false)
	}
	for len(s.deferred) > 0 && s.deferred[0].at <= s.got && s.capture == nil && !s.pushing {
		s.emit(s.deferred[0].text)
		s.owing -= len(s.deferred[0].text)
		s.deferred = s.deferred[1:]
	}
	if len(s.deferred) == 0 {
		s.deferred = nil
	}
	if s.free() {
		s.stalled, s.blocking = false, false
		s.endWait()
		s.apart = false
		s.settle()
	}
	s.proceed()
}

// settle gives back a dedicated connection that nothing binds to this session.
func (s *session) settle() {
	if s.subs != nil {
		s.subs.answered()
		if s.subs.count() == 0 {
			s.unsubscribe()
			s.own.SetSubscriber(s.tracking && s.proto == 3)
			s.tainted = true // a message too many would be taken for another's reply
		}
	}
	if s.own != nil && !s.pinned() && s.phase != streaming {
		s.letGo(!s.tainted)
	}
}

// settled says that nothing is owed; otherwise the request that asks waits.
func (s *session) settled() bool {
	s.stalled = !s.free()
	return !s.stalled
}

// Lost is the upstream.Receiver's: n replies will never come.
func (s *session) Lost(n int, sent bool) {
	if s.phase == ended {
		s.got += uint64(n)
		return
	}
	if s.capture != nil && s.splicing() == nil {
		s.begun = 0 // nothing of it has gone out
	}
	s.landing = landing{}
	if s.pushing || n > 0 && s.begun > 0 {
		// Half of it has gone out; nothing that follows could be told from it.
		s.got += uint64(n)
		s.begun = 0
		s.gone("upstream")
		return
	}
	for range n {
		if s.got++; s.got >= s.many { // one error for all channels of a SUBSCRIBE
			s.lose(sent)
		}
	}
	if s.sent == s.got && s.own != nil && !s.own.Usable() {
		s.cut()
	}
	s.caughtUp()
}

// lose answers a request in Redis's place.
func (s *session) lose(sent bool) {
	if s.stream.owed && s.sent == s.got {
		s.stream.owed = false
		if s.phase == streaming { // else it is refused, and answered by whoever refuses it
			// Its last bytes were withheld, so Redis has not run it.
			s.stream.answered = true
			s.setPhase(skipping)
			s.emit(appendError(nil, textUnreachable))
		}
		return
	}
	if s.wait.stopped {
		s.emit(s.wait.reply)
		return
	}
	text := textUnreachable
	if sent {
		text = textLost
	}
	if c := s.capture; c != nil {
		s.uncapture()
		c.done(s, nil, text)
		return
	}
	s.emit(appendError(nil, text))
}

func appendError(dst []byte, text string) []byte { return redcon.AppendError(dst, text) }
