package proxy_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/policy"
	"redisgate/proxy"
	"redisgate/users"
)

func ratedGate(t *testing.T, r users.Rates, refuse bool) *gatetest.Gate {
	t.Helper()
	u, err := policy.ParseUser("app", "on >secret ~* &* +@all", policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := users.NewSet([]users.Definition{{User: u, Rates: r}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, _ := gate(t, gatetest.Options{Workers: 2, Change: func(o *proxy.Options) {
		o.Users.Swap(set)
		o.Limits.RefuseOverRate = refuse
	}})
	return g
}

func rateOf(g *gatetest.Gate, of, user string) proxy.Rate {
	for _, r := range doors(g).Rates {
		if r.Of == of && r.User == user {
			return r
		}
	}
	return proxy.Rate{}
}

const tooFast = "-ERR rate limit exceeded\r\n"

// TestWorkersShareARate counts what two connections of one user, on two workers, are
// answered: no more than the time that it took allows.
func TestWorkersShareARate(t *testing.T) {
	const rate, each = 50, 500
	g := ratedGate(t, users.Rates{Commands: rate}, true)
	var wires [2]*wire
	for i := range wires {
		wires[i] = newWire(t, g.Dial(t)).login() // in turn on each worker
	}
	begun := time.Now()
	for _, w := range wires {
		w.raw(strings.Repeat("*2\r\n$3\r\nGET\r\n$1\r\na\r\n", each))
	}
	done, refused := 0, uint64(0)
	for _, w := range wires {
		for range each {
			switch r := w.reply(); r {
			case "$-1\r\n":
				done++
			case tooFast:
				refused++
			default:
				t.Fatalf("reply = %q", r)
			}
		}
	}
	if most := int(rate*(time.Since(begun).Seconds()+1)) + 1; done < rate || done > most {
		t.Errorf("%d commands were done; want %d to %d", done, rate, most)
	}
	if got := rateOf(g, "commands", "app"); got.Refused != refused || got.Capacity != rate || got.Delayed != 0 {
		t.Errorf("the series say %+v; want %d refused of capacity %d", got, refused, rate)
	}
	if n := doors(g).Refused[proxy.Refusal{User: "app", Reason: "rate"}]; n != refused {
		t.Errorf("denied for the rate are %d; want %d", n, refused)
	}
	eventually(t, func() bool { return rateOf(g, "commands", "app").Current == 0 })
	wires[0].do("$-1\r\n", "GET", "a")
	wires[0].do("+OK\r\n", "QUIT")
}

// TestWhatIsOverARateWaits: nothing is lost or out of order, and it takes its time.
func TestWhatIsOverARateWaits(t *testing.T) {
	const rate, each = 500, 400
	g := ratedGate(t, users.Rates{Commands: rate}, false)
	a, b := newWire(t, g.Dial(t)).login(), newWire(t, g.DialPlain(t)).login()
	begun := time.Now()
	for _, w := range []*wire{a, b} {
		var out strings.Builder
		for i := range each {
			fmt.Fprintf(&out, "ECHO %d\r\n", i)
		}
		w.raw(out.String() + "QUIT\r\n")
	}
	for _, w := range []*wire{a, b} {
		for i := range each {
			n := fmt.Sprint(i)
			w.want(fmt.Sprintf("$%d\r\n%s\r\n", len(n), n))
		}
		w.want("+OK\r\n")
		w.closed()
	}
	if least := float64(2*each-rate) / rate; time.Since(begun).Seconds() < least {
		t.Errorf("%d commands took %s; want %.1fs at least, at %d a second", 2*each, time.Since(begun), least, rate)
	}
	if got := rateOf(g, "commands", "app"); got.Refused != 0 || got.Delayed == 0 {
		t.Errorf("the series say %+v; want some that were delayed, and none refused", got)
	}
}

// TestWhoHasLeftDoesNotWaitForItsRate: with one command a second the last of 30 would be
// there for half a minute, whether anybody waits for it or not.
func TestWhoHasLeftDoesNotWaitForItsRate(t *testing.T) {
	g := ratedGate(t, users.Rates{Commands: 1}, false)
	var clients []*wire
	for range 30 {
		clients = append(clients, newWire(t, g.DialPlain(t)).login())
	}
	for _, w := range clients {
		w.raw("PING\r\n")
	}
	eventually(t, func() bool { return rateOf(g, "commands", "app").Delayed >= 29 })
	if s := doors(g); s.Connections < 29 {
		t.Fatalf("%d connections; want those that wait", s.Connections)
	}
	for _, w := range clients {
		if err := w.nc.(*net.UnixConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool { return doors(g).Connections <= 12 })
	// Those whose turn comes soon have their answers.
	var answered atomic.Int32
	for _, w := range clients {
		go func() {
			var b [7]byte
			if _, err := io.ReadFull(w.nc, b[:]); err == nil && string(b[:]) == "+PONG\r\n" {
				answered.Add(1)
			}
		}()
	}
	eventually(t, func() bool { return answered.Load() >= 3 })
}

// TestBytesThatStreamWait: a large value, and what it was, pass unharmed.
func TestBytesThatStreamWait(t *testing.T) {
	const rate, size = 1 << 20, 2 << 20
	g := ratedGate(t, users.Rates{Bytes: rate}, false)
	w := newWire(t, g.Dial(t)).login()
	begun := time.Now()
	value := strings.Repeat("0123456789abcdef", size/16)
	w.do("+OK\r\n", "SET", "a", value)
	if least := float64(size-rate-3*(64<<10)) / rate; time.Since(begun).Seconds() < least {
		t.Errorf("%d bytes took %s; want %.1fs at least, at %d a second", size, time.Since(begun), least, rate)
	}
	w.send("GET", "a")
	if got, want := w.reply(), fmt.Sprintf("$%d\r\n%s\r\n", size, value); got != want {
		t.Errorf("GET gives %d bytes that differ from the %d of SET", len(got), len(want))
	}
	if got := rateOf(g, "bytes", "app"); got.Current < rate {
		t.Errorf("the series say %+v; want more than the capacity in use", got)
	}
}

// TestRatesByAddress: of whom a balancer says, together; other addresses are not touched,
// and whoever connects again is who it was.
func TestRatesByAddress(t *testing.T) {
	const rate = 20
	g, _ := behind(t, func(o *proxy.Options) { o.Limits.AddressCommands, o.Limits.RefuseOverRate = rate, true })
	connect := func(address string) *wire {
		nc := from(t, "127.0.0.2", g.TCP)
		say(nc, strings.ReplaceAll(header4, "203.0.113.7", address))
		return secure(t, g, nc)
	}
	ask := func(w *wire, n int) (done int) {
		w.raw(strings.Repeat("*2\r\n$3\r\nGET\r\n$1\r\na\r\n", n))
		for range n {
			if w.reply() != tooFast {
				done++
			}
		}
		return done
	}
	begun := time.Now()
	a := connect("203.0.113.7").login()
	done := ask(a, 100)
	a.nc.Close()
	b := connect("203.0.113.7") // may have to wait for a log-in, which is a command
	done += ask(b, 100)
	if most := int(rate*(time.Since(begun).Seconds()+1)) + 1; done < rate-1 || done > most {
		t.Errorf("%d commands were done by one address; want %d to %d", done, rate-1, most)
	}
	if n := ask(connect("203.0.113.8").login(), 10); n != 10 {
		t.Errorf("%d commands of 10 were done by another address", n)
	}
	if got := rateOf(g, "commands", ""); got.Capacity != rate || got.Refused == 0 {
		t.Errorf("the series say %+v; want capacity %d, and some refused", got, rate)
	}
}
