package proxy_test

import (
	"testing"

	"redisgate/internal/gatetest"
	"redisgate/proxy"
)

// timed is the number of commands in the histogram of durations.
func timed(g *gatetest.Gate) (n uint64) {
	for _, d := range doors(g).Durations {
		n += d
	}
	return n
}

// TestDurationsAreWithoutCommandsThatBlock has a client wait on purpose, in each of the
// ways there are, whether something comes or not.
func TestDurationsAreWithoutCommandsThatBlock(t *testing.T) {
	g, _ := gate(t, gatetest.Options{})
	w, other := newWire(t, g.DialPlain(t)).login(), newWire(t, g.DialPlain(t)).login()
	other.do("+OK\r\n", "SET", "k", "v")
	before := timed(g)
	w.do("*-1\r\n", "BLPOP", "nothing", "0.01")
	w.do("*-1\r\n", "XREAD", "BLOCK", "10", "STREAMS", "none", "$")
	w.send("BLPOP", "list", "0")
	eventually(t, func() bool { return doors(g).Dedicated > 0 })
	other.do(":1\r\n", "RPUSH", "list", "x")
	w.want("*2\r\n$4\r\nlist\r\n$1\r\nx\r\n")
	if n := timed(g) - before; n != 1 {
		t.Errorf("%d commands were timed of 3 that block and an RPUSH; want 1", n)
	}
	w.do("$1\r\nv\r\n", "GET", "k") // the one that waited is timed again
	if n := timed(g) - before; n != 2 {
		t.Errorf("%d commands were timed after a GET; want 2", n)
	}
}

func TestWhatIsInUseIsCountedBesideItsCapacity(t *testing.T) {
	g, _ := gate(t, gatetest.Options{
		Users: map[string]string{"app": "on >secret ~* +@all", "idler": "on >secret ~* +@all", "default": "off"},
		Change: func(o *proxy.Options) {
			o.MaxConnections, o.MaxShared, o.MaxDedicated, o.Limits.Memory = 100, 7, 1, 1<<20
		},
	})
	if got, want := doors(g).Capacity, (proxy.Capacity{Connections: 100, Shared: 7, Dedicated: 1, Memory: 1 << 20}); got != want {
		t.Errorf("capacity = %+v; want %+v", got, want)
	}
	a, b := newWire(t, g.DialPlain(t)).login(), newWire(t, g.DialPlain(t)).login()
	newWire(t, g.DialPlain(t)) // who has not logged in is no user's
	of := func() map[string]int64 {
		out := map[string]int64{}
		for _, u := range doors(g).Users {
			out[u.User] = u.Current
		}
		return out
	}
	if got := of(); got["app"] != 2 || len(got) != 1 {
		t.Errorf("connections of users = %v; want 2 of app and no other", got)
	}

	a.send("BLPOP", "nothing", "0")
	eventually(t, func() bool { return doors(g).Dedicated == 1 })
	b.do("-ERR redisgate: no upstream connection is free\r\n", "BLPOP", "nothing", "0")
	if n := doors(g).Upstream["busy"]; n != 1 {
		t.Errorf("%d requests found no connection; want 1", n)
	}
	b.do("+OK\r\n", "QUIT")
	b.closed()
	eventually(t, func() bool { return of()["app"] == 1 })
	if n := doors(g).Closed["quit"]; n != 1 {
		t.Errorf("%d sessions ended by QUIT; want 1", n)
	}
}
