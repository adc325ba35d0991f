package auth

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"
)

var (
	alice = netip.MustParseAddr("192.0.2.1")
	app   = []byte("app")
	bob   = netip.MustParseAddr("192.0.2.2")
)

// guess fails as long as it may, and says how often that was.
func guess(th *Throttle, a netip.Addr, now int64) (n int) {
	for th.Allow(a, app, now) {
		th.Fail(a, app, now)
		if n++; n > 1000 {
			break
		}
	}
	return n
}

func TestThrottleDelaysDouble(t *testing.T) {
	th := NewThrottle(ThrottleOptions{})
	now := int64(time.Hour)
	if n := guess(th, alice, now); n != 20 {
		t.Errorf("%d failures at once; want 20", n)
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		want *= time.Second
		if d := th.Wait(alice, app, now); d != want {
			t.Errorf("Wait() = %v; want %v", d, want)
		}
		if n := guess(th, alice, now+int64(want)-1); n != 0 {
			t.Errorf("%d failures before %v are over; want 0", n, want)
		}
		now += int64(want)
		if n := guess(th, alice, now); n != 1 {
			t.Errorf("%d failures after %v; want 1", n, want)
		}
	}
	if n := guess(th, bob, now); n != 20 {
		t.Errorf("%d failures of another address; want 20", n)
	}
}

func TestThrottleForgivesASuccess(t *testing.T) {
	th := NewThrottle(ThrottleOptions{})
	now := int64(time.Hour)
	for range 25 {
		guess(th, alice, now)
		now += int64(th.Wait(alice, app, now))
	}
	th.Succeed(alice, app, now)
	if n := guess(th, alice, now); n != 20 {
		t.Errorf("%d failures after a success; want 20", n)
	}
	if th.Succeed(bob, app, now); th.Allow(alice, app, now) {
		t.Error("another address's success forgives this one's failures")
	}
	if th.Succeed(alice, []byte("other"), now); th.Allow(alice, app, now) {
		t.Error("a success under another name forgives this one's failures")
	}
}

func TestThrottleIsAsPatientAsItIsTold(t *testing.T) {
	th := NewThrottle(ThrottleOptions{Free: 3, Lockout: 1500 * time.Millisecond})
	if n := guess(th, alice, 0); n != 3 {
		t.Errorf("%d failures at once; want 3", n)
	}
	now := int64(time.Second)
	if n := guess(th, alice, now); n != 1 {
		t.Errorf("%d failures after a second; want 1", n)
	}
	if d := th.Wait(alice, app, now); d != 1500*time.Millisecond {
		t.Errorf("Wait() = %v; want 1.5s", d)
	}
}

func TestThrottleCountsUsersApart(t *testing.T) {
	th := NewThrottle(ThrottleOptions{})
	for th.Allow(alice, app, 0) {
		th.Fail(alice, app, 0)
	}
	if !th.Allow(alice, []byte("other"), 0) || !th.Allow(alice, []byte("nobody"), 0) {
		t.Error("another user of the address is refused; want only the one whose password is guessed")
	}
	if th.Allow(alice, app, 0) {
		t.Error("the user whose password is guessed is allowed")
	}
}

// Whoever tries many names is stopped too, and the address of a program that is
// wrong about one name stays open to the others.
func TestThrottleCountsAnAddressWhole(t *testing.T) {
	th := NewThrottle(ThrottleOptions{})
	n := 0
	for ; n < 1000; n++ {
		name := []byte{byte(n), byte(n >> 8)}
		if !th.Allow(alice, name, 0) {
			break
		}
		th.Fail(alice, name, 0)
	}
	if n != 200 {
		t.Errorf("%d names at once; want 200", n)
	}
	if !th.Allow(alice, []byte("other"), addressInterval) || !th.Allow(bob, app, 0) {
		t.Error("Allow() = false a moment later, or from another address; want true")
	}
	th = NewThrottle(ThrottleOptions{})
	for i := range int64(1000) {
		guess(th, alice, i*int64(time.Second)/100)
	}
	if !th.Allow(alice, []byte("other"), 10*int64(time.Second)) {
		t.Error("a program with an old password locks out the others at its address")
	}
}

// Who is refused does not pay for it: being refused makes no lock last.
func TestThrottleForgivesWithTime(t *testing.T) {
	th := NewThrottle(ThrottleOptions{})
	for range 100_000 { // many at once, allowed or not
		th.Fail(alice, app, 0)
	}
	if d := th.Wait(alice, []byte("other"), 0); d > time.Second {
		t.Errorf("Wait() for another name after 100,000 failures = %v; want a moment", d)
	}
	if d := th.Wait(alice, app, 0); d != time.Second {
		t.Errorf("Wait() after 100,000 failures at one moment = %v; want 1s", d)
	}
	for range 1000 {
		th.Allow(alice, app, 0)
	}
	if !th.Allow(alice, app, int64(time.Second)) {
		t.Error("Allow() a second later = false; want true")
	}
	now := 21 * int64(DefaultLockout)
	if n := guess(th, alice, now); n != 20 {
		t.Errorf("%d failures after so long a quiet; want 20", n)
	}
	now += 4 * int64(DefaultLockout)
	if n := guess(th, alice, now); n != 4 {
		t.Errorf("%d failures after four times the lock-out; want 4", n)
	}
}

