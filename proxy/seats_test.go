package proxy_test

import (
	"strings"
	"testing"

	"redisgate/internal/gatetest"
	"redisgate/policy"
	"redisgate/proxy"
	"redisgate/users"
)

const noSeat = "-ERR redisgate: that user has as many connections as it may\r\n"

func limitOf(g *gatetest.Gate, user string) proxy.Limit {
	for _, l := range doors(g).Limits {
		if l.User == user {
			return l
		}
	}
	return proxy.Limit{}
}

func TestConnectionsOfAUserAreBounded(t *testing.T) {
	var all []users.Definition
	for name, rules := range map[string]string{"app": "on >secret ~* &* +@all", "other": "on >secret ~* &* +@all", "default": "on nopass ~* +@all"} {
		u, err := policy.ParseUser(name, rules, policy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		d := users.Definition{User: u}
		switch name {
		case "app":
			d.MaxConnections = 2
		case "default":
			d.MaxConnections = 1
		}
		all = append(all, d)
	}
	set, err := users.NewSet(all, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, _ := gate(t, gatetest.Options{Workers: 2, Change: func(o *proxy.Options) { o.Users.Swap(set) }})
	connect := func() *wire { return newWire(t, g.DialPlain(t)) }
	quit := func(w *wire) {
		w.do("+OK\r\n", "QUIT")
		w.closed()
	}

	// Who may be default without a log-in is one of its connections; who is one too many may log in.
	a := connect()
	a.do("+PONG\r\n", "PING")
	b, c := connect(), connect()
	eventually(t, func() bool {
		return limitOf(g, "default") == proxy.Limit{User: "default", Capacity: 1, Current: 1, Refused: 2}
	})
	b.do("-NOAUTH Authentication required.\r\n", "PING")
	a.login()
	b.login()
	c.do(noSeat, "AUTH", "app", "secret")
	c.do("-NOAUTH Authentication required.\r\n", "PING")
	if got := limitOf(g, "app"); got != (proxy.Limit{User: "app", Capacity: 2, Current: 2, Refused: 1}) {
		t.Errorf("app's connections are %+v; want 2 of 2 and one refused", got)
	}
	// Whoever logs in again, as the same or as another, has one connection.
	a.login()
	a.do("+OK\r\n", "AUTH", "other", "secret")
	c.login()
	a.do(noSeat, "AUTH", "app", "secret")
	a.do("$5\r\nother\r\n", "ACL", "WHOAMI")
	// In a transaction too.
	a.do("+OK\r\n", "MULTI")
	a.do("+QUEUED\r\n", "AUTH", "app", "secret")
	a.do("+QUEUED\r\n", "ACL", "WHOAMI")
	a.do("*2\r\n"+noSeat+"$5\r\nother\r\n", "EXEC")
	quit(b)
	eventually(t, func() bool { return limitOf(g, "app").Current == 1 })
	a.do("+OK\r\n", "MULTI")
	a.do("+QUEUED\r\n", "AUTH", "app", "secret")
	a.do("+QUEUED\r\n", "ACL", "WHOAMI")
	a.do("*2\r\n+OK\r\n$3\r\napp\r\n", "EXEC")
	// RESET gives the place back.
	c.do("+RESET\r\n", "RESET")
	if got := limitOf(g, "app").Current; got != 1 {
		t.Errorf("app has %d connections after RESET; want 1", got)
	}
	for _, w := range []*wire{a, c} {
		quit(w)
	}
	eventually(t, func() bool { return limitOf(g, "app").Current == 0 && limitOf(g, "default").Current == 0 })
}

func TestConnectionsOfAnAddressAreBounded(t *testing.T) {
	g, _ := behind(t, func(o *proxy.Options) { o.MaxPerAddress = 2 })
	header := func(address string) *wire {
		nc := from(t, "127.0.0.2", g.TCP)
		say(nc, strings.ReplaceAll(header4, "203.0.113.7", address))
		return secure(t, g, nc)
	}
	first := header("203.0.113.7").login()
	header("203.0.113.7").login()
	nc := from(t, "127.0.0.2", g.TCP)
	say(nc, header4)
	refused(t, g, nc)
	eventually(t, func() bool { return limitOf(g, "") == proxy.Limit{Capacity: 2, Current: 2, Refused: 1} })
	header("203.0.113.8").login()
	secure(t, g, from(t, "127.0.0.3", g.TCP)).login() // the balancer's own address is nobody's
	first.do("+OK\r\n", "QUIT")
	first.closed()
	eventually(t, func() bool { return doors(g).Connections == 3 })
	header("203.0.113.7").login()
	// A handshake that fails gives its place back too.
	nc = from(t, "127.0.0.3", g.TCP)
	say(nc, "GET / HTTP/1.1\r\n\r\n")
	eventually(t, func() bool { return doors(g).HandshakeFailed == 1 })
	secure(t, g, from(t, "127.0.0.3", g.TCP)).login()
}
