package proxy

import (
	"strconv"

	"redisgate/policy"
	"redisgate/policy/command"
	"redisgate/resp"
	"redisgate/users"
)

// plan is what becomes of a queue at EXEC: what goes to Redis, and what redisgate
// answers itself. It follows who the client is and where from command to command.
type plan struct {
	s     *session
	m     *transaction
	x     *splice
	run   []byte // MULTI and what goes to Redis
	n     int    // replies so far
	set   *users.Set
	user  *users.User
	db    int
	proto uint8
}

// execMixed is EXEC of a queue that holds commands which redisgate answers itself,
// or that was judged by rules which have changed since. planned is false if all of
// it may go to Redis as it is.
func (s *session) execMixed(m *transaction) (done, planned bool) {
	if !s.settled() || !s.queueTried(m) {
		return false, true
	}
	l, waits := s.onOwn()
	if l == nil {
		if !waits {
			s.dropMulti()
		}
		return !waits, true
	}
	p := plan{s: s, m: m, x: &splice{kept: m.run}, set: s.from, user: s.user, db: s.db, proto: s.proto}
	if !p.all() {
		s.k.bufs.give(p.run)
		s.dropMulti()
		s.fail(textExecAbort)
		return true, true
	}
	if len(p.x.own) == 0 {
		s.k.bufs.give(p.run)
		m.user = s.user
		return false, false
	}
	p.x.db = p.db
	s.tainted = s.tainted || m.selects || p.proto != s.proto
	p.run = s.k.bufs.append(p.run, requestExec)
	m.run = nil // it is the splice's now
	s.watch = false
	s.dropMulti()
	s.capture = &capture{splice: p.x, done: func(s *session, _ []byte, failed string) { s.emit(appendError(nil, failed)) }}
	l.SendRun(s, p.run, p.x.theirs+1)
	s.sent++
	s.apart = true
	s.k.bufs.give(p.run)
	return true, true
}

// all goes through the queue. false means that it cannot be read.
func (p *plan) all() bool {
	s := p.s
	p.run = s.k.bufs.append(nil, requestMulti)
	var parser resp.Parser
	for buf, i := p.m.run, -1; len(buf) > 0; i++ {
		n, err := parser.Next(buf, &s.k.again)
		if err != nil {
			return false // cannot be: it was parsed before
		}
		if i >= 0 { // the first is MULTI
			p.one(i, parser.Args(), buf[:n])
		}
		buf = buf[n:]
	}
	return true
}

// one is for the i-th command.
func (p *plan) one(i int, args [][]byte, raw []byte) {
	s, cmd := p.s, p.m.cmds[i]
	d := p.user.Authorise(p.db, cmd, args, &s.k.uses)
	switch {
	case d.Reason == policy.ReasonSyntax:
		s.k.counts.refused(p.user, d.Reason.String())
		s.auditDenied(p.user, cmd, args, d.Reason.String())
		p.says(string(d.AppendText(nil, p.user.User, cmd)))
		return
	case !d.Allowed() || p.user.MustFilter(cmd, d):
		s.logDenied(p.user, cmd, args, d, users.LogMulti)
		s.k.counts.refused(p.user, d.Reason.String())
		s.auditDenied(p.user, cmd, args, d.Reason.String())
		p.says(textRulesMoved + whyNot(d.Reason))
		return
	}
	switch {
	case cmd.Name == "select":
		if to := s.k.uses.Databases; len(to) == 1 && s.k.known[to[0]] {
			p.db = to[0]
		}
	case cmd.Name == "auth":
		p.auth(i, args)
		return
	case cmd.Name == "hello":
		p.hello(i, args)
		return
	case cmd.Flags.Has(command.FlagRewriteSecrets):
		p.x.own = append(p.x.own, insert{at: p.n, instead: true, secrets: true})
	case s.tracking && (cmd.Name == "client|caching" || cmd.Name == "client|trackinginfo"): // Redis knows
	case outside[cmd.Name] != nil:
		p.does(inserted(outside[cmd.Name], cmd, kept(args)))
		return
	case isACL(cmd):
		p.does(inserted((*session).doACL, cmd, kept(args)))
		return
	}
	p.sends(raw)
}

