package proxy

import (
	"bytes"

	"github.com/tidwall/redcon"

	"redisgate/policy/command"
	"redisgate/users"
)

// doAuth is AUTH password and AUTH user password (acl.c, authCommand). A failure
// leaves the session who it was, but see fallBack.
func (s *session) doAuth(_ *command.Command, args [][]byte, _ []byte) bool {
	if !s.settled() {
		return false
	}
	name, password, wrong := s.readAuth(args)
	if wrong == "" {
		if !s.tried(&s.trial, name, password) {
			return false
		}
		wrong = s.login(args[0], name, password)
	}
	if wrong != "" {
		s.fail(wrong)
		return true
	}
	s.sayOK()
	return true
}

func (s *session) readAuth(args [][]byte) (name, password []byte, wrong string) {
	switch len(args) {
	case 2:
		if s.h.set().Default().NoPass {
			return nil, nil, textNoPassword
		}
		return []byte("default"), args[1], ""
	case 3:
		return args[1], args[2], ""
	}
	return nil, nil, textSyntax
}

// login makes the session name's, or says with which text it is refused. command
// is how the client has spelled what it asks.
func (s *session) login(command, name, password []byte) string {
	set, u, wrong := s.attempt(s.trial, command, name, password)
	s.trial = nil
	if wrong != "" {
		s.fallBack()
		return wrong
	}
	if s.pinned() && !u.MayUse(s.db) {
		s.auditFailed(name, auditFailed, "database")
		return textPinnedAuth // its connection is in a database that is not u's
	}
	if !s.sit(u, false) {
		s.auditFailed(name, auditFailed, "connections")
		return textSeats
	}
	s.become(set, u)
	s.auditAuth(u.Name, loginMethod(u), auditOK, "")
	return ""
}

// attempt tries to log in and returns as whom that would be, or with which text it
// is refused. t may be nil.
func (s *session) attempt(t *trial, command, name, password []byte) (*users.Set, *users.User, string) {
	set := s.h.set()
	if s.k.audit.on != 0 && !s.mayLogIn() {
		return nil, nil, textAudit
	}
	var found proof
	if t != nil {
		found = t.proof
	}
	if found.refused || !found.counted && !s.h.mayTry(name) {
		s.k.counts.Auth["throttled"]++
		s.auditFailed(name, "throttled", "")
		s.wasWrong()
		return nil, nil, textThrottled
	}
	u, slot, ok := set.AuthenticateProved(s.addr, s.cert, name, password, found.proved)
	if !ok && found.busy {
		s.k.counts.Auth["busy"]++
		s.auditFailed(name, "busy", "")
		return nil, nil, textBusyLogin
	}
	if !ok {
		s.logFailed(command, name)
		if !found.counted {
			s.h.wrong(name)
		}
		s.k.counts.Auth["failed"]++
		s.auditFailed(name, auditFailed, "")
		s.wasWrong()
		return nil, nil, textWrongPass
	}
	s.h.right(name)
	s.k.counts.Auth["ok"]++
	s.k.counts.password(u, slot)
	s.failed = 0
	return set, u, ""
}

// fallBack makes a client that has failed to log in the user again whose its
// certificate is: whom another password made it, it is not for longer than it knows
// passwords. If that user has all the connections that it may, the client is nobody.
// Without such a certificate it stays who it was.
func (s *session) fallBack() {
	set := s.h.set()
	u := s.certified(set)
	switch {
	case u == nil:
	case s.pinned() && !u.MayUse(s.db):
		s.end("user") // its connection is in a database that is not u's
	default:
		if s.become(set, nil); !s.known && s.pinned() || s.hearsMore() {
			s.end("user") // its connection is nobody's, or hears what is not the user's
		}
		s.auditUser("failed")
	}
}

// hearsMore says that the session is told of what its user may not hear: somebody else
// that it was has subscribed to it, or tracks keys.
func (s *session) hearsMore() bool {
	return s.subs != nil && !s.subs.keptBy(s.user) || s.tracking && !s.user.MayReadAll()
}

// certified is the user whom the client's certificate would log in, unless it has;
// nil: none.
func (s *session) certified(set *users.Set) *users.User {
	if s.cert == nil || s.byCert {
		return nil
	}
	u, standing := set.Certified(s.addr, s.cert)
	if standing != users.Holder {
		return nil
	}
	return u
}

// maxFailed is how often one connection may try before it is closed.
const maxFailed = 16

// wasWrong ends a connection that has tried too often and is nobody's.
func (s *session) wasWrong() {
	if s.failed++; s.failed >= maxFailed && !s.known {
		s.end("auth_failed")
	}
}

func equalFold(p []byte, word string) bool {
	return len(p) == len(word) && bytes.EqualFold(p, []byte(word))
}

func appendInt(dst []byte, v int64) []byte         { return redcon.AppendInt(dst, v) }
func appendBulk(dst []byte, p []byte) []byte       { return redcon.AppendBulk(dst, p) }
func appendArray(dst []byte, n int) []byte         { return redcon.AppendArray(dst, n) }
func appendBulkString(dst []byte, s string) []byte { return redcon.AppendBulkString(dst, s) }
