package tlsfeed

import (
	"context"
	"net/netip"
	"sync"
)

const (
	maxUnfinished = 1000 // handshakes in all
	// maxUnfinishedAddress is for one address: one host in IPv4, a /64 in IPv6. It is
	// half of all and no fewer, since there are clients that begin all handshakes
	// of a pool and then finish them one by one: with 32, redis-benchmark -c 50
	// waited for one that was not begun while those that were held every place.
	maxUnfinishedAddress = 512
)

// Slots bounds the slow work of a process. A slot is a permit to use the CPU:
// a handshake gives it back whenever it waits for its client, so clients that
// send nothing, or half of a handshake, hold up nobody. What such clients cost is
// bounded apart, by the number of unfinished handshakes. All methods may be
// called from any goroutine.
type Slots struct {
	number    int // of permits
	permits   *permits
	strangers *permits // which strangers need besides, and which may rest
	pace      pace
	begun     chan struct{} // see Begun
	places    chan struct{} // of unfinished handshakes

	mu        sync.Mutex // guards what follows
	byAddress map[netip.Prefix]*line
}

// line is the places of one address and those who hold one or wait for it.
type line struct {
	places chan struct{}
	users  int
}

// NewSlots returns slots for so many goroutines at work at one moment (at least
// one).
func NewSlots(permits int) *Slots {
	n := max(permits, 1)
	return &Slots{
		number:    n,
		permits:   newPermits(n),
		strangers: newPermits(n),
		begun:     make(chan struct{}, 1),
		places:    make(chan struct{}, maxUnfinished),
		byAddress: make(map[netip.Prefix]*line),
	}
}

// Work runs f while it holds a permit, or returns the context's error. It is
// for other work that takes the CPU for long, so that all of it together leaves
// the loops their share.
func (s *Slots) Work(ctx context.Context, f func()) error {
	if err := s.permits.take(ctx, netip.Prefix{}, false); err != nil {
		return err
	}
	defer s.permits.give()
	f()
	return nil
}

// Unfinished is the number of handshakes in progress, those not included that
// wait for their first byte or for a place.
func (s *Slots) Unfinished() int { return len(s.places) }

// enter waits for a place among the unfinished handshakes, or says which bound
// stood in the way when ctx ended. Whoever opens many connections at once, as a
// pool does, is served in turn rather than refused.
func (s *Slots) enter(ctx context.Context, key netip.Prefix) (Kind, bool) {
	l := s.join(key)
	if l != nil {
		select {
		case l.places <- struct{}{}:
		case <-ctx.Done():
			s.part(key, l)
			return OverAddress, false
		}
	}
	select {
	case s.places <- struct{}{}:
		return 0, true
	case <-ctx.Done():
		if l != nil {
			<-l.places
			s.part(key, l)
		}
		return OverTotal, false
	}
}

func (s *Slots) leave(key netip.Prefix) {
	<-s.places
	if key.IsValid() {
		s.mu.Lock()
		l := s.byAddress[key]
		s.mu.Unlock()
		<-l.places
		s.part(key, l)
	}
}

// join counts one more user of an address's line; nil for what has no address.
func (s *Slots) join(key netip.Prefix) *line {
	if !key.IsValid() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.byAddress[key]
	if l == nil {
		l = &line{places: make(chan struct{}, maxUnfinishedAddress)}
		s.byAddress[key] = l
	}
	l.users++
	return l
}

func (s *Slots) part(key netip.Prefix, l *line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(s.byAddress, key)
	}
}

// network is what counts as one address: who has an IPv6 host has a /64. It is
// invalid for an invalid address, such as that of a unix socket.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits) // fails only for the invalid address
	return p
}
