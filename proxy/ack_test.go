package proxy_test

import (
	"testing"
	"time"

	"redisgate/internal/gatetest"
)

// The rest of a large request comes when its beginning is acknowledged, and the kernel takes
// 40 ms for that by itself. So it is done as soon as a request is known not to be whole: when
// it is read, or when the session gets to it.
func TestUnfinishedRequestsAreAcknowledged(t *testing.T) {
	g, _ := gate(t, gatetest.Options{})
	other := newWire(t, g.Dial(t)).login()
	w := newWire(t, g.Dial(t)).login()
	acks := func() uint64 { return g.Server.LoopStats().Acks }
	await := func(n uint64) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); acks() != n; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d acknowledgements; want %d", acks(), n)
			}
		}
	}
	w.do("+PONG\r\n", "PING")
	before := acks()
	w.do("+PONG\r\n", "PING")
	if n := acks(); n != before {
		t.Errorf("%d acknowledgements of a request that is whole; want none", n-before)
	}
	w.raw("*3\r\n$3\r\nSET\r\n$5\r\napp:a\r\n$10\r\n01234")
	await(before + 1)
	w.raw("56789\r\n")
	w.want("+OK\r\n")

	// Behind a command that waits nothing is looked at.
	before = acks()
	reads := g.Server.LoopStats().Reads
	w.raw("*3\r\n$5\r\nBLPOP\r\n$5\r\napp:l\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$5\r\napp:a\r\n$10\r\n01234")
	for end := time.Now().Add(10 * time.Second); g.Server.LoopStats().Reads == reads; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("what the client has sent is not read")
		}
	}
	if n := acks(); n != before {
		t.Errorf("%d acknowledgements of what nobody has looked at; want none", n-before)
	}
	other.do(":1\r\n", "RPUSH", "app:l", "x")
	w.want("*2\r\n$5\r\napp:l\r\n$1\r\nx\r\n")
	await(before + 1)
	w.raw("56789\r\n")
	w.want("+OK\r\n")
}
