package proxy

import (
	"time"

	"redisgate/policy"
	"redisgate/policy/command"
	"redisgate/users"
)

// auditing is what the sessions of one worker need to audit. Nothing of it is used
// while on is 0.
type auditing struct {
	on uint8 // set of classes
	to AuditRecorder

	args   [][]byte // of the request that is looked at; nil: none is
	begun  bool     // an event of it is to be made if it is done
	event  waiting  // that one
	packed []byte   // of it
	denies []byte   // of one that is refused, perhaps while another is begun: EXEC and its queue
	keys   [][]byte
	uses   command.Uses
	out    AuditEvent
	free   []*audits

	offset, offsetAt int64 // from the loop's time to Unix nanoseconds, and when that was so
}

// waiting is an event of a command that is not answered yet.
type waiting struct {
	at       uint64 // replies of Redis after which it is
	since    int64
	cmd      *command.Command // nil: it is unknown
	user     *users.User
	db       int
	selector int
	class    uint8
	held     bool
	verdict  string
	size     int // of its part of audits.packed
}

// audits are the events of a session that are not recorded yet, in the order of its
// commands.
type audits struct {
	list   []waiting
	first  int    // list[:first] has been recorded
	packed []byte // from the worker's buffers
	off    int    // packed[:off] has been recorded
}

// maxAuditKeys is how many keys of a request a recorder may get to see.
const maxAuditKeys = 16

func (a *auditing) wants(class uint8) bool { return a.on&(1<<class) != 0 }

// wall is a time of the loop in Unix nanoseconds.
func (a *auditing) wall(now int64) int64 {
	if a.offset == 0 || now-a.offsetAt > int64(100*time.Millisecond) {
		a.offset, a.offsetAt = time.Now().UnixNano()-now, now
	}
	return a.offset + now
}

// fresh is an event with all that is known of the session.
func (s *session) fresh(class uint8) *AuditEvent {
	a := &s.k.audit
	e := &a.out
	*e = AuditEvent{Class: class, Time: a.wall(s.h.now()), Client: s.id, Duration: -1}
	s.h.describe(e)
	if s.known {
		e.User = s.user.Name
	}
	return e
}

// record records the event that fresh has made.
func (s *session) record(e *AuditEvent) { s.k.audit.to.Record(e) }

// auditBegin looks whether a permitted request is to be audited, and prepares for
// that. false means that it must not run, since it could not be recorded. What it
// begins auditEnd ends, or auditForget.
func (s *session) auditBegin(cmd *command.Command, args [][]byte, uses *command.Uses, d policy.Decision) bool {
	a := &s.k.audit
	class := AuditCommand
	if a.wants(AuditAdmin) && (cmd == nil || administrators[cmd.ID] || s.multi != nil && s.multi.admin && (cmd.Name == "exec" || cmd.Name == "discard")) {
		class = AuditAdmin
	} else if !a.wants(AuditCommand) {
		return true
	}
	a.packed = a.pack(a.packed, cmd, args, uses)
	held, ok := a.to.Reserve(class, len(a.packed))
	if !ok {
		return false
	}
	a.begun = true
	a.event = waiting{
		at: s.sent, since: s.h.now(), cmd: cmd, user: s.user, db: s.database(), selector: int(d.Selector), class: class, held: held,
		verdict: auditAllowed, size: len(a.packed),
	}
	return true
}

// pack packs what is to be known of a request into the room of dst. uses says which of
// args are keys; nil: nobody knows.
func (a *auditing) pack(dst []byte, cmd *command.Command, args [][]byte, uses *command.Uses) []byte {
	a.keys = a.keys[:0]
	more := 0
	if uses != nil {
		for i := range uses.Keys[:min(len(uses.Keys), maxAuditKeys)] {
			if k := uses.Keys[i].Arg; k < len(args) {
				a.keys = append(a.keys, args[k])
			}
		}
		more = len(uses.Keys) - len(a.keys)
	}
	name := unknownCommand
	if cmd != nil {
		name = cmd.Name
	}
	dst = a.to.Pack(dst[:0], name, args, a.keys, more)
	clear(a.keys)
	return dst
}

// auditForget takes back what auditBegin has begun.
func (s *session) auditForget() {
	a := &s.k.audit
	if !a.begun {
		return
	}
	if a.begun = false; a.event.held {
		a.to.Release(a.event.class, a.event.size)
	}
}

// auditEnd records the request that auditBegin has begun, at once or when Redis has
// answered it.
func (s *session) auditEnd() {
	a := &s.k.audit
	if !a.begun {
		return
	}
	a.begun = false
	w := a.event
	if s.multi != nil && (w.cmd == nil || anytime[w.cmd.Name] == nil) {
		w.verdict = auditQueued
		s.multi.admin = s.multi.admin || w.class == AuditAdmin
	}
	if s.sent == s.got && s.audits == nil || s.phase == ended {
		s.recordWaiting(&w, a.packed)
		return
	}
	w.at = s.sent
	if s.audits == nil {
		s.audits = s.k.audit.take()
	}
	s.audits.list = append(s.audits.list, w)
	s.audits.packed = s.k.bufs.append(s.audits.packed, a.packed)
}

// auditAnswered records what Redis has answered by now, or all if the session ends.
func (s *session) auditAnswered(all bool) {
	as := s.audits
	for as.first < len(as.list) && (all || as.list[as.first].at <= s.got) {
		w := &as.list[as.first]
		s.recordWaiting(w, as.packed[as.off:as.off+w.size])
		as.off += w.size
		as.first++
	}
	if as.first == len(as.list) {
		s.audits = nil
		s.k.audit.give(s.k, as)
		return
	}
	if as.first > len(as.list)/2 {
		as.list = as.list[:copy(as.list, as.list[as.first:])]
		as.first = 0
	}
	if as.off > len(as.packed)/2 {
		as.packed = as.packed[:copy(as.packed, as.packed[as.off:])]
		as.off = 0
	}
}

