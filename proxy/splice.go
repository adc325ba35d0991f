package proxy

import (
	"bytes"
	"strconv"

	"redisgate/policy"
	"redisgate/policy/command"
	"redisgate/resp"
)

// splice puts replies of redisgate's own into that of EXEC: those of the commands
// in the queue that redisgate answers itself, and the refusals of those that rules
// have come to forbid. They run when Redis has said that the transaction has.
type splice struct {
	kept   []byte // the queue, which the requests of own are part of
	own    []insert
	theirs int  // elements of Redis's reply
	db     int  // where the session is afterwards
	back   bool // and it falls back to the user of its certificate

	head     []byte // of the reply, until it is known whether the transaction has run
	executed bool
	plain    bool // it has not: the reply goes out as it is
	ended    bool // Redis has said all
	framer   resp.Framer
	next     int // element that comes next
	due      int // of own

	// While own are done, one after the other.
	doing   *insert
	aside   bool // doing is off the loop
	paused  link
	rest    []byte // of Redis's reply
	pushes  []pushed
	replace []byte // of an element that is looked at before it goes out
}

// insert is one reply of redisgate's own.
type insert struct {
	at      int // place among the elements
	do      func(s *session)
	text    []byte
	instead bool // of Redis's element in that place
	secrets bool // Redis's element without the values of secret settings
}

// pushed is a message that has come behind a reply which is not out yet.
type pushed struct {
	p   []byte
	end bool
}

// splicing is the splice that is under way, or nil.
func (s *session) splicing() *splice {
	if s.capture == nil {
		return nil
	}
	return s.capture.splice
}

// take handles what has come of EXEC's reply.
func (x *splice) take(s *session, p []byte, ended bool) {
	x.ended = x.ended || ended
	if x.aside {
		x.rest = s.k.bufs.append(x.rest, p)
		return
	}
	if !x.executed && !x.plain {
		if p = x.begin(s, p); !x.executed && !x.plain {
			return
		}
		if x.executed {
			x.work(s)
		}
		if x.aside {
			x.rest = s.k.bufs.append(nil, p)
			x.paused = s.own
			x.paused.Pause()
			return
		}
	}
	x.elements(s, p)
}

// begin takes the head of the reply, and returns what follows it.
func (x *splice) begin(s *session, p []byte) []byte {
	if len(x.head) == 0 && p[0] != '*' {
		x.plain = true
		return p
	}
	n := bytes.IndexByte(p, '\n') + 1
	if n == 0 {
		n = len(p)
	}
	x.head = append(x.head, p[:n]...)
	if x.head[len(x.head)-1] != '\n' {
		return nil
	}
	count, err := strconv.Atoi(string(bytes.TrimSuffix(x.head[1:], []byte("\r\n"))))
	switch {
	case err == nil && count < 0:
		x.plain = true
		s.emit(x.head)
	case err != nil || count != x.theirs:
		s.gone("upstream") // nothing that follows could be told apart
	default:
		x.executed = true
		s.db = x.db
		s.own.SetKey(s.key())
	}
	return p[n:]
}

// work does what redisgate has to do itself, until something goes aside.
func (x *splice) work(s *session) {
	for ; x.due < len(x.own) && !x.aside; x.due++ {
		if x.doing = &x.own[x.due]; x.doing.do != nil {
			x.perform(s)
		}
		if x.aside {
			return
		}
	}
	x.doing, x.due = nil, 0
	s.refresh() // whom AUTH has made it may have been removed meanwhile
	if s.own != nil {
		s.own.SetKey(s.key()) // HELLO may have been among them
		s.own.SetSubscriber(s.hears())
	}
	s.emit(appendArray(nil, x.total()))
}

// perform does one of own, unless the user has been removed since it was judged: then that
// has been answered, and nothing of the user's may come after it.
func (x *splice) perform(s *session) {
	if !s.refresh() {
		x.doing.text = appendError(nil, textRulesMoved+whyNot(policy.ReasonCommand))
		return
	}
	x.doing.do(s)
}

func (x *splice) total() int {
	n := x.theirs
	for i := range x.own {
		if !x.own[i].instead {
			n++
		}
	}
	return n
}

// offLoop has do run where it may wait. The reply to EXEC waits for it.
func (x *splice) offLoop(s *session, do func() []byte) {
	x.aside = true
	s.h.offLoop(do, func(reply []byte) {
		x.doing.text, x.aside = reply, false
		x.due++
		if x.work(s); x.aside {
			return
		}
		rest := x.rest
		x.rest = nil
		if x.paused != nil {
			x.paused.Resume()
			x.paused = nil
		}
		x.elements(s, rest)
		s.k.bufs.give(rest)
		if s.phase == ended {
			return
		}
		if s.splicing() == nil && s.own != nil && !s.own.Usable() {
			s.cut() // it was lost when the reply seemed to be owed on it
		}
		s.caughtUp()
		s.throttle()
	})
}

// elements passes Redis's elements on, and puts those of redisgate's own between.
func (x *splice) elements(s *session, p []byte) {
	if x.plain {
		s.emit(p)
		p = nil
	}
	for s.phase != ended {
		x.insert(s)
		if len(p) == 0 {
			break
		}
		n, end, err := x.framer.Next(p)
		if err != nil {
			s.gone("upstream")
			return
		}
		x.element(s, p[:n], end)
		p = p[n:]
	}
	if x.ended && s.phase != ended {
		x.done(s)
	}
}

// insert emits what comes before Redis's next element.
func (x *splice) insert(s *session) {
	for ; x.executed && x.due < len(x.own) && x.own[x.due].at == x.next && !x.own[x.due].instead; x.due++ {
		s.emit(x.own[x.due].text)
		x.next++
	}
}

// element passes a part of Redis's element on, or what stands in its place.
func (x *splice) element(s *session, p []byte, end bool) {
	instead := x.due < len(x.own) && x.own[x.due].at == x.next
	switch {
	case !instead:
		s.emit(p)
	case x.own[x.due].secrets && len(x.replace)+len(p) <= maxCapture:
		x.replace = s.k.bufs.append(x.replace, p)
	}
	if !end {
		return
	}
	x.next++
	if !instead {
		return
	}
	if in := &x.own[x.due]; in.secrets {
		if out, ok := emptySecrets(x.replace); ok {
			s.emit(out)
		} else {
			s.emit(appendError(nil, textTooLarge))
		}
		s.k.bufs.give(x.replace)
		x.replace = nil
	} else {
		s.emit(in.text)
	}
	x.due++
}

// done ends the splice; the messages that came behind the reply follow.
func (x *splice) done(s *session) {
	pushes, back := x.pushes, x.executed && x.back
	s.uncapture()
	for _, m := range pushes {
		s.Push(m.p, m.end)
	}
	if back && s.phase < ending {
		s.fallBack()
	}
}

// give returns the buffers.
func (x *splice) give(s *session) {
	for _, b := range [...]*[]byte{&x.kept, &x.rest, &x.replace} {
		s.k.bufs.give(*b)
		*b = nil
	}
	if x.paused != nil {
		x.paused.Resume()
		x.paused = nil
	}
	x.pushes = nil
}

// size is the memory that its bytes take.
func (x *splice) size() int64 { return int64(cap(x.kept) + cap(x.rest) + cap(x.replace)) }

// inserted makes an insert of a command that redisgate does itself. args are valid
// as long as the queue.
func inserted(do handler, cmd *command.Command, args [][]byte) func(*session) {
	return func(s *session) { do(s, cmd, args, nil) }
}
