package proxy

import (
	"bytes"
	"strconv"

	"redisgate/policy/command"
	"redisgate/upstream"
)

// database is the one in which the next request will run: that of the session, or
// where a SELECT in the transaction leads.
func (s *session) database() int {
	if s.multi != nil && s.multi.moves {
		return s.multi.db
	}
	return s.db
}

// doSelect moves to another database. Whether it exists only Redis knows: the
// first SELECT of a number goes there, on a dedicated connection.
func (s *session) doSelect(_ *command.Command, args [][]byte, _ []byte) bool {
	db, err := strconv.Atoi(string(args[1]))
	if err != nil {
		s.fail(textDBNumber)
		return true
	}
	if db < 0 {
		s.fail(textDBRange)
		return true
	}
	if !s.settled() {
		return false
	}
	if s.k.known[db] && !s.pinned() {
		s.db = db
		s.sayOK()
		return true
	}
	l, _ := s.onOwn()
	if l == nil {
		return true
	}
	known := s.k.known // of the Redis that is asked
	s.ask(l, 0, func(s *session, reply []byte, failed string) {
		if failed != "" {
			reply = appendError(nil, failed)
		} else if reply[0] == '+' {
			known[db] = true
			s.db = db
			l.SetKey(upstream.Key{DB: db, Proto: s.proto})
		}
		s.emit(reply)
	}, "SELECT", strconv.Itoa(db))
	return true
}

// queueSelect takes SELECT into the transaction, whose further commands are judged
// in the new database. One that is not known yet is tried first.
func (s *session) queueSelect(cmd *command.Command, args [][]byte, raw []byte) bool {
	s.multi.selects = true
	db, err := strconv.Atoi(string(args[1]))
	switch {
	case err != nil || db < 0: // EXEC will say so
		s.queue(cmd, raw)
		return true
	case s.k.known[db]:
		s.move(cmd, raw, db)
		return true
	case !s.settled():
		return false
	}
	l, waits := s.onOwn()
	if l == nil {
		s.spoilMulti()
		return !waits
	}
	s.tainted = true
	kept, known := bytes.Clone(raw), s.k.known
	s.ask(l, 0, func(s *session, reply []byte, failed string) {
		switch {
		case failed != "":
			s.spoilMulti()
			s.emit(appendError(nil, failed))
		case reply[0] != '+':
			s.queue(cmd, kept)
		default:
			known[db] = true
			s.ask(l, 0, func(s *session, _ []byte, failed string) {
				if failed != "" {
					s.spoilMulti()
					s.emit(appendError(nil, failed))
					return
				}
				s.move(cmd, kept, db)
			}, "SELECT", strconv.Itoa(s.db))
		}
	}, "SELECT", strconv.Itoa(db))
	return true
}

func (s *session) move(cmd *command.Command, raw []byte, db int) {
	s.queue(cmd, raw)
	s.multi.moves, s.multi.db = true, db
}

// landing is a transaction with SELECT on its way: the session moves if it runs.
type landing struct {
	on   bool
	at   uint64 // replies before that of EXEC
	db   int
	head []byte // of EXEC's reply
}

// landed looks at the beginning of EXEC's reply. An array says that it has run.
func (s *session) landed(p []byte) {
	l := &s.landing
	l.head = append(l.head, p[:min(len(p), 2-len(l.head))]...)
	if len(l.head) < 2 {
		return
	}
	if l.head[0] == '*' && l.head[1] != '-' {
		s.db = l.db
		if s.own != nil {
			s.own.SetKey(upstream.Key{DB: s.db, Proto: s.proto})
		}
	}
	s.landing = landing{}
}
