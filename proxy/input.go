package proxy

import (
	"errors"

	"redisgate/resp"
)

// Input takes plaintext from the client; p is valid only during the call.
func (s *session) Input(p []byte) {
	s.k.counts.BytesIn += uint64(len(p))
	s.lastUse = s.h.now()
	if len(s.in) > 0 {
		s.compact(len(p))
		s.in = s.k.bufs.append(s.in, p)
		s.hungry = false
		s.run()
		return
	}
	n := s.consume(p)
	if n < len(p) && s.phase < ending {
		s.in, s.off = s.k.bufs.append(nil, p[n:]), 0
	}
	s.afterInput()
}

// run goes on with input that was kept.
func (s *session) run() {
	if s.off < len(s.in) {
		s.off += s.consume(s.in[s.off:])
	}
	s.afterInput()
}

func (s *session) afterInput() {
	if s.phase >= ending || s.off == len(s.in) {
		s.k.bufs.give(s.in)
		s.in, s.off = nil, 0
		s.hungry = false
		if s.parser != nil {
			s.k.giveParser(s.parser)
			s.parser = nil
		}
	}
	s.drainIfIdle()
	if s.phase == ending {
		s.finish()
	}
}

// compact makes room at the end of in by dropping what was consumed.
func (s *session) compact(n int) {
	if s.off > 0 && len(s.in)+n > cap(s.in) {
		s.in = s.in[:copy(s.in, s.in[s.off:])]
		s.off = 0
	}
}

// backlog is the number of input bytes that wait for their turn.
func (s *session) backlog() int { return len(s.in) - s.off }

// consume handles what it can of buf and returns how many bytes it is done with.
func (s *session) consume(buf []byte) int {
	n := 0
	for n < len(buf) && !s.blocked() {
		m := 0
		switch s.phase {
		case greeting, serving:
			m = s.next(buf[n:])
		case streaming, skipping:
			m = s.pass(buf[n:])
		default:
			return len(buf)
		}
		if s.pace.metered && !s.pace.waived && m > 0 {
			s.pay(m)
		}
		if n += m; m == 0 {
			break
		}
	}
	return n
}

// blocked says that no further input may be handled at this moment.
func (s *session) blocked() bool {
	if s.stalled || s.blocking || s.capture != nil {
		return true
	}
	if s.pace.metered && s.overRate() {
		return true
	}
	if s.phase == streaming {
		return s.own.Full() && s.awaitRoom(s.own)
	}
	if s.spent >= turnCommands {
		s.h.wake()
		return true
	}
	if s.sent-s.got >= maxInFlight || len(s.deferred) >= maxInFlight || s.waiting()+s.owing >= s.outputBound() {
		return true
	}
	if s.own != nil {
		return s.own.Full() && s.awaitRoom(s.own)
	}
	return s.pipe != nil && s.pipe.Usable() && s.pipe.Full() && s.awaitRoom(s.pipe)
}

func (s *session) outputBound() int {
	if s.known {
		return outputHigh
	}
	return strangerOutput
}

func (s *session) awaitRoom(l link) bool {
	if s.awaited == nil {
		s.awaited = l
		l.AwaitRoom(s)
	}
	return true
}

// Room is the upstream.Receiver's: the connection takes requests again.
func (s *session) Room() {
	s.awaited = nil
	s.proceed()
}

// proceed has waiting input looked at again, if there is a point in it.
func (s *session) proceed() {
	if s.phase == ended {
		return
	}
	if s.phase == ending || s.draining || s.backlog() > 0 && !s.hungry && s.pace.until == 0 {
		s.h.wake()
	}
}

// wants says whether more input should be read from the socket.
func (s *session) wants() bool {
	return s.phase < ending && s.pace.until == 0 && (s.backlog() < readAhead || s.hungry)
}

// next handles the request at the start of buf. 0 means that it is not whole or
// has to wait.
func (s *session) next(buf []byte) int {
	if s.parser == nil {
		s.parser = s.k.takeParser()
	}
	s.pace.waived = false
	limits := &s.k.stranger
	if s.known {
		limits = &s.k.accepted
	}
	n, err := s.parser.Next(buf, limits)
	if err != nil {
		if err == resp.ErrIncomplete {
			return s.unfinished(buf)
		}
		s.malformed(err)
		return len(buf)
	}
	if !s.known {
		if s.asked++; s.asked > strangerRequests {
			s.malformed(errTooMany)
			return len(buf)
		}
	}
	s.spent++
	if args := s.parser.Args(); len(args) > 0 {
		raw := buf[:n]
		if s.parser.Inline() {
			s.k.scratch = resp.AppendRequest(s.k.scratch[:0], args...)
			raw = s.k.scratch
		}
		if s.k.audit.on != 0 {
			s.k.audit.args = args
		}
		done := s.inTurn(args, raw)
		if s.k.audit.on != 0 {
			s.k.audit.args = nil
		}
		if !done {
			s.parser.Reset() // it is parsed again when its time has come
			s.requestBy = 0
			return 0
		}
		s.pace.paid = false
	}
	s.requestBy = 0
	return n
}

// inTurn is request for a client that may have asked for no reply.
func (s *session) inTurn(args [][]byte, raw []byte) bool {
	switch s.silence {
	case loud, silent:
		return s.request(args, raw)
	case skipped:
		if !s.settled() {
			return false
		}
		s.silence = loud
		return s.request(args, raw)
	}
	s.skipReply()
	done := s.request(args, raw)
	if !done {
		s.unskipReply()
	}
	return done
}

// errTooMany ends a client that asks on and on without logging in.
var errTooMany = errors.New("Protocol error: too many requests before authentication")

// malformed answers bytes that are no request, with an error of package resp or
// errTooMany.
func (s *session) malformed(err error) {
	s.say(appendError(nil, "ERR "+err.Error()))
	s.end("protocol")
}
