package proxy

import (
	"bytes"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redisgate/identity"
	"redisgate/policy"
	"redisgate/upstream"
	"redisgate/users"
)

// world is what sessions live in when there is no I/O: users, a clock, and links
// that record what they are sent. Nothing happens in it but by turns.
type world struct {
	t      testing.TB
	k      *kit
	clock  int64
	set    *users.Set
	seats  seats
	meters meters
	rates  users.Rates           // of all users, if it is any
	cert   *identity.Certificate // of clients that connect
	told   sync.WaitGroup        // sessions that a change of users is not in force for
	peers  []*peer

	active map[upstream.Key]*fakeLink
	idle   []*fakeLink
	shared []*fakeLink // all that ever were
	own    []*fakeLink
	busy   bool // no connection is free
	down   bool // Redis is unreachable

	// cut says how many of n bytes come next, 1 to n.
	cut func(n int) int
	// reached, if set, is told of each request that arrives at Redis.
	reached func(l *fakeLink, args [][]byte)
	// auto has each link answer as soon as it is asked.
	auto bool
}

var testAddr = netip.MustParseAddr("192.0.2.1")

// testLimits are small, so that tests reach them.
func testLimits() Limits {
	return Limits{
		CommandBytes: 4 << 20, ArgumentBytes: 2 << 20, BufferedBytes: 256 << 10, Arguments: 1000,
		OutputBytes: 1 << 20, OutputTimeout: 60 * time.Second, Memory: 1 << 30,
		AuthTimeout: 10 * time.Second, IdleTimeout: 0, RequestTimeout: 60 * time.Second,
	}
}

// testUsers: app may do everything in every database, few may do little, five
// works in database 5 alone, some may ask for the names of its keys, and default
// is off. root may listen to everything, too.
var testUsers = map[string]string{
	"app":  "on >secret ~* &* +@all",
	"few":  "on >secret ~few* &few* -@all +@read +@connection +@transaction +set +subscribe +unsubscribe",
	"five": "on >secret ~* &* +@all",
	"root": "on >secret ~* &* +@all +monitor +sync +psync +replconf",
	"some": "on >secret ~few* %W~write &* -@all +get +scan +keys +randomkey +ping +@transaction +@pubsub",
}

func buildUsers(t testing.TB, rules map[string]string, previous *users.Set) *users.Set {
	t.Helper()
	var all []users.Definition
	for name, rule := range rules {
		var o policy.Options
		if name == "five" {
			o.Databases = []int{5}
		}
		u, err := policy.ParseUser(name, rule, o)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, users.Definition{User: u})
	}
	set, err := users.NewSet(all, previous)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func newWorld(t testing.TB) *world {
	id := uint64(0)
	return &world{
		t: t, clock: 1, set: buildUsers(t, testUsers, nil), active: map[upstream.Key]*fakeLink{},
		k:   newKit(testLimits(), func() uint64 { id++; return id }),
		cut: func(n int) int { return n },
	}
}

// peer is a client and its session's host.
type peer struct {
	w *world
	s session

	unsent  []byte // what the client will send
	quota   int    // and how much of it now; negative: all
	leaving bool   // and then it half-closes
	left_   bool   // it has
	blind   bool   // it does not read
	got     []byte // what it has read

	received int  // bytes that its session was given
	finished bool // its session has ended in good order

	later   []func() // what was done off the loop
	trials  int      // attempts to log in
	slow    bool     // each of them has to wait
	fast    bool     // but those with a right password
	crowded bool     // in vain

	woken  bool
	closed bool
	next   int64 // when tick is due; 0: never
	taken  int   // dedicated links held
	heldUp bool
}

func (w *world) connect() *peer {
	p := &peer{w: w, quota: -1}
	w.peers = append(w.peers, p)
	initSession(&p.s, p, w.k, testAddr, w.cert)
	return p
}

func (w *world) links() []*fakeLink {
	return append(append([]*fakeLink(nil), w.shared...), w.own...)
}

// settle lets everything happen that can.
func (w *world) settle() {
	for turns := 0; ; turns++ {
		if !w.turn() {
			return
		}
		if turns > 1<<22 {
			w.t.Fatal("the session never comes to rest")
		}
	}
}

// turn lets each connection and each client do something, and says whether any did.
func (w *world) turn() (did bool) {
	for _, l := range w.links() {
		did = l.turn() || did
	}
	for _, p := range w.peers {
		did = p.turn() || did
	}
	return did
}

// turn is what client.go does with a session, without the socket.
func (p *peer) turn() (did bool) {
	s := &p.s
	if p.closed {
		return false
	}
	if len(p.later) > 0 {
		p.later[0]()
		p.later, did = p.later[1:], true
	}
	if p.woken {
		p.woken, did = false, true
		s.spent = 0
		s.run()
		if p.left_ && !p.closed {
			s.eof()
		}
	}
	if !p.closed && s.wants() {
		switch {
		case len(p.unsent) > 0 && p.quota != 0:
			n := min(len(p.unsent), readBuffer)
			if p.quota > 0 {
				n = min(n, p.quota)
			}
			n = p.w.cut(n)
			if p.quota > 0 {
				p.quota -= n
			}
			piece := append([]byte(nil), p.unsent[:n]...)
			p.unsent = p.unsent[n:]
			p.received += n
			s.spent = 0
			s.Input(piece)
			scramble(piece)
			did = true
		case p.leaving && !p.left_:
			p.left_, did = true, true
			s.eof()
		}
	}
	if p.closed {
		return true
	}
	if n := s.waiting(); n > 0 {
		if p.blind {
			s.stuck()
			return did
		}
		n = len(s.pending(n))
		p.got = append(p.got, s.pending(n)...)
		s.drained(n)
		did = true
	}
	if s.waiting() == 0 {
		s.unstuck()
		if s.finished() {
			p.closed, p.finished, did = true, true, true
			s.gone(s.reason)
		}
	}
	return did
}

