package proxy

import (
	"bytes"
	"slices"

	"redisgate/resp"
	"redisgate/upstream"
)

// fakeLink does for sessions what upstream.Conn does, without a connection.
type fakeLink struct {
	w      *world
	name   string // S1, S2 ... are shared, D1, D2 ... dedicated
	key    upstream.Key
	redis  fakeRedis
	owner  upstream.Receiver
	shared bool

	closed, retired, subscriber bool
	full                        bool // says Full
	finishing                   bool // and will be closed by Redis
	unreached                   bool // nothing that is sent reaches Redis
	pauses                      int
	waiters                     []upstream.Receiver

	q        []fakeEntry
	appended int
	sent     []byte // and not yet looked at by the test
	inbox    []frames
	framer   resp.Framer
}

type fakeEntry struct {
	to      upstream.Receiver
	drop, n int
	off     int
	many    bool
}

// frames is something that Redis sends.
type frames struct {
	push bool
	p    []byte
}

func newFakeLink(w *world, name string, k upstream.Key) *fakeLink {
	return &fakeLink{w: w, name: name, key: k, redis: newFakeRedis(k)}
}

func (l *fakeLink) Key() upstream.Key     { return l.key }
func (l *fakeLink) SetKey(k upstream.Key) { l.key = k }
func (l *fakeLink) Usable() bool          { return !l.closed && !l.retired && !l.finishing }
func (l *fakeLink) Retired() bool         { return l.retired }
func (l *fakeLink) Shared() bool          { return l.shared }
func (l *fakeLink) Full() bool            { return l.full && !l.closed }
func (l *fakeLink) Unsent() int           { return 0 }
func (l *fakeLink) SetSubscriber(on bool) { l.subscriber = on }
func (l *fakeLink) Close()                { l.lose() }

func (l *fakeLink) AwaitRoom(to upstream.Receiver) { l.waiters = append(l.waiters, to) }

func (l *fakeLink) Forget(r upstream.Receiver) {
	l.waiters = slices.DeleteFunc(l.waiters, func(w upstream.Receiver) bool { return w == r })
}

func (l *fakeLink) OthersWait(me upstream.Receiver) bool {
	return slices.ContainsFunc(l.q, func(e fakeEntry) bool { return e.to != me })
}

func (l *fakeLink) Send(to upstream.Receiver, req []byte, apart bool) {
	if last := len(l.q) - 1; last >= 0 && !apart && l.q[last].to == to && l.q[last].drop == 0 && !l.q[last].many {
		l.q[last].n++
		l.Append(req)
		return
	}
	l.push_(fakeEntry{to: to, n: 1}, req)
}

func (l *fakeLink) SendMany(to upstream.Receiver, req []byte, n int) {
	l.push_(fakeEntry{to: to, n: n, many: true}, req)
}

func (l *fakeLink) SendRun(to upstream.Receiver, run []byte, drop int) {
	l.push_(fakeEntry{to: to, drop: -drop, n: 1}, run)
}

// SendThrough asks for what is delivered as it comes.
func (l *fakeLink) SendThrough(req []byte) {
	if len(l.q) > 0 {
		l.w.t.Errorf("%s is to be gone through, and owes replies", l.name)
	}
	l.Append(req)
}

// owes says that replies to r are awaited.
func (l *fakeLink) owes(r upstream.Receiver) bool {
	return slices.ContainsFunc(l.q, func(e fakeEntry) bool { return e.to == r })
}

func (l *fakeLink) push_(e fakeEntry, req []byte) {
	if l.closed || l.retired {
		l.w.t.Errorf("%s is sent a request after its end", l.name)
		return
	}
	if l.owner != nil && l.owner != e.to {
		l.w.t.Errorf("%s is sent a request by a stranger", l.name)
	}
	e.off = l.appended
	l.q = append(l.q, e)
	l.Append(req)
}

func (l *fakeLink) Append(p []byte) {
	if l.closed {
		return
	}
	l.appended += len(p)
	l.sent = append(l.sent, p...)
	l.redis.feed(l, p)
}

func (l *fakeLink) Pause() {
	if l.shared && !l.retired {
		l.retire()
	}
	l.pauses++
}

func (l *fakeLink) Resume() {
	if l.pauses--; l.pauses < 0 {
		l.w.t.Errorf("%s is resumed by somebody who has not paused it", l.name)
	}
}

// Finish has Redis close the connection when what it has said was read.
func (l *fakeLink) Finish() { l.finishing = true }

