package proxy

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"redisgate/users"
)

// bucket is a token bucket that a second fills. On the path of a command it is one word,
// which all workers share without a lock: the time at which it is full again. So tokens
// can be taken that are not there yet, and whoever does waits for its own, in turn.
type bucket struct {
	full  atomic.Int64 // loop time
	rate  atomic.Int64 // tokens a second, and how many it holds; 0: any number
	tally *tally
}

// tally counts requests that found a bucket empty.
type tally struct{ refused, delayed atomic.Uint64 }

const (
	second = int64(time.Second)
	// maxOwed is how much more than a bucket holds may be taken from one of bytes, in time:
	// a subscriber is not asked how much it is told.
	maxOwed = 60 * second
)

// cost is the time in which n tokens come.
func (b *bucket) cost(n, rate int64) int64 { return min(n, 1<<33) * second / rate }

// reserve takes a token and returns when it is there.
func (b *bucket) reserve(now int64) int64 {
	rate := b.rate.Load()
	if rate == 0 {
		return now
	}
	c := b.cost(1, rate)
	for {
		full := b.full.Load()
		if next := max(full, now) + c; b.full.CompareAndSwap(full, next) {
			return next - second
		}
	}
}

// take takes a token that is there.
func (b *bucket) take(now int64) bool {
	rate := b.rate.Load()
	if rate == 0 {
		return true
	}
	c := b.cost(1, rate)
	for {
		full := b.full.Load()
		next := max(full, now) + c
		if next-second > now {
			return false
		}
		if b.full.CompareAndSwap(full, next) {
			return true
		}
	}
}

// giveBack takes back a reserve or a take.
func (b *bucket) giveBack() {
	if rate := b.rate.Load(); rate > 0 {
		b.full.Add(-b.cost(1, rate))
	}
}

// spend takes n tokens, be they there or not.
func (b *bucket) spend(now, n int64) {
	rate := b.rate.Load()
	if rate == 0 {
		return
	}
	c := b.cost(n, rate)
	for {
		full := b.full.Load()
		if b.full.CompareAndSwap(full, min(max(full, now)+c, max(full, now+second+maxOwed))) {
			return
		}
	}
}

// due is when the first token is there that nobody has taken.
func (b *bucket) due() int64 {
	if b.rate.Load() == 0 {
		return 0
	}
	return b.full.Load() - second + 1
}

// set gives the bucket its rate. If that is another, nobody owes anything.
func (b *bucket) set(rate, now int64) {
	if b.rate.Load() == rate {
		return
	}
	b.rate.Store(rate)
	b.full.Store(min(b.full.Load(), now+second))
}

// used is how many tokens are not there, or more if some were taken in advance.
func (b *bucket) used(now int64) int64 {
	left := b.full.Load() - now
	if left <= 0 {
		return 0
	}
	return int64(float64(left) * float64(b.rate.Load()) / float64(second))
}

// meter is what the sessions of one user, or of one address, do in a second.
type meter struct {
	commands, bytes bucket
	sessions        atomic.Int32 // of an address; raised under meters.mu only
}

func newMeter(commands, bytes *tally) *meter {
	return &meter{commands: bucket{tally: commands}, bytes: bucket{tally: bytes}}
}

// meters has the meters of all users and addresses that have a limit.
type meters struct {
	ofUser sync.Map // users.User.Index to *meter

	// Of each address.
	commandTally, bytesTally tally

	mu              sync.Mutex              // guards what follows
	commands, bytes int64                   // a second; 0: any number
	ofAddress       map[netip.Prefix]*meter // by host or IPv6 /64
	sweepAt         int
}

const (
	// sweepMeters is how many addresses' meters there are before those are looked for that
	// nobody needs any more.
	sweepMeters = 1024
	// maxIdleMeters bounds those of addresses that have left and owe something; more are
	// forgotten.
	maxIdleMeters = 1 << 16
)

