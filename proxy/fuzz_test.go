package proxy

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"redisgate/upstream"
	"redisgate/users"
)

// FuzzSession plays two clients' conversations with a Redis that answers late and
// in pieces, refuses, is full, paused, lost and away, while users change and time
// passes. Whatever happens: each reply is the right one's, in order, one for each
// request; nothing reaches Redis that the user may not do, twice, or in another
// order; no counter drifts; nothing hangs; and nothing is left of a session that
// has ended.
//
// go test -v -run 'FuzzSession/NAME' tells what happened.
func FuzzSession(f *testing.F) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 99))
		b := make([]byte, 20+rng.IntN(400))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 1000 {
			return
		}
		newFuzz(t, in).run()
	})
}

// tape is fuzz input read as decisions.
type tape struct{ p []byte }

func (t *tape) more() bool { return len(t.p) > 0 }

// pick returns a number below n, of at most 256.
func (t *tape) pick(n int) int {
	if len(t.p) == 0 {
		return 0
	}
	b := t.p[0]
	t.p = t.p[1:]
	return int(b) % n
}

func (t *tape) bytes(n int) []byte {
	n = min(n, len(t.p))
	b := t.p[:n]
	t.p = t.p[n:]
	return b
}

func choose[T any](t *tape, from ...T) T { return from[t.pick(len(from))] }

// fuzzNames are all users that there may be.
var fuzzNames = []string{"default", "app", "few", "five"}

// fuzzSets are users of one process, one after the other.
var fuzzSets = sync.OnceValue(func() (sets []*users.Set) {
	for _, rules := range []map[string]string{
		testUsers,
		{"app": "on >secret ~* &* +@all -set", "few": "on >secret ~few* -@all +get +@connection", "five": "on >secret ~* +@all"},
		{"app": "on >secret ~few* &* +@all", "few": "on >secret ~* &* +@all", "default": "on nopass ~* &* +@all"},
		{"few": "on >secret ~few* &few* -@all +@read +@connection +@transaction +set +subscribe +unsubscribe"},
	} {
		var previous *users.Set
		if len(sets) > 0 {
			previous = sets[0]
		}
		sets = append(sets, buildUsers(panics{}, rules, previous))
	}
	return sets
})

// panics is a testing.TB for what is made once for all tests.
type panics struct{ testing.TB }

func (panics) Helper()           {}
func (panics) Fatal(args ...any) { panic(args) }

type fuzz struct {
	t       *testing.T
	w       *world
	tape    tape
	models  [2]*model
	clients []*model // all there ever were
	pushes  int
}

func newFuzz(t *testing.T, in []byte) *fuzz {
	w := &world{t: t, clock: 1, set: fuzzSets()[0], active: map[upstream.Key]*fakeLink{}}
	id := uint64(0)
	w.k = newKit(testLimits(), func() uint64 { id++; return id })
	w.k.limits.BufferedBytes = 100 << 10
	w.k.limits.IdleTimeout = time.Hour
	h := fnv.New64()
	h.Write(in)
	if h.Sum64()%2 == 0 { // nothing may depend on it
		w.k.audit = auditing{on: everyEvent, to: &counting{t: t, refuses: h.Sum64()%4 == 0}}
	}
	rng := rand.New(rand.NewPCG(h.Sum64(), 0))
	w.cut = func(n int) int { return 1 + rng.IntN(n) }
	if h.Sum64()%3 == 0 {
		w.cut = pieces
	}
	f := &fuzz{t: t, w: w, tape: tape{in}}
	w.reached = f.reached
	switch h.Sum64() % 5 {
	case 1:
		w.rates.Commands, w.rates.Bytes = 100, 100_000
	case 2:
		w.rates.Commands, w.meters.bytes = 100, 100_000
		w.k.limits.RefuseOverRate = true
	case 3:
		w.meters.commands, w.rates.Bytes = 50, 1_000_000
	}
	w.auto = f.tape.pick(2) == 0
	for i := range f.models {
		f.models[i] = f.connect()
	}
	return f
}

// connect begins another client, which most often logs in.
func (f *fuzz) connect() *model {
	m := newModel(f.w, strconv.Itoa(len(f.clients)+1), fuzzHabits[f.tape.pick(len(fuzzHabits))])
	f.clients = append(f.clients, m)
	if who := f.tape.pick(8); who > 0 {
		m.auth([]string{"app", "few", "five"}[who%3], "secret")
	}
	return m
}

func (f *fuzz) run() {
	for f.tape.more() {
		i := f.tape.pick(2)
		if f.models[i].p.closed && len(f.clients) < 20 {
			f.models[i] = f.connect()
		}
		m := f.models[i]
		if f.tape.pick(3) < 2 {
			for range 1 + f.tape.pick(4) {
				f.ask(m)
			}
		} else {
			f.happen(m)
		}
		switch f.tape.pick(5) {
		case 0: // the next step finds things as they are
		case 1:
			for range 1 + f.tape.pick(8) {
				f.w.turn()
			}
		default:
			f.w.settle()
			f.check()
			f.tidy()
		}
	}
	f.finale()
}