// scramble makes whoever keeps a slice that is not its own see it.
func scramble(p []byte) {
	for i := range p {
		p[i] = '?'
	}
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.clock += int64(d)
	for _, p := range w.peers {
		if p.next != 0 && p.next <= w.clock && !p.closed {
			p.next = 0
			p.s.tick()
		}
	}
	w.settle()
}

// end has every session gone and checks that nothing of them is left.
func (w *world) end() {
	w.t.Helper()
	for _, p := range w.peers {
		p.s.gone("test")
		if p.taken != 0 {
			w.t.Errorf("an ended session holds %d dedicated connections; want 0", p.taken)
		}
	}
	w.told.Wait()
	w.seats.taken.Range(func(user, n any) bool {
		if n := n.(*atomic.Int64).Load(); n != 0 {
			w.t.Errorf("user %v has %d connections after all have ended; want 0", user, n)
		}
		return true
	})
	for _, l := range w.links() {
		if l.pauses != 0 {
			w.t.Errorf("%s is paused %d times by nobody", l.name, l.pauses)
		}
		if len(l.waiters) != 0 {
			w.t.Errorf("%s is awaited by %d sessions that have ended", l.name, len(l.waiters))
		}
	}
	if w.k.bufs.held != 0 {
		w.t.Errorf("buffers.held = %d after all sessions have ended; want 0", w.k.bufs.held)
	}
}

// What follows makes a peer its session's host.

func (p *peer) now() int64               { return p.w.clock }
func (p *peer) set() *users.Set          { return p.w.set }
func (p *peer) server() *upstream.Server { return &upstream.Server{Name: "redis", Version: "7.0.0"} }
func (p *peer) wake()                    { p.woken = true }
func (p *peer) output()                  {}
func (p *peer) left()                    { p.closed = true }
func (p *peer) mayTry([]byte) bool       { return true }
func (p *peer) wrong([]byte)             {}
func (p *peer) giveSeat(user int)        { p.w.seats.give(user) }
func (p *peer) right([]byte)             {}
func (p *peer) heldUpOthers()            { p.heldUp = true }
func (p *peer) mayHoldUp() bool          { return false }

// trial has every second attempt wait for something off the loop, which here is but a
// turn.
func (p *peer) trial(name, password []byte) func() proof {
	if p.trials++; p.trials%2 == 0 && !p.slow {
		return nil
	}
	if _, _, ok := p.w.set.Authenticate(testAddr, nil, name, password); ok && p.fast {
		return nil
	}
	set, name, password := p.w.set, bytes.Clone(name), bytes.Clone(password)
	return func() proof { return proof{proved: set.Prove(name, password), busy: p.crowded} }
}

func (p *peer) userMeter(u *users.User) *meter {
	if p.w.rates != (users.Rates{}) {
		u = &users.User{User: u.User, Index: u.Index, Rates: p.w.rates}
	}
	return p.w.meters.user(u, p.w.clock)
}
func (p *peer) addressMeter() *meter { return p.w.meters.address(testAddr, p.w.clock) }

func (p *peer) takeSeat(u *users.User, must bool) bool { return p.w.seats.take(u, must) }

func (p *peer) offLoop(do func() []byte, done func([]byte)) {
	reply := do()
	p.later = append(p.later, func() { done(reply) })
}

func (p *peer) everybody(f func(*session, *sync.WaitGroup)) {
	for _, o := range p.w.peers {
		f(&o.s, &p.w.told)
	}
}

func (p *peer) describe(e *AuditEvent)       { e.Address = netip.AddrPortFrom(testAddr, 1) }
func (p *peer) ends() (remote, local string) { return "192.0.2.1:1", "192.0.2.2:2" }

func (p *peer) hold(d time.Duration, writes bool) {
	p.w.k.pause.on, p.w.k.pause.writes = d > 0, writes
	if d == 0 {
		for _, o := range p.w.peers {
			o.s.proceed()
		}
	}
}

func (p *peer) deadline(t int64) {
	if p.next == 0 || t < p.next {
		p.next = t
	}
}

func (p *peer) err() error {
	switch {
	case p.w.busy:
		return upstream.ErrBusy
	case p.w.down:
		return upstream.ErrUnreachable
	}
	return nil
}

func (p *peer) shared(k upstream.Key) (link, error) {
	if l := p.w.active[k]; l != nil {
		return l, nil
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	l := newFakeLink(p.w, fmt.Sprintf("S%d", len(p.w.shared)+1), k)
	l.shared = true
	p.w.shared = append(p.w.shared, l)
	p.w.active[k] = l
	return l, nil
}

func (p *peer) dedicated(k upstream.Key) (link, error) {
	if p.taken != 0 {
		p.w.t.Errorf("a session takes a second dedicated connection")
	}
	for i, l := range p.w.idle {
		if l.key == k {
			p.w.idle = append(p.w.idle[:i:i], p.w.idle[i+1:]...)
			l.owner = &p.s
			p.taken++
			return l, nil
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	l := newFakeLink(p.w, fmt.Sprintf("D%d", len(p.w.own)+1), k)
	l.owner = &p.s
	p.w.own = append(p.w.own, l)
	p.taken++
	return l, nil
}

func (p *peer) release(l link, clean bool) {
	p.taken--
	f := l.(*fakeLink)
	f.owner = nil
	if f.closed {
		return
	}
	if clean {
		f.checkClean()
	}
	if !clean || len(f.q) > 0 {
		f.lose()
		return
	}
	p.w.idle = append(p.w.idle, f)
}
