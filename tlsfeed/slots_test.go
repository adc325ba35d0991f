package tlsfeed

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestUnfinishedHandshakesAreBounded(t *testing.T) {
	host := func(i int) netip.Addr {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], 10<<24+uint32(i))
		return netip.AddrFrom4(b)
	}
	same := func(s string) func(int) netip.Addr {
		a := netip.MustParseAddr(s)
		return func(int) netip.Addr { return a }
	}
	for _, test := range []struct {
		name  string
		addr  func(i int) netip.Addr
		most  int
		kind  Kind
		next  netip.Addr
		admit bool // next, when full
	}{
		{"in all", host, 1000, OverTotal, netip.MustParseAddr("203.0.113.1"), false},
		{"in all, of unix sockets", func(int) netip.Addr { return netip.Addr{} }, 1000, OverTotal, netip.Addr{}, false},
		{"per IPv4 host", same("192.0.2.1"), maxUnfinishedAddress, OverAddress, netip.MustParseAddr("192.0.2.2"), true},
		{"per IPv4 host, mapped", same("192.0.2.1"), maxUnfinishedAddress, OverAddress, netip.MustParseAddr("::ffff:192.0.2.1"), false},
		{"another mapped host", same("192.0.2.1"), maxUnfinishedAddress, OverAddress, netip.MustParseAddr("::ffff:192.0.2.2"), true},
		{"per IPv6 network", same("2001:db8::1"), maxUnfinishedAddress, OverAddress, netip.MustParseAddr("2001:db8::ffff:2"), false},
		{"another IPv6 network", same("2001:db8::1"), maxUnfinishedAddress, OverAddress, netip.MustParseAddr("2001:db8:0:1::1"), true},
		{"zones do not count", same("fe80::1%eth0"), maxUnfinishedAddress, OverAddress, netip.MustParseAddr("fe80::1%eth1"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slots, cfg := NewSlots(1), serverConfig(tls.VersionTLS13)
				var ends []*socket
				start := func(a netip.Addr, timeout time.Duration) <-chan result {
					near, far := newSockets()
					ends = append(ends, near)
					r := serve(t.Context(), slots, far, a, cfg, timeout)
					near.out.put([]byte{22}) // the first byte of a record
					return r
				}
				for i := range test.most {
					start(test.addr(i), time.Minute)
				}
				synctest.Wait()
				if n := slots.Unfinished(); n != test.most {
					t.Fatalf("Unfinished() = %d; want %d", n, test.most)
				}
				if r := <-start(test.addr(test.most), time.Second); kind(r.err) != test.kind {
					t.Errorf("one more, when its time is up: Handshake() = %v; want kind %v", r.err, test.kind)
				}
				start(test.next, 30*time.Second)
				synctest.Wait()
				if got := slots.Unfinished() > test.most; got != test.admit {
					t.Errorf("%v: admitted = %v; want %v", test.next, got, test.admit)
				}
				if !test.admit { // one leaves, so the next one's turn has come
					ends[0].Close()
					synctest.Wait()
					if n := slots.Unfinished(); n != test.most {
						t.Errorf("after one has left: Unfinished() = %d; want %d", n, test.most)
					}
				}
				for _, e := range ends {
					e.Close()
				}
				synctest.Wait()
				if n := slots.Unfinished(); n != 0 || len(slots.byAddress) != 0 {
					t.Errorf("when all have left: %d unfinished, %d addresses; want none", n, len(slots.byAddress))
				}
			})
		})
	}
}

func TestClientsThatSendNothingHoldNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots, cfg := NewSlots(1), serverConfig(tls.VersionTLS13)
		addr := netip.MustParseAddr("192.0.2.1")
		var silent []<-chan result
		for range 2 * maxUnfinishedAddress {
			_, far := newSockets()
			silent = append(silent, serve(t.Context(), slots, far, addr, cfg, time.Minute))
		}
		synctest.Wait()
		if n := slots.Unfinished(); n != 0 {
			t.Errorf("Unfinished() = %d; want 0", n)
		}
		near, far := newSockets()
		good := serve(t.Context(), slots, far, addr, cfg, time.Minute)
		if err := tls.Client(near, clientConfig(new(strings.Builder))).Handshake(); err != nil {
			t.Errorf("a client beside them: %v", err)
		}
		if r := <-good; r.err != nil {
			t.Errorf("a client beside them: Handshake() = %v", r.err)
		}
		for _, c := range silent {
			if r := <-c; kind(r.err) != TimedOut {
				t.Errorf("a silent client: Handshake() = %v; want kind %v", r.err, TimedOut)
			}
		}
	})
}

func TestCancelledWhileWaitingForAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots, cfg := NewSlots(1), serverConfig(tls.VersionTLS13)
		ctx, cancel := context.WithCancel(t.Context())
		var all []<-chan result
		for range maxUnfinishedAddress + 1 {
			near, far := newSockets()
			near.out.put([]byte{22})
			all = append(all, serve(ctx, slots, far, local, cfg, time.Minute))
		}
		synctest.Wait()
		cancel()
		for i, ch := range all {
			if r := <-ch; kind(r.err) != Cancelled || !errors.Is(r.err, context.Canceled) {
				t.Errorf("client %d: Handshake() = %v; want kind %v", i, r.err, Cancelled)
			}
		}
		if n := slots.Unfinished(); n != 0 || len(slots.byAddress) != 0 {
			t.Errorf("when all have left: %d unfinished, %d addresses; want none", n, len(slots.byAddress))
		}
	})
}

func TestKindTexts(t *testing.T) {
	seen := map[string]bool{}
	for k := Failed; k <= OverAddress; k++ {
		text := (&HandshakeError{Kind: k, Err: errors.New("secret")}).Error()
		if seen[text] || k.String() == "unknown" {
			t.Errorf("Kind(%d) = %q; want a text of its own", k, text)
		}
		seen[text] = true
	}
	if got := Kind(200).String(); got != "unknown" {
		t.Errorf("Kind(200).String() = %q; want unknown", got)
	}
}

// TestHandshakesFinishedOneByOne is a client that sends the hellos of its whole
// pool at once and then finishes one handshake after the other, in an order of
// its own.
func TestHandshakesFinishedOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pool = 200
		slots, cfg := NewSlots(1), serverConfig(tls.VersionTLS13)
		addr := netip.MustParseAddr("192.0.2.1")
		var done []<-chan result
		gates := make([]chan struct{}, pool)
		finished := make(chan error, pool)
		for i := range pool {
			near, far := newSockets()
			done = append(done, serve(t.Context(), slots, far, addr, cfg, time.Minute))
			c := tls.Client(&gated{socket: near, open: make(chan struct{})}, clientConfig(new(strings.Builder)))
			gates[i] = c.NetConn().(*gated).open
			go func() { finished <- c.Handshake() }()
		}
		synctest.Wait() // all hellos are out, and what the server says to them is not read
		for i := pool - 1; i >= 0; i-- {
			close(gates[i])
			if err := <-finished; err != nil {
				t.Fatalf("client %d: %v", i, err)
			}
			if r := <-done[i]; r.err != nil {
				t.Fatalf("client %d: Handshake() = %v", i, r.err)
			}
		}
	})
}

// gated is a socket of which nothing is read before open is closed.
type gated struct {
	*socket
	open chan struct{}
}

func (g *gated) Read(p []byte) (int, error) {
	<-g.open
	return g.socket.Read(p)
}
