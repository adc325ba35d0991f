package tlsfeed

import (
	"context"
	"net/netip"
	"sync"
)

const (
	maxUnfinished        = 1000 // handshakes in all
	maxUnfinishedAddress = 32   // handshakes of one address: one host in IPv4, a /64 in IPv6
)

// Slots bounds the slow work of a process. A slot is a permit to use the CPU:
// a handshake gives it back whenever it waits for its client, so clients that
// send nothing, or half of a handshake, hold up nobody. What such clients cost is
// bounded apart, by the number of unfinished handshakes. All methods may be
// called from any goroutine.
type Slots struct {
	permits chan struct{}

	mu        sync.Mutex // guards what follows
	total     int
	byAddress map[netip.Prefix]int
}

// NewSlots returns slots for so many goroutines at work at one moment (at least
// one).
func NewSlots(permits int) *Slots {
	return &Slots{
		permits:   make(chan struct{}, max(permits, 1)),
		byAddress: make(map[netip.Prefix]int),
	}
}

// Work runs f while it holds a permit, or returns the context's error. It is
// for other work that takes the CPU for long, so that all of it together leaves
// the loops their share.
func (s *Slots) Work(ctx context.Context, f func()) error {
	if err := s.acquire(ctx); err != nil {
		return err
	}
	defer s.release()
	f()
	return nil
}

// Unfinished is the number of handshakes in progress.
func (s *Slots) Unfinished() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// acquire waits for a permit, first come, first served.
func (s *Slots) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err // select would choose at random
	}
	select {
	case s.permits <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Slots) release() { <-s.permits }

// enter counts a handshake, or says which bound it would break.
func (s *Slots) enter(key netip.Prefix) (Kind, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= maxUnfinished {
		return OverTotal, false
	}
	if key.IsValid() {
		if s.byAddress[key] >= maxUnfinishedAddress {
			return OverAddress, false
		}
		s.byAddress[key]++
	}
	s.total++
	return 0, true
}

func (s *Slots) leave(key netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if !key.IsValid() {
		return
	}
	if s.byAddress[key]--; s.byAddress[key] == 0 {
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
