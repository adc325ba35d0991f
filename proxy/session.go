package proxy

import (
	"net/netip"

	"redisgate/identity"
	"redisgate/resp"
	"redisgate/users"
)

// phase says what a session does with further input.
//
//	greeting -> serving <-> streaming
//	greeting, serving, streaming -> skipping -> greeting, serving
//	any but ended -> ending -> ended
type phase uint8

const (
	greeting  phase = iota // not authenticated: small limits, few commands
	serving                // authenticated
	streaming              // a large request flows to Redis as it arrives
	skipping               // what is left of a refused large request is dropped
	ending                 // no more input; closes when all that is owed is out
	ended                  // final
)

// session is the conversation with one client: its bytes and Redis's replies in,
// its replies and requests to Redis out. It does no I/O and knows no clock but
// its host's. Its methods run on the worker's loop.
type session struct {
	// Static after construction.
	h    host
	k    *kit
	id   uint64
	addr netip.Addr            // not valid for a client on a unix socket
	cert *identity.Certificate // the client's, verified; nil: none

	// Who and where.
	phase  phase
	proto  uint8 // RESP version of the client
	db     int
	from   *users.Set  // the snapshot in which user was looked up
	user   *users.User // never nil; powerless until authenticated
	name   string      // CLIENT SETNAME
	born   int64       // loop time
	last   int16       // ID of the command judged last; -1: none
	known  bool        // authenticated, be it as a default user that needs no password
	byCert bool        // and that by the certificate alone
	failed int         // attempts to log in on this connection
	trial  *trial      // of the request that is looked at
	seat   int         // users.User.Index of whose connection it is, plus 1; 0: nobody's
	asked  int         // requests since it was last authenticated
	reason string      // why redisgate ended it, for the counters

	library struct{ name, version string } // CLIENT SETINFO

	// Input. in[off:] waits; parser holds the state of an unfinished request at its start.
	in     []byte
	off    int
	parser *resp.Parser
	hungry bool // in[off:] is an unfinished request
	spent  int  // commands in this turn

	// Order. sent and got count replies of Redis asked for and received.
	sent, got uint64
	begun     int  // 1 inside a reply that has begun and not ended
	stalled   bool // the next request waits until got == sent
	apart     bool // the next reply must be delivered by itself
	blocking  bool // a blocking command is out
	wait      wait
	pushing   bool // inside a push that has begun and not ended
	muted     bool // inside a push that is not the client's to have
	event     []byte
	deferred  []deferred
	owing     int // bytes of deferred
	capture   *capture

	// Places: own is pinned or for this moment, pipe is shared.
	pipe, own link
	tainted   bool // own must not serve anybody else
	moving    bool // own is to be given back as soon as nothing binds the session to it
	heavy     bool // works on connections of its own from now on
	held      link // paused because this client is slow
	draining  bool // ends as soon as nothing is under way
	awaited   link // will call Room

	multi   *transaction
	landing landing
	watch   bool
	subs    *subscriptions

	tracking bool // CLIENT TRACKING is on
	noEvict  bool // CLIENT NO-EVICT and NO-TOUCH, for CLIENT LIST alone
	noTouch  bool
	endless  stream
	silence  silence // CLIENT REPLY
	many     uint64  // value of got behind the replies of the last SUBSCRIBE or its like
	stream   streamed

	// Output.
	out       []byte
	outOff    int   // out[:outOff] has left
	taken     int64 // bytes that left out, ever
	takenMark int64 // taken at the last look at a slow client

	pace   pace
	audits *audits // nil: none wait

	// Deadlines in loop time; 0 is none.
	authBy, requestBy, slowBy int64
	lastUse                   int64
}

// initSession begins a session in place, since it is part of its client.
func initSession(s *session, h host, k *kit, addr netip.Addr, cert *identity.Certificate) {
	*s = session{h: h, k: k, id: k.nextID(), addr: addr, cert: cert, proto: 2, born: h.now(), last: -1}
	s.lastUse = s.born
	s.pace.meters[ofAddress] = h.addressMeter()
	if k.audit.on != 0 {
		s.auditConnection(auditOpened, "")
	}
	s.become(h.set(), nil)
	if k.audit.on != 0 && s.known {
		method := methodNone
		if s.byCert {
			method = methodCertificate
		}
		s.auditAuth(s.user.Name, method, auditOK, "")
	}
	if s.byCert {
		s.k.counts.Auth["certificate"]++
		s.k.counts.Certificates[s.user.Label]++
	}
	if s.phase == greeting && k.limits.AuthTimeout > 0 {
		s.authBy = h.now() + int64(k.limits.AuthTimeout)
		h.deadline(s.authBy)
	}
	if k.limits.IdleTimeout > 0 {
		h.deadline(h.now() + int64(k.limits.IdleTimeout))
	}
}