func TestThrottleCountsNetworks(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "::192.0.2.1", false},
		{"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%a", "fe80::2%b", true},
		{"0.0.0.0", "::", false},
	} {
		th := NewThrottle(ThrottleOptions{})
		guess(th, netip.MustParseAddr(test.a), 0)
		if same := !th.Allow(netip.MustParseAddr(test.b), app, 0); same != test.same {
			t.Errorf("%s and %s count as one: %v; want %v", test.a, test.b, same, test.same)
		}
	}
	th := NewThrottle(ThrottleOptions{})
	guess(th, netip.Addr{}, 0)
	if th.Allow(netip.Addr{}, app, 0) || !th.Allow(netip.IPv4Unspecified(), app, 0) || !th.Allow(netip.IPv6Unspecified(), app, 0) {
		t.Error("clients without an address do not count as an address of their own")
	}
}

func TestThrottleForgetsTheStalest(t *testing.T) {
	th := newThrottle(ThrottleOptions{}, 6) // an address alone and one with a name each
	a := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, i}) }
	for i := range byte(3) {
		guess(th, a(i), 0)
	}
	th.Fail(a(0), app, int64(time.Second)) // now 1 is the stalest
	th.Fail(a(3), app, int64(time.Second))
	for i, want := range []bool{false, true, true, true} {
		if got := th.Allow(a(byte(i)), app, int64(time.Second)); got != want {
			t.Errorf("Allow(address %d) = %v; want %v", i, got, want)
		}
	}
	if n := th.Len(); n != 6 {
		t.Errorf("Len() = %d; want 6", n)
	}
}

func TestThrottleReusesWhatIsForgiven(t *testing.T) {
	th := NewThrottle(ThrottleOptions{})
	for i := range int64(1000) { // one failure of a new address every 10 minutes
		th.Fail(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), app, i*2*int64(DefaultLockout))
	}
	if n := th.Len(); n > 4 {
		t.Errorf("Len() = %d; want a few, the others are forgiven", n)
	}
}

// A million addresses cost no more than the table, be they right or wrong.
func TestThrottleIsBounded(t *testing.T) {
	th := NewThrottle(ThrottleOptions{})
	for i := range uint64(1_000_000) {
		a := netip.AddrFrom16([16]byte{0x20, 1, byte(i >> 16), byte(i >> 8), byte(i)})
		if th.Fail(a, app, int64(i)); i%4 == 0 {
			th.Succeed(a, app, int64(i))
		}
	}
	for name, table := range map[string]*table{"failed": &th.failed, "good": &th.good} {
		if n := len(table.index); n > maxEntries || len(table.entries) > maxEntries || cap(table.entries) > 2*maxEntries {
			t.Errorf("%s: %d remembered in %d entries; want at most %d", name, n, len(table.entries), maxEntries)
		}
	}
}

// spray has n addresses be wrong, in turns, and counts the alerts.
func spray(th *Throttle, n, failures int, now int64) (alerts int) {
	for i := range failures {
		if th.Fail(netip.AddrFrom4([4]byte{10, 1, byte(i % n >> 8), byte(i % n)}), app, now) {
			alerts++
		}
	}
	return alerts
}

func TestThrottleWatchesANameGuessedAtFromManyAddresses(t *testing.T) {
	th := NewThrottle(ThrottleOptions{})
	now := int64(time.Hour)
	th.Succeed(alice, app, now)
	if n := spray(th, 4, 1000, now); n != 0 || th.Delay(bob, app, now) != 0 {
		t.Errorf("%d alerts over four addresses; want 0", n)
	}
	if n := spray(th, 500, 2000, now); n != 1 {
		t.Errorf("%d alerts over 500 addresses; want 1", n)
	}
	// Who has logged in lately notices nothing, and nobody is refused.
	if d := th.Delay(alice, app, now); d != 0 || !th.Allow(alice, app, now) {
		t.Errorf("Delay() of an address that has logged in = %v; want 0", d)
	}
	if d := th.Delay(bob, app, now); d != strangeDelay || !th.Allow(bob, app, now) {
		t.Errorf("Delay() of another = %v; want %v, and it may try", d, strangeDelay)
	}
	if d := th.Delay(bob, []byte("other"), now); d != 0 {
		t.Errorf("Delay() under another name = %v; want 0", d)
	}
	// It ends by itself, and may begin again.
	now += watchTime + 1
	if d := th.Delay(bob, app, now); d != 0 {
		t.Errorf("Delay() after the attack = %v; want 0", d)
	}
	if n := spray(th, 500, 2000, now); n != 1 {
		t.Errorf("%d alerts over the next attack; want 1", n)
	}
	now += familiar
	spray(th, 500, 2000, now)
	if d := th.Delay(alice, app, now); d != strangeDelay {
		t.Errorf("Delay() a day after a log-in = %v; want %v", d, strangeDelay)
	}
}

