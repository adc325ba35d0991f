package auth

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

const (
	// DefaultFree is more than the connections of a pool that starts with an old
	// password.
	DefaultFree = 20
	// DefaultLockout makes at most 105,000 guesses a year.
	DefaultLockout = 5 * time.Minute

	// firstDelay is doubled with each further failure.
	firstDelay = int64(time.Second)

	// An address may be wrong so often at once about all names together, and so often
	// a second later.
	addressBurst    = 200
	addressInterval = int64(time.Second / 20)

	// maxEntries bounds each of the two tables at about 7 MB.
	maxEntries = 1 << 16
)

// ThrottleOptions says how patient a Throttle is. Zero values are the defaults.
type ThrottleOptions struct {
	Free    int           // failures of one pair before delays begin
	Lockout time.Duration // the longest delay
}

// Throttle limits failed attempts to log in by address and name of the user: the
// address is the host in IPv4, the /64 in IPv6, v4-mapped addresses as IPv4, and
// what has none, a unix socket's clients, is one more. An address alone would let
// one program with an old password lock out all others behind the same NAT, or
// on the same host; a user alone would let anybody lock out an application. Names
// that are nobody's are treated like any other, so that a throttle does not tell
// which names are users.
//
// Each pair may be wrong 20 times. Then it has to wait for a second, and twice as long
// after each further failure, up to the lock-out of five minutes; one failure is
// forgiven for each such time of quiet, and all with a success. While a pair waits
// every attempt is to be refused, right or wrong, so that a guess tells nothing; but a
// refusal does not count, so that whoever is locked out gets in when the time is over.
// And an address has a bucket of 200 failures for all names, which fills up again by
// 20 a second, so that trying many names is no way around.
//
// A name that many addresses are wrong about is watched: that is worth an alert, and
// attempts from addresses from which nobody lately logged in under it take longer.
//
// At most 65,536 pairs and addresses are remembered, and as many of those who have
// logged in; beyond that the stalest are forgotten. Methods may be called from any
// goroutine. Times are nanoseconds on one clock that does not run backwards.
type Throttle struct {
	seed maphash.Seed // of names and addresses

	mu      sync.Mutex // guards what follows
	free    int32
	lockout int64
	failed  table
	good    table
	trials  map[pair]int // attempts that were begun and have not ended
	names   []watched
}

// NewThrottle returns a throttle that has seen no failure.
func NewThrottle(o ThrottleOptions) *Throttle { return newThrottle(o, maxEntries) }

func newThrottle(o ThrottleOptions, size int) *Throttle {
	t := &Throttle{seed: maphash.MakeSeed(), failed: newTable(size), good: newTable(size), trials: map[pair]int{}, names: make([]watched, watchNames)}
	t.Set(o)
	return t
}