func (l *fakeLink) retire() {
	l.retired = true
	if l.w.active[l.key] == l {
		delete(l.w.active, l.key)
	}
}

// room ends a time of being full.
func (l *fakeLink) room() {
	l.full = false
	waiters := l.waiters
	l.waiters = nil
	for _, r := range waiters {
		r.Room()
	}
}

// lose ends the connection.
func (l *fakeLink) lose() {
	if l.closed {
		return
	}
	l.closed = true
	if l.w.active[l.key] == l {
		delete(l.w.active, l.key)
	}
	l.w.idle = slices.DeleteFunc(l.w.idle, func(i *fakeLink) bool { return i == l })
	for len(l.q) > 0 {
		e := l.q[0]
		l.q = l.q[1:]
		e.to.Lost(e.n, !l.unreached && e.off < l.appended)
	}
	if owner := l.owner; owner != nil {
		l.owner = nil
		owner.Lost(0, true)
	}
	l.room()
}

// turn delivers a piece of what Redis sends.
func (l *fakeLink) turn() bool {
	if l.w.auto {
		l.redis.answer(l, 1<<30)
	}
	if l.finishing && !l.full && !l.closed && l.pauses == 0 && len(l.inbox) == 0 {
		l.lose()
		return true
	}
	if l.closed || l.pauses > 0 || len(l.inbox) == 0 {
		return false
	}
	f := &l.inbox[0]
	n := l.w.cut(len(f.p))
	if !f.push && l.framer.Idle() && f.p[0] == '-' {
		n = bytes.IndexByte(f.p, '\n') + 1 // errors come whole, since some are not passed on
	}
	p := append([]byte(nil), f.p[:n]...)
	push := f.push
	f.p = f.p[n:]
	end := len(f.p) == 0
	if end {
		l.inbox = l.inbox[1:]
	}
	switch {
	case !push:
		l.deliver(p)
	case l.owner != nil:
		l.owner.Push(p, end)
	}
	scramble(p)
	return true
}

// deliver is upstream.Conn.Data for replies.
func (l *fakeLink) deliver(p []byte) {
	for len(p) > 0 && !l.closed {
		if len(l.q) == 0 {
			l.w.t.Errorf("%s answers %q, which nobody awaits", l.name, p)
			return
		}
		e := &l.q[0]
		if e.drop != 0 {
			if e.drop < 0 {
				if p[0] != '+' {
					l.lose()
					return
				}
				e.drop = -e.drop
			}
			n, end := l.frame(p)
			if end {
				e.drop--
			}
			p = p[n:]
			continue
		}
		d := upstream.Delivery{Since: l.w.clock}
		i := 0
		for i < len(p) && d.Ended < e.n {
			if l.framer.Idle() {
				d.Began++
				d.Refused = e.many && p[i] == '-'
			}
			n, end := l.frame(p[i:])
			i += n
			if end {
				d.Ended++
				if d.Refused {
					break
				}
			}
		}
		if d.Refused && d.Ended > 0 {
			d.Began += e.n - d.Ended
			d.Ended = e.n
		}
		if l.shared && !l.retired && !l.framer.Idle() && l.framer.Size() > upstream.LargeReply {
			l.retire()
		}
		d.Large = l.shared && !l.framer.Idle() && l.framer.Size() > upstream.LargeReply
		d.Data = p[:i]
		p = p[i:]
		to := e.to
		if e.n -= d.Ended; e.n == 0 {
			l.q = l.q[1:]
		}
		to.Reply(d)
	}
	if l.retired && len(l.q) == 0 {
		l.lose()
	}
}

func (l *fakeLink) frame(p []byte) (int, bool) {
	n, end, err := l.framer.Next(p)
	if err != nil {
		l.w.t.Fatalf("the test's reply %q: %v", p, err)
	}
	return n, end
}

// checkClean says what is wrong with a connection that is to serve another session.
func (l *fakeLink) checkClean() {
	l.w.t.Helper()
	r := &l.redis
	switch {
	case len(l.q) > 0 || len(l.inbox) > 0 || !l.framer.Idle():
		l.w.t.Errorf("%s is given back as clean and owes a reply", l.name)
	case len(r.in) > 0:
		l.w.t.Errorf("%s is given back as clean with an unfinished request %.40q on it", l.name, r.in)
	case r.multi || r.watched || r.strange || r.channels() > 0 || l.subscriber:
		l.w.t.Errorf("%s is given back as clean with state on it", l.name)
	case r.db != l.key.DB:
		l.w.t.Errorf("%s is given back as of database %d and is in %d", l.name, l.key.DB, r.db)
	}
}
