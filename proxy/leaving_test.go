package proxy_test

import (
	"strings"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/resp"
)

// TestClientThatLeavesBeforeItBlocks has a client send more than is read ahead,
// among it a BLPOP behind a slow command, and leave before the BLPOP's turn: its
// wait must not stay in Redis.
func TestClientThatLeavesBeforeItBlocks(t *testing.T) {
	g, rs := gate(t, gatetest.Options{})
	w := newWire(t, g.Dial(t)).login()
	const slow = `local function now() local t = redis.call('time') return t[1] * 1000000 + t[2] end
		local from = now() while now() < from + 300000 do end return redis.call('set', 'done', 1)`
	out := resp.AppendCommand(nil, "EVAL", slow, "0")
	out = resp.AppendCommand(out, "BLPOP", "queue", "0")
	out = append(out, strings.Repeat("PING\r\n", 28000)...)
	w.raw(string(out))
	w.nc.Close()
	eventually(t, func() bool { return rs.Do("EXISTS", "done") == int64(1) })
	eventually(t, func() bool { s, ok := g.Server.Snapshot(time.Second); return ok && s.Connections == 0 })
	if n := rs.Do("RPUSH", "queue", "x"); n != int64(1) {
		t.Errorf("RPUSH = %v; want 1", n)
	}
	if n := rs.Do("LLEN", "queue"); n != int64(1) {
		t.Errorf("a client that has left took an element: LLEN = %v; want 1", n)
	}
}
