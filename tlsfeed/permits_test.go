package tlsfeed

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func netOf(s string) netip.Prefix { return network(netip.MustParseAddr(s)) }

func TestAddressesHaveTheirTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPermits(1)
		if err := p.take(t.Context(), netOf("192.0.2.1"), false); err != nil {
			t.Fatal(err)
		}
		var order []string
		wait := func(name, address string, first bool) {
			go func() {
				if err := p.take(t.Context(), netOf(address), first); err != nil {
					t.Errorf("%s: take() = %v", name, err)
				}
				order = append(order, name) // who has the only permit
				p.give()
			}()
			synctest.Wait()
		}
		for _, w := range []struct {
			name, address string
			first         bool
		}{
			{"a1", "192.0.2.1", false},
			{"a2", "192.0.2.1", false},
			{"a3", "192.0.2.1", false},
			{"b1", "192.0.2.2", false},
			{"b2", "192.0.2.2", false},
			{"a0", "192.0.2.1", true}, // goes on with its handshake
			{"c1", "2001:db8::1", false},
			{"c2", "2001:db8::2", false},
		} {
			wait(w.name, w.address, w.first)
		}
		p.give()
		synctest.Wait()
		if want := []string{"a0", "b1", "c1", "a1", "b2", "c2", "a2", "a3"}; !slices.Equal(order, want) {
			t.Errorf("served in the order %v; want %v", order, want)
		}
		if p.free != 1 || len(p.turns) != 0 || len(p.lines) != 0 {
			t.Errorf("at the end: %d free, %d turns, %d lines; want 1, 0, 0", p.free, len(p.turns), len(p.lines))
		}
	})
}

func TestWhoStopsWaitingLeavesNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPermits(1)
		key := netOf("192.0.2.1")
		if err := p.take(t.Context(), key, false); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.take(short, key, false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("take() without a free permit = %v; want the deadline's error", err)
		}
		if err := p.take(short, key, false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("take() after the deadline = %v; want the deadline's error", err)
		}
		if len(p.turns) != 0 || len(p.lines) != 0 {
			t.Errorf("%d turns and %d lines are left; want none", len(p.turns), len(p.lines))
		}
		p.give()
		if p.free != 1 {
			t.Errorf("%d permits free; want 1", p.free)
		}
	})
}

// about says that n is want, give or take what ends with the second.
func about(n, want int) bool { return want-2 <= n && n <= want+2 }

// use has handshakes of strangers, or not, hold a permit for 1 ms each for a second, and
// returns how many did.
func use(t *testing.T, s *Slots, stranger bool) (n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for {
		p, err := s.acquire(ctx, &shake{key: netOf("192.0.2.1"), stranger: stranger})
		if err != nil {
			return n
		}
		time.Sleep(time.Millisecond)
		s.release(p)
		n++
	}
}

func TestStrangersArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSlots(1)
		if n := use(t, s, true); !about(n, 1000) {
			t.Errorf("without pace %d uses of 1 ms in a second; want 1000", n)
		}
		s.Pace(true)
		if n := use(t, s, true); !about(n, 100) {
			t.Errorf("%d uses in the first second of pace, after much use; want 100", n)
		}
		time.Sleep(time.Minute)
		if n := use(t, s, true); !about(n, 200) {
			t.Errorf("%d uses in a second of pace after a minute of quiet; want 100 at once and 100", n)
		}
		go use(t, s, true)
		synctest.Wait()
		if n := use(t, s, false); n < 800 {
			t.Errorf("%d uses of those who are no strangers beside strangers; want 900 or so", n)
		}
		synctest.Wait()
		s.Pace(false)
		time.Sleep(maxRest)
		if n := use(t, s, true); !about(n, 1000) {
			t.Errorf("when the pace has ended %d uses in a second; want 1000", n)
		}
	})
}

func TestTwoPermitsHaveTwiceThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSlots(2)
		s.Pace(true)
		time.Sleep(time.Minute)
		sum := make(chan int, 2)
		for range 2 {
			go func() { sum <- use(t, s, true) }()
		}
		if n := <-sum + <-sum; n < 390 || n > 410 {
			t.Errorf("%d uses of 1 ms in a second with 2 permits; want 200 at once and 200", n)
		}
	})
}

func TestBegunTellsOfStrangers(t *testing.T) {
	s := NewSlots(1)
	for _, stranger := range []bool{false, true, true} {
		p, err := s.acquire(t.Context(), &shake{key: netOf("192.0.2.1"), stranger: stranger})
		if err != nil {
			t.Fatal(err)
		}
		s.release(p)
		if !stranger && len(s.Begun()) != 0 {
			t.Error("Begun() has a value without a stranger")
		}
	}
	<-s.Begun()
	if len(s.Begun()) != 0 {
		t.Error("Begun() has a second value; want one for both")
	}
}
