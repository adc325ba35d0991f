package proxy

import (
	"sync"

	"redisgate/policy/command"
	"redisgate/resp"
	"redisgate/users"
)

// Changes of users reach a session at its next command (refresh), and what goes on
// without a command, subscriptions and waits, when the server is told of them.

// wait is a blocking command that is out.
type wait struct {
	request []byte // to be judged again
	stopped bool   // Redis was told that nobody waits any more
	reply   []byte // what it is answered with then; nil: nothing
	told    *sync.WaitGroup
}

// refresh looks the user up again if the users were exchanged. false means that
// the session has lost its user, or a channel, and ends.
func (s *session) refresh() bool {
	set := s.h.set()
	if set == s.from {
		return true
	}
	if !s.known {
		s.become(set, nil)
		return true
	}
	u := set.Lookup([]byte(s.user.Name))
	if u == nil || !u.Admits(s.addr) || !s.holds(set, u) || !u.MayUse(s.db) {
		s.end("user")
		return false
	}
	old := s.user
	s.from, s.user = set, u
	if s.measure(); u.Rates != old.Rates {
		s.giveBack(ofUser)
		s.goOn(false)
	}
	if s.tracking && u.User != old.User && !u.MayReadAll() {
		s.end("user") // Redis goes on telling of keys that were read, and of prefixes
		return false
	}
	if s.endless.cmd != nil && !u.AuthoriseName(s.endless.cmd, nil).Allowed() {
		s.end("user")
		return false
	}
	if s.subs != nil && !u.KeepsChannels(old.User) && !s.subs.keptBy(u) {
		s.end("user")
		return false
	}
	return true
}

// holds says that the client's certificate is u's, if u is the session's user because
// of it or must have one.
func (s *session) holds(set *users.Set, u *users.User) bool {
	if !s.byCert && !u.RequireCertificate {
		return true
	}
	whose, _ := set.Certified(s.addr, s.cert)
	return whose == u
}

// keptBy says that the user may stay subscribed to all of them.
func (u *subscriptions) keptBy(who *users.User) bool {
	for i, set := range [...]map[string]struct{}{u.channels, u.shards, u.patterns} {
		for name := range set {
			if !who.KeepsSubscription([]byte(name), i == 2) {
				return false
			}
		}
	}
	return true
}

// usersChanged tells the session that users were exchanged. It adds to told what
// is not done when it returns.
func (s *session) usersChanged(told *sync.WaitGroup) {
	over := s.phase >= ending
	may := !over && s.refresh()
	if s.phase == ending && s.reason == "user" && (s.begun > 0 || s.waiting() > outputLow) {
		s.gone("user") // a long reply would go on for as long as the client takes
		return
	}
	if over {
		return
	}
	if !s.blocking || s.own == nil || s.wait.stopped {
		return
	}
	var reply []byte
	if may {
		text := s.judgeWait()
		if text == "" {
			return
		}
		reply = appendError(nil, text)
	}
	s.stopWait(reply, told)
}

// stopWait ends the blocking command that is out, unless Redis has an answer on
// its way. It takes nothing with it: told is done when Redis has let go of it.
func (s *session) stopWait(reply []byte, told *sync.WaitGroup) {
	s.wait.stopped, s.wait.reply, s.wait.told = true, reply, told
	told.Add(1)
	s.tainted = true
	s.own.Finish()
}

// judgeWait judges the blocking command that is out by the rules of this moment,
// and returns the text of a refusal.
func (s *session) judgeWait() string {
	var p resp.Parser
	if _, err := p.Next(s.wait.request, &s.k.again); err != nil {
		return "" // it has no request that was kept
	}
	cmd, failure := command.Lookup(p.Args())
	if failure != command.Found {
		return ""
	}
	d := s.user.Authorise(s.db, cmd, p.Args(), &s.k.uses)
	if d.Allowed() {
		return ""
	}
	s.denied(cmd, p.Args(), d)
	if s.k.audit.on != 0 {
		s.auditDenied(s.user, cmd, p.Args(), d.Reason.String())
	}
	return string(d.AppendText(nil, s.user.User, cmd))
}

// endWait forgets the blocking command that was out.
func (s *session) endWait() {
	if s.wait.request != nil || s.wait.stopped {
		s.k.bufs.give(s.wait.request)
		if s.wait.told != nil {
			s.wait.told.Done()
		}
		s.wait = wait{}
	}
}

// usersChanged tells all sessions, and returns when the change is in force for
// all of them.
func (s *Server) usersChanged(_, _ *users.Set) {
	s.everybody(func(o *session, told *sync.WaitGroup) { o.usersChanged(told) })
}