// user gives u's meter, or nil if it needs none.
func (t *meters) user(u *users.User, now int64) *meter {
	if u.Rates == (users.Rates{}) {
		return nil
	}
	v, ok := t.ofUser.Load(u.Index)
	if !ok {
		v, _ = t.ofUser.LoadOrStore(u.Index, newMeter(new(tally), new(tally)))
	}
	m := v.(*meter)
	m.commands.set(u.Rates.Commands, now)
	m.bytes.set(u.Rates.Bytes, now)
	return m
}

// address gives the meter of an address to one more session, or nil if it needs none.
func (t *meters) address(a netip.Addr, now int64) *meter {
	if !a.IsValid() {
		return nil
	}
	n := network(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.commands == 0 && t.bytes == 0 {
		return nil
	}
	m := t.ofAddress[n]
	if m == nil {
		if t.ofAddress == nil {
			t.ofAddress = map[netip.Prefix]*meter{}
		}
		if len(t.ofAddress) >= max(t.sweepAt, sweepMeters) {
			t.sweep(now)
		}
		m = t.newOfAddress()
		t.ofAddress[n] = m
	}
	m.sessions.Add(1)
	return m
}

// setAddress gives addresses other rates; sessions ask for their meters again.
func (t *meters) setAddress(commands, bytes, now int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.commands, t.bytes = commands, bytes
	for _, m := range t.ofAddress {
		m.commands.set(commands, now)
		m.bytes.set(bytes, now)
	}
}

// newOfAddress is for who holds mu.
func (t *meters) newOfAddress() *meter {
	m := newMeter(&t.commandTally, &t.bytesTally)
	m.commands.rate.Store(t.commands)
	m.bytes.rate.Store(t.bytes)
	return m
}

// sweep forgets addresses that have left and owe nothing. Whoever owes something would
// get rid of it by connecting again, so it is remembered; but not for more addresses than
// memory should be spent on.
func (t *meters) sweep(now int64) {
	idle := 0
	for n, m := range t.ofAddress {
		if m.sessions.Load() > 0 {
			continue
		}
		if idle++; idle > maxIdleMeters || m.commands.full.Load() <= now && m.bytes.full.Load() <= now {
			delete(t.ofAddress, n)
			idle--
		}
	}
	t.sweepAt = 2 * len(t.ofAddress)
}

// Rate is a limit on what a user, or each address, does in a second.
type Rate struct {
	Of                string // "commands" or "bytes"
	User              string // "" for addresses
	Capacity, Current int64  // of addresses, the busiest one's; more than Capacity if some wait
	Refused, Delayed  uint64 // requests
}

func rateOf(of, user string, b *bucket, now int64) Rate {
	return Rate{
		Of: of, User: user, Capacity: b.rate.Load(), Current: b.used(now),
		Refused: b.tally.refused.Load(), Delayed: b.tally.delayed.Load(),
	}
}

// rates gives all that there are, addresses first.
func (s *Server) rates() (out []Rate) {
	t, now := &s.meters, s.clock()
	t.mu.Lock()
	busiest := t.newOfAddress()
	for _, m := range t.ofAddress {
		busiest.commands.full.Store(max(busiest.commands.full.Load(), m.commands.full.Load()))
		busiest.bytes.full.Store(max(busiest.bytes.full.Load(), m.bytes.full.Load()))
	}
	t.mu.Unlock()
	add := func(user string, m *meter) {
		if m.commands.rate.Load() > 0 {
			out = append(out, rateOf("commands", user, &m.commands, now))
		}
		if m.bytes.rate.Load() > 0 {
			out = append(out, rateOf("bytes", user, &m.bytes, now))
		}
	}
	add("", busiest)
	seen := map[int]bool{}
	for _, u := range s.users.Load().All() {
		if m := t.user(u, now); m != nil && !seen[u.Index] {
			seen[u.Index] = true // users beyond the labels share one
			add(u.Label, m)
		}
	}
	return out
}