// size is the memory that the session's bytes take.
func (s *session) size() int64 {
	n := int64(cap(s.in)) + int64(cap(s.out))
	if s.multi != nil {
		n += int64(cap(s.multi.run))
	}
	if s.capture != nil {
		n += int64(cap(s.capture.reply))
		if x := s.capture.splice; x != nil {
			n += x.size()
		}
	}
	n += int64(cap(s.wait.request) + cap(s.event))
	if s.audits != nil {
		n += int64(cap(s.audits.packed))
	}
	if s.subs != nil {
		n += int64(s.subs.bytes)
	}
	if s.own != nil {
		n += int64(s.own.Unsent())
	}
	return n
}

func (s *session) setPhase(p phase) {
	if s.phase < ending || p > s.phase {
		s.phase = p
	}
}

// rest is the phase to be in between requests.
func (s *session) rest() phase {
	if s.known {
		return serving
	}
	return greeting
}

// drain ends the session as soon as nothing is under way.
func (s *session) drain() {
	s.draining = true
	s.goOn(true)
	s.drainIfIdle()
}

func (s *session) drainIfIdle() {
	if s.draining && s.sent == s.got && s.backlog() == 0 && s.capture == nil && s.multi == nil && !s.pinned() &&
		(s.phase == greeting || s.phase == serving) {
		s.end("drain")
	}
}

// end stops taking input and closes once everything owed is out.
func (s *session) end(reason string) {
	if s.phase < ending {
		s.reason = reason
		s.giveBack(toAll)
		s.pace.until = 0
		s.setPhase(ending)
		s.requestBy = 0
		if s.stream.owed && s.own != nil {
			s.cut() // Redis does not answer a request of which it will not see the end
		}
		s.h.wake()
	}
}

// finish ends a session that owes nothing any more.
func (s *session) finish() {
	if s.phase == ending && s.sent == s.got && len(s.deferred) == 0 && s.capture == nil {
		s.leave()
		s.h.output()
	}
}

// finished says that nothing more will come out and the connection can be closed.
func (s *session) finished() bool {
	return s.phase == ending && s.sent == s.got && len(s.deferred) == 0 && s.capture == nil && s.waiting() == 0
}

// gone ends the session at once; the client has left or must leave.
func (s *session) gone(reason string) {
	if s.phase == ended {
		return
	}
	if s.phase != ending {
		s.reason = reason
	}
	s.unmeter()
	s.phase = ended
	if s.audits != nil {
		s.auditAnswered(true)
	}
	if s.k.audit.on != 0 {
		s.auditConnection(auditClosed, s.reason)
	}
	s.leave()
	s.k.bufs.give(s.in)
	s.k.bufs.give(s.out)
	s.in, s.out, s.off, s.outOff = nil, nil, 0, 0
	if s.parser != nil {
		s.k.giveParser(s.parser)
		s.parser = nil
	}
	s.dropMulti()
	s.uncapture()
	s.endWait()
	s.deferred, s.stream = nil, streamed{}
	s.rise()
	s.k.counts.Closed[s.reason]++
	s.h.left()
}

// leave lets go of the connections to Redis. Replies still owed on a shared one
// are dropped as they come; a dedicated one that the session still has owes
// something or holds state, and is closed.
func (s *session) leave() {
	if s.awaited != nil {
		s.awaited.Forget(s)
		s.awaited = nil
	}
	s.unhold()
	if s.own != nil {
		s.letGo(false)
	}
	s.pipe = nil
}

// eof takes the client's half-close: what it asked for before is still answered,
// unless that is a wait.
func (s *session) eof() {
	if s.blocking || s.subs != nil || s.endless.cmd != nil || s.phase == streaming || s.phase == skipping {
		s.gone("client")
		return
	}
	if s.backlog() > 0 && !s.hungry {
		s.reason = "client"
		return // the rest of the input is handled first; the host asks again
	}
	s.end("client")
}

// become makes u, of set, the session's user; nil makes it a fresh connection's.
func (s *session) become(set *users.Set, u *users.User) {
	s.from = set
	was := s.known
	if s.byCert = false; u == nil {
		var standing users.Standing
		if u, standing, s.known = set.Initial(s.addr, s.cert); !s.known || !s.sit(u, false) {
			s.known = false
			u = set.Default()
			s.rise()
		}
		s.byCert = s.known && standing == users.Holder
	} else {
		s.known = true
		s.sit(u, true) // whoever had to ask whether it may has done so
	}
	s.user = u
	s.measure()
	if s.known {
		s.authBy, s.asked = 0, 0
		s.heavy = s.heavy || s.h.mayHoldUp()
	} else if was && s.k.limits.AuthTimeout > 0 {
		s.authBy = s.h.now() + int64(s.k.limits.AuthTimeout)
		s.h.deadline(s.authBy)
	}
	if s.phase == greeting || s.phase == serving {
		s.setPhase(s.rest())
	}
	// What is watched or subscribed to stays where it is, if the user may be there.
	if !u.MayUse(s.db) || !s.pinned() && len(u.Databases) > 0 {
		s.db = u.Databases[0]
	}
}