// sends has Redis answer raw.
func (p *plan) sends(raw []byte) {
	p.run = p.s.k.bufs.append(p.run, raw)
	p.x.theirs++
	p.n++
}

// says has redisgate answer with an error.
func (p *plan) says(text string) {
	p.x.own = append(p.x.own, insert{at: p.n, text: appendError(nil, text)})
	p.n++
}

// does has redisgate do something when the transaction has run.
func (p *plan) does(do func(*session)) {
	p.x.own = append(p.x.own, insert{at: p.n, do: do})
	p.n++
}

// auth tries to log in now, since the rest of the queue is judged by that; the
// client changes if the transaction runs.
func (p *plan) auth(i int, args [][]byte) {
	name, password, wrong := p.s.readAuth(args)
	if wrong != "" {
		p.says(wrong)
		return
	}
	if !p.login(p.m.trials[i], args[0], name, password) {
		return
	}
	set, u := p.set, p.user
	p.does(func(s *session) {
		s.becomeHere(set, u)
		s.sayOK()
	})
}

// login logs in for the rest of the queue, or has the client told why not.
func (p *plan) login(t *trial, command, name, password []byte) bool {
	set, u, wrong := p.s.attempt(t, command, name, password)
	switch {
	case wrong != "":
		p.failed(wrong)
	case !u.MayUse(p.db):
		p.s.auditFailed(name, auditFailed, "database")
		p.says(textMultiAuth)
	case !p.s.maySit(u):
		p.s.auditFailed(name, auditFailed, "connections")
		p.says(textSeats)
	default:
		p.set, p.user, p.x.back = set, u, false
		p.s.auditAuth(u.Name, loginMethod(u), auditOK, "")
		return true
	}
	return false
}

// failed is fallBack for the rest of the queue. Who may not be the certificate's user
// there, because of the database or of that user's other connections, falls back when
// the transaction has run.
func (p *plan) failed(wrong string) {
	u := p.s.certified(p.set)
	if u == nil && p.s.byCert && p.user != p.s.user {
		u = p.s.user // an AUTH before this one has succeeded
	}
	if p.x.back = u != nil && !(u.MayUse(p.db) && p.s.maySit(u)); u == nil || p.x.back {
		p.says(wrong)
		return
	}
	set := p.set
	p.user = u
	p.does(func(s *session) {
		s.becomeHere(set, u)
		s.byCert = true
		s.auditUser("failed")
		s.fail(wrong)
		if s.hearsMore() {
			s.end("user")
		}
	})
}

// hello is HELLO. That of another protocol goes to Redis too, where the replies
// behind it change.
func (p *plan) hello(i int, args [][]byte) {
	h, wrong := readHello(kept(args), p.proto)
	if wrong != "" {
		p.says(wrong)
		return
	}
	if h.auth && !p.login(p.m.trials[i], args[0], h.user, h.password) {
		return
	}
	set, u, moves := p.set, p.user, h.proto != p.proto
	p.does(func(s *session) {
		if h.auth {
			s.becomeHere(set, u)
		}
		s.greet(h)
		s.say(s.appendHello(nil))
	})
	if moves {
		p.proto = h.proto
		p.x.own[len(p.x.own)-1].instead = true
		p.n--
		p.sends(resp.AppendCommand(nil, "HELLO", strconv.Itoa(int(h.proto))))
	}
}

// becomeHere is become for a user who may use the database that the session is in.
func (s *session) becomeHere(set *users.Set, u *users.User) {
	db := s.db
	s.become(set, u)
	s.db = db
}

// kept copies the slice, not the bytes: the parser uses its own again.
func kept(args [][]byte) [][]byte { return append([][]byte(nil), args...) }

func whyNot(r policy.Reason) string {
	switch r {
	case policy.ReasonKey:
		return "no permission to touch the specified keys"
	case policy.ReasonChannel:
		return "no permission to access one of the channels used as arguments"
	}
	return "no permission to execute the command or subcommand"
}