// Set changes how patient it is from now on. What was wrong before is remembered, and a
// wait that has begun ends when it would have.
func (t *Throttle) Set(o ThrottleOptions) {
	if o.Free <= 0 {
		o.Free = DefaultFree
	}
	if o.Lockout <= 0 {
		o.Lockout = DefaultLockout
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free, t.lockout = int32(min(o.Free, 1<<30)), int64(o.Lockout)
}

// Allow says whether a password for that name from addr may be looked at.
func (t *Throttle) Allow(addr netip.Addr, name []byte, now int64) bool {
	return t.Wait(addr, name, now) == 0
}

// Wait is how long it takes until Allow says yes, if there are no more failures: 0,
// or at most the lock-out.
func (t *Throttle) Wait(addr netip.Addr, name []byte, now int64) time.Duration {
	key := pairOf(t.seed, addr, name)
	t.mu.Lock()
	defer t.mu.Unlock()
	wait := int64(0)
	if e := t.failed.get(key); e != nil {
		wait = e.until - now
	}
	if e := t.failed.get(pair{address: key.address}); e != nil {
		// An attempt needs one in the bucket.
		wait = max(wait, e.until-now-(addressBurst-1)*addressInterval)
	}
	return time.Duration(max(wait, 0))
}

// Delay is how much longer than others an allowed attempt has to take: 0, or
// 2 seconds if the name is watched and nobody has logged in under it from addr within
// a day.
func (t *Throttle) Delay(addr netip.Addr, name []byte, now int64) time.Duration {
	key := pairOf(t.seed, addr, name)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watched(key).until <= now {
		return 0
	}
	if e := t.good.get(key); e != nil && now-e.last < familiar {
		return 0
	}
	return strangeDelay
}

// Begin notes that an attempt for that name from addr is under way, and is decided at its
// End only. The caller bounds how many there are.
func (t *Throttle) Begin(addr netip.Addr, name []byte) {
	key := pairOf(t.seed, addr, name)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trials[key]++
}

// End notes the end of what has begun.
func (t *Throttle) End(addr netip.Addr, name []byte) {
	key := pairOf(t.seed, addr, name)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.trials[key]--; t.trials[key] <= 0 {
		delete(t.trials, key)
	}
}

// UnderWay says that an attempt for that name from addr has begun and not ended.
func (t *Throttle) UnderWay(addr netip.Addr, name []byte) bool {
	key := pairOf(t.seed, addr, name)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.trials[key] > 0
}

// Fail notes that a password for that name from addr was wrong. alert says that this is
// the failure by which the name begins to be watched.
func (t *Throttle) Fail(addr netip.Addr, name []byte, now int64) (alert bool) {
	key := pairOf(t.seed, addr, name)
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.failed.get(key); e == nil || e.until <= now {
		// Attempts that were allowed at the same moment, on several connections, end
		// when one of them has emptied the rest: they make no debt.
		t.failPair(t.failed.touch(key, t.stale(now)), now)
	}
	e := t.failed.touch(pair{address: key.address}, t.stale(now))
	e.until = min(max(e.until, now)+addressInterval, now+addressBurst*addressInterval)
	return t.watched(key).fail(t.seed, key.address, now)
}

func (t *Throttle) failPair(e *entry, now int64) {
	if e.failures > 0 {
		e.failures -= int32(min(int64(e.failures), (now-e.last)/t.lockout))
	}
	e.failures++
	e.last = now
	if over := e.failures - t.free; over >= 0 {
		e.until = now + t.delay(over)
	}
}

// delay is that of a failure which is the over-th beyond those that are free.
func (t *Throttle) delay(over int32) int64 {
	if over >= 32 || firstDelay<<over > t.lockout {
		return t.lockout
	}
	return firstDelay << over
}

// Succeed notes that a password for that name from addr was right: what was wrong
// before is forgiven. What the address was wrong about other names is not.
func (t *Throttle) Succeed(addr netip.Addr, name []byte, now int64) {
	key := pairOf(t.seed, addr, name)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed.forget(key)
	t.good.touch(key, unfamiliar(now)).last = now
	t.good.touch(pair{address: key.address}, unfamiliar(now)).last = now
}

// Welcome notes that somebody from addr is logged in without a password.
func (t *Throttle) Welcome(addr netip.Addr, now int64) {
	key := pair{address: addressOf(addr)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.good.touch(key, unfamiliar(now)).last = now
}

// Familiar says that somebody from addr has logged in within a day.
func (t *Throttle) Familiar(addr netip.Addr, now int64) bool {
	key := pair{address: addressOf(addr)}
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.good.get(key)
	return e != nil && now-e.last < familiar
}

func unfamiliar(now int64) func(*entry) bool {
	return func(e *entry) bool { return now-e.last >= familiar }
}

// Len is the number of pairs and addresses that are remembered for their failures.
func (t *Throttle) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.failed.index)
}

// stale says that there is nothing left to remember.
func (t *Throttle) stale(now int64) func(*entry) bool {
	return func(e *entry) bool {
		return e.until <= now && (!e.key.named || now-e.last >= int64(e.failures)*t.lockout)
	}
}

func (t *Throttle) watched(key pair) *watched { return &t.names[key.name%watchNames] }
