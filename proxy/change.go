package proxy

import (
	"sync"
	"time"

	"redisgate/policy/command"
	"redisgate/resp"
	"redisgate/users"
)

// Changes of users reach a session at its next command (refresh), and what goes on
// without a command, subscriptions and waits, when the server is told of them.

// wait is a blocking command that is out.
type wait struct {
	request []byte // to be judged again
	revoked bool   // its user may not wait any more
	text    string // what it is answered with; "": nothing
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
	if u == nil || !u.Admits(s.addr) {
		s.end("user")
		return false
	}
	old := s.user
	s.from, s.user = set, u
	if s.subs != nil && !u.KeepsChannels(old.User) && !s.subs.keptBy(u) {
		s.end("user")
		return false
	}
	return true
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
	if s.phase >= ending {
		return
	}
	may := s.refresh()
	if !s.blocking || s.own == nil || s.wait.revoked {
		return
	}
	text := ""
	if may {
		if text = s.judgeWait(); text == "" {
			return
		}
	}
	s.wait.revoked, s.wait.text, s.wait.told = true, text, told
	told.Add(1)
	s.tainted = true
	s.own.Finish()
}

// judgeWait judges the blocking command that is out by the rules of this moment,
// and returns the text of a refusal.
func (s *session) judgeWait() string {
	var p resp.Parser
	if _, err := p.Next(s.wait.request, &s.k.accepted); err != nil {
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
	return string(d.AppendText(nil, s.user.User, cmd))
}

// endWait forgets the blocking command that was out.
func (s *session) endWait() {
	if s.wait.request != nil || s.wait.revoked {
		s.k.bufs.give(s.wait.request)
		if s.wait.told != nil {
			s.wait.told.Done()
		}
		s.wait = wait{}
	}
}

// changeTime is how long a change of users waits for Redis to let go of commands
// that its users may not wait for any more.
const changeTime = 2 * time.Second

// usersChanged tells all sessions, and returns when the change is in force for
// all of them.
func (s *Server) usersChanged(_, _ *users.Set) {
	if !s.started.Load() {
		return
	}
	var told sync.WaitGroup
	s.eachClient(&told, func(c *client) {
		c.usersChanged(&told)
		c.settleInput()
	})
	done := make(chan struct{})
	go func() { told.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(changeTime):
		s.eachClient(&told, func(c *client) {
			if c.wait.revoked && c.own != nil {
				c.own.Close()
			}
		})
		<-done
	}
}

// eachClient has f called for every client, by the worker that it belongs to.
func (s *Server) eachClient(told *sync.WaitGroup, f func(*client)) {
	for _, w := range s.workers {
		told.Add(1)
		if !w.loop.Post(func() {
			defer told.Done()
			for c := range w.clients {
				f(c)
			}
		}) {
			told.Done()
		}
	}
}