// auditTakeBack forgets the event of the command that has come last, which is not to run
// after all.
func (s *session) auditTakeBack() {
	as := s.audits
	if as == nil || len(as.list) == as.first {
		return
	}
	last := len(as.list) - 1
	w := as.list[last]
	as.list, as.packed = as.list[:last], as.packed[:len(as.packed)-w.size]
	if w.held {
		s.k.audit.to.Release(w.class, w.size)
	}
}

// freeAudits is how many empty audits are kept for reuse.
const freeAudits = 256

func (a *auditing) take() *audits {
	last := len(a.free) - 1
	if last < 0 {
		return &audits{}
	}
	as := a.free[last]
	a.free = a.free[:last]
	return as
}

func (a *auditing) give(k *kit, as *audits) {
	k.bufs.give(as.packed)
	as.packed, as.off, as.first = nil, 0, 0
	if clear(as.list); len(a.free) < freeAudits && cap(as.list) <= maxInFlight {
		as.list = as.list[:0]
		a.free = append(a.free, as)
	}
}

func (s *session) recordWaiting(w *waiting, packed []byte) {
	e := s.fresh(w.class)
	e.User, e.Command, e.Database = "", unknownCommand, w.db
	if w.user != nil {
		e.User = w.user.Name
		e.Grounds, e.Selector = w.user.User, w.selector
	}
	if w.cmd != nil {
		e.Command = w.cmd.Name
	}
	e.Packed, e.Verdict, e.Duration, e.Held = packed, w.verdict, s.h.now()-w.since, w.held
	s.record(e)
}

// maxStrangeText is how many bytes an event may have of the arguments of somebody who has
// not logged in. It has no keys of them: whoever can connect could fill the room of
// others' refusals. Package audit has so much for each event.
const maxStrangeText = 256

// auditDenied records a request that was refused; u is nil before authentication, cmd
// if it is unknown, and args if they are not there any more. What auditBegin has begun
// it leaves alone: that may be another request.
func (s *session) auditDenied(u *users.User, cmd *command.Command, args [][]byte, reason string) {
	a := &s.k.audit
	class := AuditDenied
	if !a.wants(AuditDenied) {
		if class = AuditCommand; !a.wants(AuditCommand) {
			return
		}
	}
	if u != nil {
		a.denies = a.pack(a.denies, cmd, args, a.read(cmd, args))
	} else if a.denies = a.pack(a.denies, cmd, args, nil); len(a.denies) > maxStrangeText {
		a.denies = a.pack(a.denies, cmd, nil, nil)
	}
	e := s.fresh(class)
	e.User, e.Command, e.Database, e.Packed = "", unknownCommand, s.database(), a.denies
	if u != nil {
		e.User = u.Name
		if reason == policy.ReasonCommand.String() || reason == policy.ReasonReserved.String() {
			e.Grounds, e.Selector = u.User, -1
		}
	}
	if cmd != nil {
		e.Command = cmd.Name
	}
	e.Verdict, e.Reason = auditDenied, reason
	s.record(e)
}

// read finds the keys of a request that has not been parsed, or of the head of one.
func (a *auditing) read(cmd *command.Command, args [][]byte) *command.Uses {
	if cmd == nil || len(args) == 0 {
		return nil
	}
	if cmd.Parse(args, &a.uses) == nil {
		return &a.uses
	}
	for more := range maxMissing {
		if cmd.ParseHead(args, len(args)+more, &a.uses) == nil {
			return &a.uses
		}
	}
	return nil
}

// maxMissing is how many arguments may be missing in the head of a request whose keys
// are there: value and options.
const maxMissing = 4

// auditAuth records that somebody has logged in, or has tried to.
func (s *session) auditAuth(user, method, verdict, reason string) {
	if !s.k.audit.wants(AuditAuth) {
		return
	}
	e := s.fresh(AuditAuth)
	e.User, e.Method, e.Verdict, e.Reason = user, method, verdict, reason
	s.record(e)
}

// auditFailed records an attempt to log in under a name, which need not be anybody's.
func (s *session) auditFailed(name []byte, verdict, reason string) {
	if s.k.audit.on == 0 {
		return
	}
	user := unknownUser
	if u := s.h.set().Lookup(name); u != nil {
		user = u.Name
	}
	s.auditAuth(user, methodPassword, verdict, reason)
}

// mayLogIn says that an attempt to log in can be recorded, if it has to be.
func (s *session) mayLogIn() bool {
	a := &s.k.audit
	if !a.wants(AuditAuth) {
		return true
	}
	held, ok := a.to.Reserve(AuditAuth, 0)
	if held {
		a.to.Release(AuditAuth, 0) // nothing comes between
	}
	return ok
}

// auditUser records who the client is after something that has made it another.
func (s *session) auditUser(reason string) {
	if s.k.audit.on == 0 {
		return
	}
	user := ""
	if s.known {
		user = s.user.Name
	}
	s.auditAuth(user, "", auditChanged, reason)
}

// auditConnection records the two ends of a connection.
func (s *session) auditConnection(verdict, reason string) {
	if s.k.audit.wants(AuditConnection) {
		e := s.fresh(AuditConnection)
		e.Verdict, e.Reason = verdict, reason
		if verdict == auditClosed {
			e.Duration = s.h.now() - s.born
		}
		s.record(e)
	}
}

// loginMethod is how a user logs in who has given a password.
func loginMethod(u *users.User) string {
	if u.NoPass {
		return methodNone
	}
	return methodPassword
}
