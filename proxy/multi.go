package proxy

import (
	"redisgate/policy"
	"redisgate/policy/command"
	"redisgate/users"
)

// transaction is what a client has queued since MULTI. It is judged command by
// command as it comes in and, if the rules have changed since, again at EXEC;
// then it goes to Redis as one contiguous run.
type transaction struct {
	run     []byte // MULTI and the queued requests, canonical
	cmds    []*command.Command
	user    *users.User // by whose rules the queue was judged
	own     bool        // some command needs a dedicated connection
	writes  bool        // some command may change something
	admin   bool        // some command is audited as an administrator's
	spoil   bool        // EXEC will be refused
	moves   bool        // to db, by SELECT
	selects bool        // has a SELECT, if only to a database that there is not
	mixed   bool        // has commands whose replies are redisgate's, in part or whole
	db      int

	trials map[int]*trial // of the commands that log in, by their place in cmds
}

var (
	requestMulti = []byte("*1\r\n$5\r\nMULTI\r\n")
	requestExec  = []byte("*1\r\n$4\r\nEXEC\r\n")
)

func (s *session) doMulti(*command.Command, [][]byte, []byte) bool {
	if s.multi != nil {
		s.fail(textNestedMulti)
		return true
	}
	s.multi = &transaction{user: s.user}
	s.sayOK()
	return true
}

// queue takes a permitted command into the transaction.
func (s *session) queue(cmd *command.Command, raw []byte) {
	m := s.multi
	switch {
	case cmd.Route == command.RouteSubscribe, cmd.Route == command.RouteReserved, cmd.Route == command.RouteRefused:
		s.refuse(cmd, s.userKnown(), policy.ReasonSyntax.String(), textInMulti)
		return
	case int64(len(m.run)+len(raw)) > s.k.limits.BufferedBytes:
		s.refuse(cmd, s.userKnown(), policy.ReasonSyntax.String(), textQueue)
		return
	}
	s.k.counts.verdict(cmd, true)
	s.say(replyQueued)
	if m.spoil {
		return // its EXEC sends nothing
	}
	if len(m.run) == 0 {
		m.run = s.k.bufs.append(nil, requestMulti)
	}
	m.run = s.k.bufs.append(m.run, raw)
	m.cmds = append(m.cmds, cmd)
	m.writes = m.writes || mayChange(cmd)
	m.own = m.own || cmd.Route != command.RouteShared && cmd.Route != command.RouteLocal
	m.mixed = m.mixed || cmd.Flags.Has(command.FlagRewriteSecrets) || outside[cmd.Name] != nil && cmd.Name != "select" || isACL(cmd)
	if m.user != s.user {
		m.user = nil // judged by the rules of more than one moment
	}
}

// spoilMulti makes EXEC refuse the transaction, if there is one.
func (s *session) spoilMulti() {
	if m := s.multi; m != nil {
		m.spoil = true
		s.k.bufs.give(m.run)
		m.run, m.cmds = nil, nil
	}
}

func (s *session) dropMulti() {
	s.spoilMulti()
	s.multi = nil
}

func (s *session) doExec(*command.Command, [][]byte, []byte) bool {
	m := s.multi
	if m == nil {
		s.fail(textExecAlone)
		return true
	}
	if m.spoil {
		if !s.unwatch() {
			return false
		}
		s.dropMulti()
		s.fail(textExecAbort)
		return true
	}
	if len(m.cmds) > 0 && (m.mixed || m.user != s.user) {
		if done, planned := s.execMixed(m); planned {
			return done
		}
	}
	if len(m.cmds) == 0 {
		if !s.watch {
			s.dropMulti()
			s.say([]byte("*0\r\n"))
			return true
		}
		m.run = s.k.bufs.append(m.run[:0], requestMulti)
	}
	place := s.onShared
	if m.own || m.selects || len(m.run) > largeRequest {
		place = s.onOwn
	}
	l, waits := place()
	if l == nil {
		if !waits {
			s.dropMulti()
		}
		return !waits
	}
	s.tainted = s.tainted || m.selects
	if m.moves {
		s.landing = landing{on: true, at: s.sent, db: m.db}
	}
	m.run = s.k.bufs.append(m.run, requestExec)
	l.SendRun(s, m.run, len(m.cmds)+1)
	s.sent++
	s.apart = true
	s.watch = false
	s.dropMulti()
	return true
}

func (s *session) doDiscard(_ *command.Command, _ [][]byte, _ []byte) bool {
	if s.multi == nil {
		s.fail(textDiscard)
		return true
	}
	if !s.unwatch() {
		return false
	}
	s.dropMulti()
	s.sayOK()
	return true
}

// doWatch pins a dedicated connection until EXEC, DISCARD, UNWATCH or RESET.
func (s *session) doWatch(cmd *command.Command, _ [][]byte, raw []byte) bool {
	if s.multi != nil {
		s.fail(textWatchMulti)
		return true
	}
	sent := s.sent
	done := s.forward(raw, true)
	if s.sent != sent {
		s.watch = true
	}
	return done
}

func (s *session) doUnwatch(cmd *command.Command, _ [][]byte, raw []byte) bool {
	if s.multi != nil {
		s.queue(cmd, raw)
		return true
	}
	if !s.unwatch() {
		return false
	}
	s.sayOK()
	return true
}

// unwatch forgets the watched keys, in Redis too: the connection may serve
// another session afterwards. false means that it has to wait.
func (s *session) unwatch() bool {
	if !s.watch {
		return true
	}
	if !s.settled() {
		return false
	}
	s.watch = false
	// What was asked for succeeds even if this fails: then the connection goes, and
	// with it what was watched.
	s.ask(s.own, 0, func(s *session, reply []byte, failed string) {
		s.tainted = s.tainted || failed != "" || reply[0] != '+'
	}, "UNWATCH")
	return true
}
