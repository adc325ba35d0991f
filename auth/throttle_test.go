package auth

import (
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

func TestThrottleBurstThenOneASecond(t *testing.T) {
	th := NewThrottle()
	now := int64(time.Hour)
	if n := guess(th, alice, now); n != 20 {
		t.Errorf("%d failures at once; want 20", n)
	}
	if d := th.Wait(alice, app, now); d != time.Second {
		t.Errorf("Wait() = %v; want 1s", d)
	}
	if n := guess(th, alice, now+pairInterval-1); n != 0 {
		t.Errorf("%d failures within the second; want 0", n)
	}
	total := 0
	for i := range int64(1000) {
		total += guess(th, alice, now+(i+1)*pairInterval/10)
	}
	if total != 100 {
		t.Errorf("%d failures in 100 s; want 100", total)
	}
	if n := guess(th, bob, now); n != 20 {
		t.Errorf("%d failures of another address; want 20", n)
	}
}

func TestThrottleCountsUsersApart(t *testing.T) {
	th := NewThrottle()
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
	th := NewThrottle()
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
	th = NewThrottle()
	for i := range int64(1000) {
		guess(th, alice, i*pairInterval/100)
	}
	if !th.Allow(alice, []byte("other"), 10*pairInterval) {
		t.Error("a program with an old password locks out the others at its address")
	}
}

// Who is refused does not pay for it: there is no lock that could last.
func TestThrottleForgives(t *testing.T) {
	th := NewThrottle()
	for range 100_000 { // many at once, allowed or not
		th.Fail(alice, app, 0)
	}
	if d := th.Wait(alice, app, 0); d != time.Second {
		t.Errorf("Wait() after 100,000 failures = %v; want 1s", d)
	}
	for range 1000 {
		th.Allow(alice, app, 0)
	}
	if !th.Allow(alice, app, pairInterval) {
		t.Error("Allow() a second later = false; want true")
	}
	if n := guess(th, alice, 20*pairInterval); n != 20 {
		t.Errorf("%d failures after 20 s of quiet; want 20", n)
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
		th := NewThrottle()
		guess(th, netip.MustParseAddr(test.a), 0)
		if same := !th.Allow(netip.MustParseAddr(test.b), app, 0); same != test.same {
			t.Errorf("%s and %s count as one: %v; want %v", test.a, test.b, same, test.same)
		}
	}
	th := NewThrottle()
	guess(th, netip.Addr{}, 0)
	if th.Allow(netip.Addr{}, app, 0) || !th.Allow(netip.IPv4Unspecified(), app, 0) || !th.Allow(netip.IPv6Unspecified(), app, 0) {
		t.Error("clients without an address do not count as an address of their own")
	}
}

func TestThrottleForgetsTheStalest(t *testing.T) {
	th := newThrottle(6) // an address alone and one with a name each
	a := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, i}) }
	for i := range byte(3) {
		guess(th, a(i), 0)
	}
	th.Fail(a(0), app, 0) // now 1 is the stalest
	th.Fail(a(3), app, 0)
	for i, want := range []bool{false, true, false, true} {
		if got := th.Allow(a(byte(i)), app, 0); got != want {
			t.Errorf("Allow(address %d) = %v; want %v", i, got, want)
		}
	}
	if n := th.Len(); n != 6 {
		t.Errorf("Len() = %d; want 6", n)
	}
}

func TestThrottleReusesWhatIsFullAgain(t *testing.T) {
	th := NewThrottle()
	for i := range int64(1000) { // one failure of a new address every 2 s
		th.Fail(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), app, i*2*pairInterval)
	}
	if n := th.Len(); n != 2 {
		t.Errorf("Len() = %d; want 2, the others' buckets are full", n)
	}
}

func TestThrottleIsBounded(t *testing.T) {
	th := NewThrottle()
	for i := range uint64(maxEntries + 5000) {
		th.Fail(netip.AddrFrom16([16]byte{0x20, 1, byte(i >> 16), byte(i >> 8), byte(i)}), app, int64(i))
	}
	if n := th.Len(); n != maxEntries || len(th.entries) != maxEntries {
		t.Errorf("Len() = %d, %d entries; want %d", n, len(th.entries), maxEntries)
	}
}

// A second, plain implementation must agree on random histories.
func TestThrottleAgreesWithAModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	th := NewThrottle()
	tokens, at := map[byte]float64{}, map[byte]int64{}
	now := int64(0)
	for step := range 100_000 {
		now += rnd.Int64N(300) * int64(time.Millisecond)
		i := byte(rnd.IntN(5))
		a := netip.AddrFrom4([4]byte{10, 0, 0, i})
		if _, ok := tokens[i]; !ok {
			tokens[i] = pairBurst
		}
		tokens[i] = min(pairBurst, tokens[i]+float64(now-at[i])/float64(pairInterval))
		at[i] = now
		if got, want := th.Allow(a, app, now), tokens[i] >= 1-1e-6; got != want {
			t.Fatalf("step %d: Allow() = %v; want %v with %v left", step, got, want, tokens[i])
		}
		if rnd.IntN(2) == 0 {
			th.Fail(a, app, now)
			tokens[i] = max(0, tokens[i]-1)
		}
	}
}

func TestThrottleFromManyGoroutines(t *testing.T) {
	th := newThrottle(50)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				a := netip.AddrFrom4([4]byte{10, 0, byte(g), byte(i)})
				th.Allow(a, app, int64(i))
				th.Fail(a, app, int64(i))
			}
		})
	}
	wg.Wait()
	if n := th.Len(); n > 50 {
		t.Errorf("Len() = %d; want at most 50", n)
	}
}
