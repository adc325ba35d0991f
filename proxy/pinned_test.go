package proxy_test

import (
	"strings"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/proxy"
)

// TestPinnedConnectionsDoNotCrossDatabases has a client change its user while a
// connection in the first one's database is its own.
func TestPinnedConnectionsDoNotCrossDatabases(t *testing.T) {
	g, rs := gate(t, gatetest.Options{
		Users:     map[string]string{"zero": "on >secret ~* &* +@all", "two": "on >secret ~* &* +@all"},
		Databases: map[string][]int{"zero": {0}, "two": {2}},
	})
	rs.Do("SET", "secret0", "zero's")
	const refused = "-ERR redisgate: that user may not use this database, and keys are watched or channels subscribed in it\r\n"

	w := newWire(t, g.DialPlain(t))
	w.do("+OK\r\n", "AUTH", "zero", "secret")
	w.do("+OK\r\n", "WATCH", "a")
	w.do(refused, "AUTH", "two", "secret")
	w.do("$4\r\nzero\r\n", "ACL", "WHOAMI")
	w.do("+OK\r\n", "UNWATCH")
	w.do("+OK\r\n", "AUTH", "two", "secret")
	w.do("$-1\r\n", "GET", "secret0")

	s := newWire(t, g.DialPlain(t))
	s.send("HELLO", "3", "AUTH", "zero", "secret")
	s.reply()
	s.send("SUBSCRIBE", "c")
	s.reply()
	s.do(refused, "AUTH", "two", "secret")
	s.do(refused, "HELLO", "3", "AUTH", "two", "secret")
	s.do("$6\r\nzero's\r\n", "GET", "secret0") // still the first one's
}

// TestResetDoesNotBuyTime: a stranger has one auth_timeout, however it spends it.
func TestResetDoesNotBuyTime(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Change: func(o *proxy.Options) { o.Limits.AuthTimeout = 300 * time.Millisecond }})
	w := newWire(t, g.Dial(t))
	start := time.Now()
	for {
		w.nc.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := w.nc.Write([]byte("RESET\r\n")); err != nil {
			break
		}
		if line, err := w.r.ReadString('\n'); err != nil || line != "+RESET\r\n" {
			break
		}
		if time.Since(start) > 5*time.Second {
			t.Fatal("RESET has bought 5 s; auth_timeout is 300 ms")
		}
		time.Sleep(10 * time.Millisecond)
	}
	eventually(t, func() bool { s, _ := g.Server.Snapshot(time.Second); return s.Closed["auth_timeout"] == 1 })
}

// TestTooManySubscriptions are refused as a whole, and the session goes on.
func TestTooManySubscriptions(t *testing.T) {
	g, _ := gate(t, gatetest.Options{})
	w := newWire(t, g.DialPlain(t)).login()
	w.do("-ERR redisgate: too many subscriptions\r\n", "SUBSCRIBE", "a", strings.Repeat("b", 600<<10), strings.Repeat("c", 600<<10))
	w.do("+PONG\r\n", "PING") // not subscribed to anything
	w.do("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n", "SUBSCRIBE", "a")
	w.do("-ERR redisgate: too many subscriptions\r\n", "SUBSCRIBE", strings.Repeat("b", 600<<10), strings.Repeat("c", 600<<10))
	w.do("*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n", "UNSUBSCRIBE")
	w.do("+PONG\r\n", "PING")
}

// TestNoAuthOfRedisIsNotTheClients: a Redis that gets a password at run time is
// lost to its connections, and its words do not pass as redisgate's.
func TestNoAuthOfRedisIsNotTheClients(t *testing.T) {
	g, rs := gate(t, gatetest.Options{})
	w := newWire(t, g.DialPlain(t)).login()
	w.do("+PONG\r\n", "PING")
	w.do("+OK\r\n", "WATCH", "a")
	c := rs.Client()
	c.Do(t.Context(), "CONFIG", "SET", "requirepass", "x")
	c.Do(t.Context(), "ACL", "SETUSER", "default", "off")
	t.Cleanup(func() { rs.Kill9() })
	w.send("GET", "a")
	w.nc.SetReadDeadline(time.Now().Add(5 * time.Second))
	for {
		line, err := w.r.ReadString('\n')
		if err != nil {
			break
		}
		if strings.HasPrefix(line, "-NOAUTH") {
			t.Errorf("the client is told %q", line)
		}
		if strings.HasPrefix(line, "$-1") {
			return // this Redis leaves its connections be
		}
	}
}
