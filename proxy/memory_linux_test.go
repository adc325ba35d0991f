package proxy_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/proxy"
	"redisgate/resp"
)

// TestRequestsThatRedisDoesNotTakeCountAsMemory: what waits for a Redis that hangs is the
// client's who has sent it, and within limits.memory.
func TestRequestsThatRedisDoesNotTakeCountAsMemory(t *testing.T) {
	const limit = 8 << 20
	g, rs := gate(t, gatetest.Options{Change: func(o *proxy.Options) { o.Limits.Memory = limit }})
	var clients []*wire
	for range 24 {
		w := newWire(t, g.DialPlain(t)).login()
		w.do("+OK\r\n", "WATCH", "k") // it has a connection to Redis
		clients = append(clients, w)
	}
	if err := syscall.Kill(rs.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(rs.Pid(), syscall.SIGCONT) })
	request := string(resp.AppendCommand(nil, "MSET", "k", strings.Repeat("x", 1<<20)))
	for _, w := range clients {
		w.nc.SetWriteDeadline(time.Now().Add(10 * time.Second))
		w.nc.Write([]byte(request)) // who is cut meanwhile cannot
	}
	eventually(t, func() bool {
		snap, _ := g.Server.Snapshot(time.Second)
		return snap.Closed["memory"] > 0 && snap.Memory <= limit
	})
}