func TestThrottleKnowsAddressesThatAreFamiliar(t *testing.T) {
	th := NewThrottle(ThrottleOptions{})
	now := int64(time.Hour)
	th.Succeed(alice, app, now)
	th.Welcome(bob, now)
	stranger := netip.MustParseAddr("192.0.2.99")
	th.Fail(stranger, app, now)
	for a, want := range map[netip.Addr]bool{alice: true, bob: true, stranger: false} {
		if got := th.Familiar(a, now); got != want {
			t.Errorf("Familiar(%v) = %v; want %v", a, got, want)
		}
		if th.Familiar(a, now+familiar) {
			t.Errorf("Familiar(%v) a day later", a)
		}
	}
	// To be welcome is no log-in under a name.
	spray(th, 500, 2000, now)
	if d := th.Delay(bob, app, now); d != strangeDelay {
		t.Errorf("Delay() of an address that is welcome = %v; want %v", d, strangeDelay)
	}
}

// While somebody guesses from elsewhere, or from many addresses, an address that logs in
// rightly is never refused.
func TestThrottleNeverLocksOutWhoIsRight(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5))
	th := NewThrottle(ThrottleOptions{})
	now := int64(0)
	for step := range 200_000 {
		now += rnd.Int64N(int64(100 * time.Millisecond))
		a := netip.AddrFrom4([4]byte{10, 2, byte(rnd.IntN(4)), byte(rnd.IntN(256))})
		if th.Allow(a, app, now) {
			th.Fail(a, app, now)
		}
		if step%7 == 0 {
			if !th.Allow(alice, app, now) || step > 0 && th.Delay(alice, app, now) != 0 {
				t.Fatalf("step %d: an address that is right has to wait", step)
			}
			th.Succeed(alice, app, now)
		}
	}
}

// A second, plain implementation must agree on random histories.
func TestThrottleAgreesWithAModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	th := NewThrottle(ThrottleOptions{})
	type memory struct {
		failures    float64
		last, until int64
	}
	model := map[byte]*memory{}
	now := int64(0)
	for step := range 100_000 {
		now += rnd.Int64N(int64(20 * time.Second))
		i := byte(rnd.IntN(5))
		a := netip.AddrFrom4([4]byte{10, 0, 0, i})
		m := model[i]
		if m == nil {
			m = &memory{}
			model[i] = m
		}
		if got, want := th.Allow(a, app, now), m.until <= now; got != want {
			t.Fatalf("step %d: Allow() = %v; want %v with %+v at %d", step, got, want, m, now)
		}
		switch rnd.IntN(20) {
		case 0:
			if rnd.IntN(50) == 0 {
				th.Succeed(a, app, now)
				*m = memory{}
			}
		default:
			if m.until > now {
				break
			}
			th.Fail(a, app, now)
			m.failures = max(0, m.failures-float64((now-m.last)/int64(DefaultLockout))) + 1
			m.last = now
			if m.failures >= DefaultFree {
				m.until = now + int64(min(math.Pow(2, m.failures-DefaultFree)*float64(time.Second), float64(DefaultLockout)))
			}
		}
	}
}

func TestThrottleFromManyGoroutines(t *testing.T) {
	th := newThrottle(ThrottleOptions{}, 50)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				a := netip.AddrFrom4([4]byte{10, 0, byte(g), byte(i)})
				th.Allow(a, app, int64(i))
				th.Delay(a, app, int64(i))
				if th.Fail(a, app, int64(i)); i%3 == 0 {
					th.Succeed(a, app, int64(i))
				}
			}
		})
	}
	wg.Wait()
	if n := th.Len(); n > 50 {
		t.Errorf("Len() = %d; want at most 50", n)
	}
}

// BenchmarkThrottle is one wrong attempt of yet another address, with full tables.
func BenchmarkThrottle(b *testing.B) {
	th := NewThrottle(ThrottleOptions{})
	b.ReportAllocs()
	for i := uint32(0); b.Loop(); i++ {
		a := netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
		if th.Allow(a, app, int64(i)) {
			th.Delay(a, app, int64(i))
			th.Fail(a, app, int64(i))
		}
	}
}

// What was wrong before counts on when the bounds are others.
func TestSetChangesABoundThatIsInUse(t *testing.T) {
	th := NewThrottle(ThrottleOptions{Free: 5})
	a, name := netip.MustParseAddr("192.0.2.1"), []byte("app")
	for range 3 {
		th.Fail(a, name, 0)
	}
	th.Set(ThrottleOptions{Free: 4, Lockout: time.Second})
	if !th.Allow(a, name, 0) {
		t.Error("three of four wrong ones have to wait")
	}
	for range 5 {
		th.Fail(a, name, 0)
	}
	if wait := th.Wait(a, name, 0); wait != time.Second {
		t.Errorf("the wait is %v; want the new lock-out", wait)
	}
}
