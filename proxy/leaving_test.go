package proxy_test

import (
	"fmt"
	"net"
	"strconv"
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
	out = append(out, strings.Repeat("PING\r\n", pings)...)
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

// TestAThousandVanishWhileTheyWait: what is pushed after they have left reaches
// those who are there, all of it.
func TestAThousandVanishWhileTheyWait(t *testing.T) {
	const many = 1000
	g, rs := gate(t, gatetest.Options{Workers: 2})
	leavers := make([]*wire, many)
	for i := range leavers {
		leavers[i] = newWire(t, g.DialPlain(t)).login()
		leavers[i].send("BLPOP", "list", "0")
	}
	blocked := func(n int) {
		t.Helper()
		eventually(t, func() bool {
			return strings.Contains(rs.Do("INFO", "clients").(string), fmt.Sprintf("blocked_clients:%d\r\n", n))
		})
	}
	blocked(many)
	for i, w := range leavers {
		if half, ok := w.nc.(*net.UnixConn); ok && i%2 == 0 {
			half.CloseWrite() // a half-close says as much
		} else {
			w.nc.Close()
		}
	}
	blocked(0)
	pusher := newWire(t, g.Dial(t)).login()
	waiting := make([]*wire, 10)
	for i := range waiting {
		waiting[i] = newWire(t, g.Dial(t)).login()
	}
	for i := range many {
		w := waiting[i%len(waiting)]
		w.send("BLPOP", "list", "0")
		pusher.send("RPUSH", "list", strconv.Itoa(i))
		pusher.reply()
		value := strconv.Itoa(i)
		w.want(fmt.Sprintf("*2\r\n$4\r\nlist\r\n$%d\r\n%s\r\n", len(value), value))
	}
	pusher.do(":0\r\n", "LLEN", "list")
}
