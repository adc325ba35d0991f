package tlsfeed

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// permits is a number of permits to use the CPU. Addresses that wait for one are
// served in turn, so that a flood from some delays its own handshakes and hardly
// those of others.
type permits struct {
	mu    sync.Mutex // guards what follows
	free  int        // more than 0 only if nobody waits
	turns []*turn    // the addresses that wait, in the order in which they are served
	lines map[netip.Prefix]*turn
}

// turn is those of one address who wait, and is not kept when it has none.
type turn struct {
	key  netip.Prefix
	line []chan struct{} // each closed when its permit is there
}

func newPermits(n int) *permits {
	return &permits{free: n, lines: make(map[netip.Prefix]*turn)}
}

// take waits for a permit, behind those of the same address or, if first, before
// them.
func (p *permits) take(ctx context.Context, key netip.Prefix, first bool) error {
	if err := ctx.Err(); err != nil {
		return err // select would choose at random
	}
	p.mu.Lock()
	if p.free > 0 {
		p.free--
		p.mu.Unlock()
		return nil
	}
	t := p.lines[key]
	if t == nil {
		t = &turn{key: key}
		p.lines[key] = t
		p.turns = append(p.turns, t)
	}
	mine := make(chan struct{})
	if first {
		t.line = slices.Insert(t.line, 0, mine)
	} else {
		t.line = append(t.line, mine)
	}
	p.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	if !p.leave(t, mine) {
		p.give() // it has come at the same moment
	}
	return ctx.Err()
}

// leave takes a waiter out of its line. false means that it has a permit.
func (p *permits) leave(t *turn, mine chan struct{}) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(t.line, mine)
	if i < 0 {
		return false
	}
	t.line = slices.Delete(t.line, i, i+1)
	if len(t.line) == 0 {
		i := slices.Index(p.turns, t)
		p.turns = slices.Delete(p.turns, i, i+1)
		delete(p.lines, t.key)
	}
	return true
}

// give gives one permit back, or on.
func (p *permits) give() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.turns) == 0 {
		p.free++
		return
	}
	t := p.turns[0]
	p.turns = slices.Delete(p.turns, 0, 1)
	close(t.line[0])
	if t.line = slices.Delete(t.line, 0, 1); len(t.line) > 0 {
		p.turns = append(p.turns, t)
	} else {
		delete(p.lines, t.key)
	}
}

const (
	// pacedShare is the part of the time, one in so many, in which strangers have a permit
	// while they are paced: some 200 full handshakes a second for each permit with ECDSA
	// certificates, 50 with RSA.
	pacedShare = 10
	// pacedBurst is how much of the use is free before that, if there was little before:
	// as many handshakes as in a second of pace.
	pacedBurst = 100 * time.Millisecond
	// maxRest bounds for how long one permit rests.
	maxRest = 100 * time.Millisecond
)

// pace is how fast strangers may go on. Its methods are called from any goroutine.
type pace struct {
	on atomic.Bool

	mu   sync.Mutex
	paid time.Time // guarded by mu: until when what was used is paid for
}

// rest is how long one of n permits rests after it was held for so long.
func (p *pace) rest(now time.Time, held time.Duration, n int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if earliest := now.Add(-pacedBurst * pacedShare); p.paid.Before(earliest) {
		p.paid = earliest
	}
	p.paid = p.paid.Add(held * pacedShare / time.Duration(n))
	if !p.on.Load() {
		if p.paid.After(now) {
			p.paid = now
		}
		return 0
	}
	return min(p.paid.Sub(now), maxRest)
}

// Pace says whether handshakes of strangers are paced: a tenth of the time of permits is
// theirs then, and the rest is for others. A burst is free of that.
func (s *Slots) Pace(on bool) { s.pace.on.Store(on) }

// Paced says whether strangers are.
func (s *Slots) Paced() bool { return s.pace.on.Load() }

// Begun has a value once permits have been taken for strangers since the last one was
// received.
func (s *Slots) Begun() <-chan struct{} { return s.begun }

// permit is what a handshake holds while it works.
type permit struct {
	since    time.Time
	stranger bool // it is one of strangers too
}

// acquire waits for a permit; those of one address who go on come before those who
// begin.
func (s *Slots) acquire(ctx context.Context, sh *shake) (permit, error) {
	if sh.stranger {
		if err := s.strangers.take(ctx, sh.key, sh.taken); err != nil {
			return permit{}, err
		}
		select {
		case s.begun <- struct{}{}:
		default:
		}
	}
	if err := s.permits.take(ctx, sh.key, sh.taken); err != nil {
		if sh.stranger {
			s.strangers.give()
		}
		return permit{}, err
	}
	return permit{time.Now(), sh.stranger}, nil
}

// release gives a handshake's permit back.
func (s *Slots) release(p permit) {
	s.permits.give()
	if !p.stranger {
		return
	}
	now := time.Now()
	if d := s.pace.rest(now, now.Sub(p.since), s.number); d > 0 {
		time.AfterFunc(d, s.strangers.give)
		return
	}
	s.strangers.give()
}