// finale lets everything come that is owed.
func (f *fuzz) finale() {
	f.w.busy, f.w.down, f.w.auto = false, false, true
	for _, m := range f.models {
		m.p.blind, m.p.quota = false, -1
	}
	for _, l := range f.w.links() {
		l.room()
	}
	f.w.settle()
	for range 10_000 {
		if !slices.ContainsFunc(f.clients, func(m *model) bool { return !m.p.closed && m.p.s.pace.until != 0 }) {
			break
		}
		f.w.pass(10 * time.Millisecond)
	}
	f.check()
	for _, m := range f.clients {
		s := &m.p.s
		switch {
		case m.p.closed || m.loose:
		case len(m.asked) > 0:
			f.t.Errorf("client %s has no reply to %d requests, the first %s", m.name, len(m.asked), m.asked[0].what)
		case s.sent != s.got, s.begun != 0, s.waiting() != 0, s.held != nil, s.owing != 0, s.backlog() != 0, s.slowBy != 0, s.requestBy != 0, s.pace.until != 0:
			f.t.Errorf("client %s at rest: sent %d, got %d, begun %d, %d wait, held %v, owing %d, backlog %d, deadlines %d, %d",
				m.name, s.sent, s.got, s.begun, s.waiting(), s.held != nil, s.owing, s.backlog(), s.slowBy, s.requestBy)
		case s.own != nil && !s.pinned():
			f.t.Errorf("client %s keeps a connection that nothing binds to it", m.name)
		}
	}
	f.w.end()
	if c, ok := f.w.k.audit.to.(*counting); ok && c.leftover() != 0 {
		f.t.Errorf("room for %d audit events stays reserved", c.leftover())
	}
}

// tidy forgets connections that have ended.
func (f *fuzz) tidy() {
	live := func(all []*fakeLink) (out []*fakeLink) {
		for _, l := range all {
			if !l.closed || l.pauses != 0 || len(l.waiters) > 0 {
				out = append(out, l)
			}
		}
		return out
	}
	f.w.shared, f.w.own = live(f.w.shared), live(f.w.own)
}

// check looks at what must hold whenever nothing moves.
func (f *fuzz) check() {
	f.t.Helper()
	for _, l := range f.w.links() {
		for _, r := range l.waiters {
			if r.(*session).phase == ended {
				f.t.Fatalf("%s keeps a session that has ended", l.name)
			}
		}
	}
	for _, m := range f.models {
		m.read()
		if m.p.closed {
			m.over()
			continue
		}
		f.checkCounts(m)
		f.checkProgress(m)
		m.compare()
	}
}

func (f *fuzz) checkCounts(m *model) {
	f.t.Helper()
	s := &m.p.s
	owing, own := 0, 0
	for _, d := range s.deferred {
		owing += len(d.text)
	}
	if s.own != nil {
		own = 1
	}
	switch {
	case s.got > s.sent, s.begun < 0, s.begun > 1, s.owing != owing, s.waiting() < 0, f.w.k.bufs.held < 0:
		f.t.Fatalf("client %s: sent %d, got %d, begun %d, owing %d of %d, %d wait, %d held",
			m.name, s.sent, s.got, s.begun, s.owing, owing, s.waiting(), f.w.k.bufs.held)
	case own != m.p.taken:
		f.t.Fatalf("client %s holds %d dedicated connections and has taken %d", m.name, own, m.p.taken)
	case s.pinned() && s.own == nil && s.phase < ending:
		f.t.Fatalf("client %s: watch %v, subscribed %v, on no connection", m.name, s.watch, s.subs != nil)
	}
}

// checkProgress looks for what would wait for ever.
func (f *fuzz) checkProgress(m *model) {
	f.t.Helper()
	s := &m.p.s
	switch {
	case s.phase < ending && s.free() && (s.stalled || s.blocking || len(s.deferred) > 0):
		f.t.Fatalf("client %s: nothing is owed, stalled %v, blocking %v, %d own replies wait", m.name, s.stalled, s.blocking, len(s.deferred))
	case s.phase == streaming && (s.own == nil || !s.stream.owed && s.sent != s.got):
		f.t.Fatalf("client %s streams to nobody", m.name)
	case s.phase < ending && s.backlog() > 0 && !s.hungry && s.awaited == nil && s.free() && s.waiting() < s.outputBound() && s.pace.until == 0:
		f.t.Fatalf("client %s: %d bytes of input are forgotten", m.name, s.backlog())
	case s.held != nil && s.slowBy == 0:
		f.t.Fatalf("client %s is slow and has no deadline", m.name)
	case m.p.left_ && m.waitsFor() != nil:
		f.t.Fatalf("client %s has left, and %s waits for it", m.name, m.waitsFor().name)
	case s.hungry && s.backlog() > 0 && s.phase < ending && s.requestBy == 0:
		f.t.Fatalf("client %s has sent half a request and has no deadline", m.name)
	}
	for _, d := range [...]int64{s.authBy, s.requestBy, s.slowBy, s.pace.until} {
		if d != 0 && (m.p.next == 0 || m.p.next > d) {
			f.t.Fatalf("client %s: a deadline at %d, and a look at it at %d", m.name, d, m.p.next)
		}
	}
}
