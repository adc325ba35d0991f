package proxy

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redisgate/policy"
	"redisgate/users"
)

// rated builds testUsers with rates.
func rated(t testing.TB, rates map[string]users.Rates, previous *users.Set) *users.Set {
	t.Helper()
	var all []users.Definition
	for name, rules := range testUsers {
		u, err := policy.ParseUser(name, rules, policy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, users.Definition{User: u, Rates: rates[name]})
	}
	set, err := users.NewSet(all, previous)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// paced are conversations of app, who may have two commands a second and 1,000 bytes.
var paced = map[string]string{
	"commands wait in their order": as("app", `
		C GET a
		C GET b
		C GET c
		C CLIENT GETNAME
		U S1 GET a
		U S1 GET b
		A S1
		G =get a
		G =get b
		N
		T 499ms
		N
		T 1ms
		U S1 GET c
		A S1
		G =get c
		T 499ms
		N
		T 1ms
		G $-1
		T 1s
		C GET a
		C GET b
		U S1 GET a
		U S1 GET b
		A S1
		G =get a
		G =get b
		C QUIT
		N
		T 500ms
		G +OK
		X quit`),

	"a transaction waits": as("app", `
		C MULTI
		C SET a 1
		C EXEC
		G +OK
		G +QUEUED
		N
		T 500ms
		U S1 MULTI
		U S1 SET a 1
		U S1 EXEC
		A S1
		G "*1\r\n$7\r\nset a 1\r\n"`),

	"what is denied counts": as("app", `
		C GET
		C GET
		C GET a
		G -ERR wrong number of arguments for 'get' command
		G -ERR wrong number of arguments for 'get' command
		N
		T 500ms
		U S1 GET a
		A S1
		G =get a`),

	"bytes wait until they are paid for": as("app", `
		C SET a @1970
		U S1 SET a @1970
		A S1
		G =set a vvvvvvvvvvvvvvvvvvvv
		C GET a
		N
		T 1s
		N
		T 100ms
		U S1 GET a
		A S1
		G =get a`),

	"others are not limited": as("few", `
		C GET few:a
		C GET few:a
		C GET few:a
		U S1 GET few:a
		U S1 GET few:a
		U S1 GET few:a
		A S1
		G =get few:a
		G =get few:a
		G =get few:a`),

	"a client that half-closes is answered": as("app", `
		C GET a
		C GET b
		C GET c
		E
		U S1 GET a
		U S1 GET b
		A S1
		G =get a
		G =get b
		T 500ms
		U S1 GET c
		A S1
		G =get c
		X client`),

	"a client that is gone owes nothing": as("app", `
		C GET a
		C GET b
		C GET c
		U S1 GET a
		U S1 GET b
		E!
		T 5s
		X client`),
}

// refusedPaced are the same where errors say that it is too much.
var refusedPaced = map[string]string{
	"commands": as("app", `
		C GET a
		C GET b
		C GET c
		C GET d
		U S1 GET a
		U S1 GET b
		A S1
		G =get a
		G =get b
		G -ERR rate limit exceeded
		G -ERR rate limit exceeded
		T 500ms
		C GET e
		U S1 GET e
		A S1
		G =get e
		C GET f
		G -ERR rate limit exceeded
		C QUIT
		G +OK
		X quit`),

	"a transaction is spoilt": as("app", `
		C MULTI
		C SET a 1
		C SET b 1
		G +OK
		G +QUEUED
		G -ERR rate limit exceeded
		T 1s
		C EXEC
		G -EXECABORT Transaction discarded because of previous errors.
		C MULTI
		G +OK
		C EXEC
		G -EXECABORT Transaction discarded because of: rate limit exceeded
		T 1s
		C GET a
		U S1 GET a
		A S1
		G =get a`),

	"CLIENT REPLY SKIP": as("app", `
		C CLIENT REPLY SKIP
		C GET a
		U S1 GET a
		A S1
		N
		C GET b
		G -ERR rate limit exceeded`),

	"a large value": as("app", `
		C GET a
		C GET a
		U S1 GET a
		U S1 GET a
		A S1
		G =get a
		G =get a
		C SET a @70000
		G -ERR rate limit exceeded
		T 500ms
		C GET b
		U S1 GET b
		A S1
		G =get b`),
}

func TestRates(t *testing.T) {
	setup := func(refuse bool) func(*world) {
		return func(w *world) {
			w.set = rated(t, map[string]users.Rates{"app": {Commands: 2, Bytes: 1000}}, w.set)
			w.k.limits.RefuseOverRate = refuse
		}
	}
	for name, text := range paced {
		t.Run(name, func(t *testing.T) { script{text: text, setup: setup(false)}.play(t) })
	}
	for name, text := range refusedPaced {
		t.Run(name+" refused", func(t *testing.T) { script{text: text, setup: setup(true)}.play(t) })
	}
}

// login has a peer send AUTH.
func (p *peer) login(user string) *peer {
	p.unsent = append(p.unsent, request("AUTH", user, "secret")...)
	p.w.settle()
	p.got = nil
	return p
}

// TestALargeValuePassesAtItsRate: its bytes count as they come, and the time that they
// wait is not the client's.
func TestALargeValuePassesAtItsRate(t *testing.T) {
	const rate, size = 3000, 300_000
	for _, user := range []string{"app", "few"} { // few may not, and it is dropped at the same rate
		w := newWorld(t)
		w.auto = true
		w.set = rated(t, map[string]users.Rates{user: {Bytes: rate}}, w.set)
		p := w.connect().login(user)
		before := p.received
		p.unsent = append(p.unsent, request("SET", "a", strings.Repeat("v", size))...)
		p.unsent = append(p.unsent, request("PING")...)
		w.settle()
		for at := time.Duration(0); len(p.got) == 0; at += time.Second / 2 {
			passed := p.received - before - p.s.backlog()
			if most := int(rate*(at.Seconds()+1)) + readBuffer; passed > most {
				t.Fatalf("%s: %d bytes have passed after %s; want at most %d", user, passed, at, most)
			}
			if at > 200*time.Second || p.closed {
				t.Fatalf("%s: no reply after %s, closed %v for %q", user, at, p.closed, p.s.reason)
			}
			w.pass(time.Second / 2)
		}
		if w.clock < int64(70*time.Second) {
			t.Errorf("%s: it has taken %s; want 100 s, less a second and a piece", user, time.Duration(w.clock))
		}
		w.pass(100 * time.Second)
		if !bytes.HasSuffix(p.got, []byte("+PONG\r\n")) {
			t.Errorf("%s: the client got %.100q; want PONG at the end", user, p.got)
		}
		w.end()
	}
}

// TestRepliesCount: a large answer does not wait, and is paid for afterwards.
func TestRepliesCount(t *testing.T) {
	long := "=" + strings.Repeat("v", 3000)
	script{
		setup: func(w *world) { w.set = rated(t, map[string]users.Rates{"app": {Bytes: 1000}}, w.set) },
		text: as("app", "C GET a\nU S1 GET a\nR S1 "+long+"\nG "+long+`
			C GET b
			T 2s
			N
			T 100ms
			U S1 GET b
			A S1
			G =get b`),
	}.play(t)
}

func TestRatesFollowTheUsers(t *testing.T) {
	ask := func(rates users.Rates) (*world, *peer) {
		w := newWorld(t)
		w.auto = true
		w.set = rated(t, map[string]users.Rates{"app": rates}, w.set)
		p := w.connect().login("app")
		for i := range 100 {
			p.unsent = append(p.unsent, request("GET", fmt.Sprint(i))...)
		}
		w.settle()
		return w, p
	}
	answers := func(p *peer) int { return bytes.Count(p.got, []byte("get ")) }
	for name, c := range map[string]struct {
		before, after users.Rates
		within        time.Duration
	}{
		"more":        {users.Rates{Commands: 1}, users.Rates{Commands: 1000}, 120 * time.Millisecond},
		"no limit":    {users.Rates{Commands: 1}, users.Rates{}, 0},
		"more bytes":  {users.Rates{Bytes: 1024}, users.Rates{Bytes: 1 << 20}, 10 * time.Millisecond},
		"other kinds": {users.Rates{Commands: 1}, users.Rates{Bytes: 1 << 20}, time.Millisecond},
	} {
		w, p := ask(c.before)
		if n := answers(p); n == 0 || n > 50 {
			t.Errorf("%s: %d of 100 are answered at once", name, n)
		}
		w.set = rated(t, map[string]users.Rates{"app": c.after}, w.set)
		p.s.usersChanged(&w.told)
		w.settle()
		for d := time.Duration(0); d < c.within; d += time.Millisecond {
			w.pass(time.Millisecond)
		}
		if n := answers(p); n != 100 {
			t.Errorf("%s: %d of 100 are answered %s after the change", name, n, c.within)
		}
		w.end()
	}
	// A limit that is new holds for sessions that are there.
	w, p := ask(users.Rates{})
	if n := answers(p); n != 100 {
		t.Errorf("%d of 100 are answered without a limit", n)
	}
	w.set = rated(t, map[string]users.Rates{"app": {Commands: 10}}, w.set)
	for i := range 20 {
		p.unsent = append(p.unsent, request("GET", fmt.Sprint(i))...)
	}
	if w.settle(); answers(p) != 110 {
		t.Errorf("%d are answered with a new limit of 10; want 110", answers(p))
	}
	w.end()
}

// TestRatesEndWithADrain: whatever was sent is answered, without waiting.
func TestRatesEndWithADrain(t *testing.T) {
	w := newWorld(t)
	w.auto = true
	w.set = rated(t, map[string]users.Rates{"app": {Commands: 1}}, w.set)
	p := w.connect().login("app")
	for i := range 20 {
		p.unsent = append(p.unsent, request("GET", fmt.Sprint(i))...)
	}
	w.settle()
	p.s.drain()
	w.settle()
	if n := bytes.Count(p.got, []byte("get ")); n != 20 || !p.finished || p.s.reason != "drain" {
		t.Errorf("%d of 20 are answered, finished %v, reason %q; want 20, true, drain", n, p.finished, p.s.reason)
	}
	w.end()
}

// TestRatesOfAnAddress: all its sessions have them together, those that have not logged
// in too, and connecting again does not help.
func TestRatesOfAnAddress(t *testing.T) {
	w := newWorld(t)
	w.meters.commands = 4
	w.auto = true
	a, b := w.connect(), w.connect()
	a.login("app")
	b.login("few")
	for _, p := range []*peer{a, b} {
		for range 3 {
			p.unsent = append(p.unsent, request("GET", "few")...)
		}
	}
	answers := func() int { return bytes.Count(a.got, []byte("get ")) + bytes.Count(b.got, []byte("get ")) }
	w.settle()
	if answers() != 2 {
		t.Errorf("%d commands are answered besides two AUTH; want 2", answers())
	}
	for want := 3; want <= 6; want++ {
		if w.pass(250 * time.Millisecond); answers() != want {
			t.Errorf("%d are answered; want %d", answers(), want)
		}
	}
	a.s.gone("client")
	b.s.gone("client")
	c := w.connect().login("app")
	c.unsent = append(c.unsent, request("GET", "c")...)
	if w.settle(); len(c.got) > 0 {
		t.Errorf("a new connection got %q at once", c.got)
	}
	if w.pass(500 * time.Millisecond); len(c.got) == 0 {
		t.Error("a new connection got nothing after half a second")
	}
	w.end()
}

// TestSessionsWithTheSameRateTakeTurns: each gets its share, and none is woken in vain.
func TestSessionsWithTheSameRateTakeTurns(t *testing.T) {
	w := newWorld(t)
	w.auto = true
	w.set = rated(t, map[string]users.Rates{"app": {Commands: 10}}, w.set)
	var all [5]*peer
	for i := range all {
		all[i] = w.connect().login("app")
	}
	for _, p := range all {
		for i := range 100 {
			p.unsent = append(p.unsent, request("GET", fmt.Sprint(i))...)
		}
	}
	w.settle()
	for range 200 {
		w.pass(50 * time.Millisecond)
	}
	total := 0
	for i, p := range all {
		n := bytes.Count(p.got, []byte("get "))
		if total += n; i > 0 && n != 20 {
			t.Errorf("session %d has got %d answers in 10 s; want 20", i, n)
		}
	}
	if total != 110 {
		t.Errorf("%d answers in 10 s; want 10 at once and 100", total)
	}
	w.end()
}

// TestBucketIsShared: several workers take exactly what there is.
func TestBucketIsShared(t *testing.T) {
	m := newMeter(new(tally), new(tally))
	m.commands.set(1000, 5*second)
	var taken atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				if m.commands.take(5 * second) {
					taken.Add(1)
				}
			}
		})
	}
	all.Wait()
	if taken.Load() != 1000 {
		t.Errorf("%d tokens were taken of 1000", taken.Load())
	}
	if got := m.commands.used(5 * second); got != 1000 {
		t.Errorf("used = %d; want 1000", got)
	}
	if at := m.commands.reserve(5 * second); at != 5*second+int64(time.Millisecond) {
		t.Errorf("the next token is there after %s; want 1ms", time.Duration(at-5*second))
	}
	m.bytes.set(1000, 5*second)
	for range 10 {
		m.bytes.spend(5*second, 1<<40)
	}
	if owed := m.bytes.due() - 5*second; owed > maxOwed+1 {
		t.Errorf("%s are owed; want at most %s", time.Duration(owed), time.Duration(maxOwed))
	}
}

