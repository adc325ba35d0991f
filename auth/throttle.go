package auth

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// What may be wrong of one pair of address and name: so many attempts at once,
// then one in so long. Twenty is more than the connections of a pool that
// starts with an old password; one a second makes 31 million guesses a year.
// An address may be wrong ten times as often about all names together.
const (
	pairBurst    = 20
	pairInterval = int64(time.Second)

	addressBurst    = 10 * pairBurst
	addressInterval = pairInterval / 20

	// maxEntries bounds the table at about 6 MB.
	maxEntries = 1 << 16
)

// Throttle limits failed attempts to log in by address and name of the user: the
// address is the host in IPv4, the /64 in IPv6, v4-mapped addresses as IPv4, and
// what has none, a unix socket's clients, is one more. An address alone would let
// one program with an old password lock out all others behind the same NAT, or
// on the same host; a user alone would let anybody lock out an application. Names
// that are nobody's are treated like any other, so that a throttle does not tell
// which names are users.
//
// Each pair has a bucket of 20 attempts. A failure takes one out, a second puts
// one back; and an address has one of 200 for all names, with 20 a second, so that
// trying many names is no way around. While a bucket is empty every attempt is to
// be refused, right or wrong, so that a guess tells nothing; but a refusal takes
// nothing out, so whoever stops guessing gets in a second later and soon has a
// full bucket again. Nobody is locked out for longer, whatever has happened before.
//
// A success changes nothing: it tells nothing about the other attempts.
//
// At most 65,536 buckets are remembered; beyond that the one whose last failure is
// oldest is forgotten. Methods may be called from any goroutine. Times are
// nanoseconds on one clock that does not run backwards.
type Throttle struct {
	seed maphash.Seed // of names

	mu      sync.Mutex // guards what follows
	size    int        // most entries
	index   map[pair]int32
	entries []entry
	head    int32 // the entry that failed last; -1: none
	tail    int32 // the stalest
}

// entry is one bucket, in a list by the time of its last failure.
type entry struct {
	key        pair
	full       int64 // when the bucket will be full again
	newer, old int32 // neighbours; -1: none
}

// pair is an address and the hash of a name, or the address alone.
type pair struct {
	address
	name  uint64
	named bool
}

// rate is the size of the bucket and how long one attempt takes to come back.
func (p pair) rate() (burst, interval int64) {
	if p.named {
		return pairBurst, pairInterval
	}
	return addressBurst, addressInterval
}

// address is what counts as one address.
type address struct {
	bits   uint64
	family uint8
}

// NewThrottle returns a throttle that has seen no failure.
func NewThrottle() *Throttle { return newThrottle(maxEntries) }

func newThrottle(size int) *Throttle {
	return &Throttle{seed: maphash.MakeSeed(), size: size, index: make(map[pair]int32), head: -1, tail: -1}
}

// Allow says whether a password for that name from addr may be looked at.
func (t *Throttle) Allow(addr netip.Addr, name []byte, now int64) bool {
	return t.Wait(addr, name, now) == 0
}

// Wait is how long it takes until Allow says yes, if there are no more failures: 0,
// or at most a second.
func (t *Throttle) Wait(addr netip.Addr, name []byte, now int64) time.Duration {
	both := t.buckets(addr, name)
	t.mu.Lock()
	defer t.mu.Unlock()
	wait := int64(0)
	for _, key := range both {
		if i, ok := t.index[key]; ok {
			// An attempt needs one in the bucket.
			burst, interval := key.rate()
			wait = max(wait, t.entries[i].full-now-(burst-1)*interval)
		}
	}
	return time.Duration(wait)
}

// Fail notes that a password for that name from addr was wrong.
func (t *Throttle) Fail(addr netip.Addr, name []byte, now int64) {
	both := t.buckets(addr, name)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range both {
		i, ok := t.index[key]
		if ok {
			t.unlink(i)
		} else {
			i = t.free(now)
			t.index[key] = i
			t.entries[i] = entry{key: key, full: now}
		}
		e := &t.entries[i]
		// Attempts that were allowed at the same moment, on several connections,
		// can empty the bucket but do not make a debt.
		burst, interval := key.rate()
		e.full = min(max(e.full, now)+interval, now+burst*interval)
		t.link(i)
	}
}

func (t *Throttle) buckets(addr netip.Addr, name []byte) [2]pair {
	a := addressOf(addr)
	return [2]pair{{address: a, name: maphash.Bytes(t.seed, name), named: true}, {address: a}}
}

// Len is the number of buckets that are remembered.
func (t *Throttle) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.index)
}

// free finds an entry for a new bucket: the stalest one's, if its bucket is
// full again or the table is.
func (t *Throttle) free(now int64) int32 {
	if i := t.tail; i >= 0 && (t.entries[i].full <= now || len(t.entries) >= t.size) {
		t.unlink(i)
		delete(t.index, t.entries[i].key)
		return i
	}
	t.entries = append(t.entries, entry{})
	return int32(len(t.entries) - 1)
}

func (t *Throttle) link(i int32) {
	e := &t.entries[i]
	e.newer, e.old = -1, t.head
	if t.head >= 0 {
		t.entries[t.head].newer = i
	} else {
		t.tail = i
	}
	t.head = i
}

func (t *Throttle) unlink(i int32) {
	e := &t.entries[i]
	if e.newer >= 0 {
		t.entries[e.newer].old = e.old
	} else {
		t.head = e.old
	}
	if e.old >= 0 {
		t.entries[e.old].newer = e.newer
	} else {
		t.tail = e.newer
	}
}

func addressOf(a netip.Addr) address {
	switch a = a.Unmap(); {
	case a.Is4():
		b := a.As4()
		return address{uint64(binary.BigEndian.Uint32(b[:])), 4}
	case a.Is6():
		b := a.As16()
		return address{binary.BigEndian.Uint64(b[:8]), 6}
	}
	return address{}
}
