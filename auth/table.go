package auth

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
)

// pair is an address and the hash of a name, or the address alone.
type pair struct {
	address
	name  uint64
	named bool
}

// address is what counts as one address: the host in IPv4, the /64 in IPv6.
type address struct {
	bits   uint64
	family uint8
}

func pairOf(seed maphash.Seed, a netip.Addr, name []byte) pair {
	return pair{address: addressOf(a), name: maphash.Bytes(seed, name), named: true}
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

// table remembers something of the pairs that were touched last, at most size of them.
type table struct {
	size    int
	index   map[pair]int32
	entries []entry
	head    int32 // the entry that was touched last; -1: none
	tail    int32 // the stalest
	free    int32 // the first of those that are not used, linked by old; -1: none
}

// entry is what is remembered of one pair, in a list by the time of its last touch.
type entry struct {
	key        pair
	until      int64 // of an address, when its bucket is full; of a pair, when it may try again
	last       int64 // of a pair, its last failure or success
	failures   int32 // of a pair
	newer, old int32 // neighbours; -1: none
}

func newTable(size int) table {
	return table{size: size, index: make(map[pair]int32), head: -1, tail: -1, free: -1}
}

// get gives what is remembered of a pair, or nil. It is valid until the next touch.
func (t *table) get(key pair) *entry {
	if i, ok := t.index[key]; ok {
		return &t.entries[i]
	}
	return nil
}

// touch gives the entry of a pair as the newest, made anew if there was none. If the
// table is full, or stale says so of the stalest, that one is forgotten for it.
func (t *table) touch(key pair, stale func(*entry) bool) *entry {
	i, ok := t.index[key]
	if ok {
		t.unlink(i)
	} else {
		if tail := t.tail; tail >= 0 && (len(t.index) >= t.size || stale(&t.entries[tail])) {
			t.forget(t.entries[tail].key)
		}
		i = t.take()
		t.index[key] = i
		t.entries[i] = entry{key: key}
	}
	t.link(i)
	return &t.entries[i]
}

// forget removes a pair.
func (t *table) forget(key pair) {
	if i, ok := t.index[key]; ok {
		t.unlink(i)
		delete(t.index, key)
		t.entries[i].old, t.free = t.free, i
	}
}

func (t *table) take() int32 {
	if i := t.free; i >= 0 {
		t.free = t.entries[i].old
		return i
	}
	t.entries = append(t.entries, entry{})
	return int32(len(t.entries) - 1)
}

func (t *table) link(i int32) {
	e := &t.entries[i]
	e.newer, e.old = -1, t.head
	if t.head >= 0 {
		t.entries[t.head].newer = i
	} else {
		t.tail = i
	}
	t.head = i
}

func (t *table) unlink(i int32) {
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
