//go:build linux && !portable

package proxy_test

import (
	"strings"
	"testing"

	"redisgate/internal/gatetest"
	"redisgate/resp"
)

// TestBytesAreCopiedOnce counts what is copied from one buffer to another between
// TLS's plaintext and the sockets: each byte of a request once, and each of a reply.
// Only what comes in pieces is gathered first.
func TestBytesAreCopiedOnce(t *testing.T) {
	g, _ := gate(t, gatetest.Options{})
	w := newWire(t, g.Dial(t)).login()
	w.do("+OK\r\n", "SET", "k", strings.Repeat("v", 1000))
	bulk := "$1000\r\n" + strings.Repeat("v", 1000) + "\r\n"
	get := resp.AppendCommand(nil, "GET", "k")
	set := resp.AppendCommand(nil, "SET", "k", strings.Repeat("v", 1000))
	for _, test := range []struct {
		name    string
		request []byte
		reply   string
		n       int
	}{
		{"GET", get, bulk, 1}, // one record
		{"16 GETs", get, bulk, 16},
		{"SET", set, "+OK\r\n", 1},
		{"8 SETs", set, "+OK\r\n", 8},
	} {
		before := g.Server.Copied()
		w.raw(strings.Repeat(string(test.request), test.n))
		for range test.n {
			w.want(test.reply)
		}
		want := uint64(test.n * (len(test.request) + len(test.reply)))
		if got := g.Server.Copied() - before; got < want || got > 2*want { // TLS may have cut them into records, and a buffer may have grown
			t.Errorf("%s: %d bytes are copied; want %d, and at most as many again", test.name, got, want)
		}
	}
	before := g.Server.Copied()
	w.raw(string(set[:500]))
	eventually(t, func() bool { return g.Server.Copied()-before == 500 })
	w.raw(string(set[500:]))
	w.want("+OK\r\n")
	if got, want := g.Server.Copied()-before, uint64(2*len(set)+len("+OK\r\n")); got != want {
		t.Errorf("a SET in two pieces: %d bytes are copied; want %d, once more than in one", got, want)
	}
}
