package proxy_test

import (
	"testing"

	"redisgate/internal/gatetest"
)

// TestRedisWantsAPassword that redisgate does not have: its clients are told that
// it cannot be reached, not that they should log in.
func TestRedisWantsAPassword(t *testing.T) {
	g, rs := gate(t, gatetest.Options{})
	rs.Do("CONFIG", "SET", "requirepass", "x")
	t.Cleanup(rs.Kill9)
	for _, command := range [][]string{{"GET", "a"}, {"WATCH", "a"}, {"EVAL", "return 1", "0"}} {
		w := newWire(t, g.DialPlain(t)).login()
		w.do("-ERR redisgate: Redis is unreachable; the command was not sent\r\n", command...)
	}
}

// TestPasswordThatRedisDoesNotWant keeps redisgate from being ready.
func TestPasswordThatRedisDoesNotWant(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Password: "x"})
	w := newWire(t, g.DialPlain(t)).login()
	w.do("-ERR redisgate: Redis is unreachable; the command was not sent\r\n", "GET", "a")
	if g.Server.Ready() {
		t.Error("Ready() = true; want false, no command gets through")
	}
}