func TestMetersOfAddresses(t *testing.T) {
	t1 := &meters{commands: 10}
	one := t1.address(netip.MustParseAddr("2001:db8::1"), 0)
	if t1.address(netip.MustParseAddr("2001:db8::ffff"), 0) != one {
		t.Error("two addresses of one /64 have two meters")
	}
	if t1.address(netip.MustParseAddr("2001:db8:0:1::1"), 0) == one {
		t.Error("two networks have one meter")
	}
	if t1.address(netip.Addr{}, 0) != nil {
		t.Error("a unix socket's client has a meter")
	}
	// Those who owe nothing are forgotten, and the others up to a bound.
	for owes, most := range map[bool]int{false: 2 * sweepMeters, true: 3 * maxIdleMeters} {
		t2 := &meters{commands: 10}
		stays := t2.address(netip.MustParseAddr("192.0.2.1"), second)
		for i := range 400_000 {
			m := t2.address(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), second)
			if owes {
				m.commands.take(second)
			}
			m.sessions.Add(-1)
			if len(t2.ofAddress) > most {
				t.Fatalf("%d addresses are remembered, owing %v; want at most %d", len(t2.ofAddress), owes, most)
			}
		}
		if t2.address(netip.MustParseAddr("192.0.2.1"), second) != stays {
			t.Errorf("an address with a session was forgotten, owing %v", owes)
		}
	}
}

// BenchmarkPace isolates what limits cost a request: CLIENT ID, which redisgate answers
// itself, is parsed, judged and answered without a socket. Each iteration is one request.
func BenchmarkPace(b *testing.B) {
	const many = 100
	const plenty = 100_000_000
	for name, c := range map[string]struct {
		user    users.Rates
		address int64
	}{
		"none": {}, "user": {users.Rates{Commands: plenty, Bytes: 1 << 40}, 0}, "user and address": {users.Rates{Commands: plenty, Bytes: 1 << 40}, plenty},
	} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b)
			w.set = rated(b, map[string]users.Rates{"app": c.user}, w.set)
			w.meters.commands = c.address
			p := w.connect().login("app")
			run := bytes.Repeat(request("CLIENT", "ID"), many)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N / many {
				w.clock += int64(time.Millisecond)
				p.s.spent = 0
				p.s.Input(run)
				if n := p.s.waiting(); n != many*len(":1\r\n") {
					b.Fatalf("%d bytes of replies; want those to %d requests", n, many)
				}
				p.s.drained(p.s.waiting())
			}
		})
	}
}
