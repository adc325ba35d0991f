package proxy_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/policy"
	"redisgate/proxy"
	"redisgate/resp"
)

// tally counts what the clients of TestRedisDiesUnderLoad have seen.
type tally struct {
	foreign, good, unreachable, lost, other atomic.Int64
	sample                                  atomic.Value
}

func (y *tally) take(reply, want string) {
	switch {
	case reply == want:
		y.good.Add(1)
	case strings.Contains(reply, "Redis is unreachable; the command was not sent"):
		y.unreachable.Add(1)
	case strings.Contains(reply, "connection to Redis lost; the command may have run"):
		y.lost.Add(1)
	case strings.HasPrefix(reply, "-LOADING"), reply == "$-1\r\n":
		y.other.Add(1) // a Redis that has just come back is empty
	default:
		y.foreign.Add(1)
		y.sample.Store(fmt.Sprintf("%.100q instead of %.100q", reply, want))
	}
}

// TestRedisDiesUnderLoad has 200 clients write and read values with their own
// name in them through a Redis that is killed and restarted five times.
func TestRedisDiesUnderLoad(t *testing.T) {
	g, rs := gate(t, gatetest.Options{Workers: 2})
	const clients = 200
	var y tally
	stop := make(chan struct{})
	var done sync.WaitGroup
	for id := range clients {
		w := newWire(t, g.Dial(t)).login()
		done.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				value := fmt.Sprintf("client-%d-%d", id, n)
				key := fmt.Sprintf("key-%d", id)
				var out []byte
				out = resp.AppendCommand(out, "SET", key, value)
				out = resp.AppendCommand(out, "GET", key)
				out = resp.AppendCommand(out, "ECHO", value)
				if n%4 == 0 {
					out = resp.AppendCommand(out, "EVAL", "return ARGV[1]", "0", value)
				}
				bulk := fmt.Sprintf("$%d\r\n%s\r\n", len(value), value)
				w.raw(string(out))
				first := w.reply()
				y.take(first, "+OK\r\n")
				if first[0] == '-' {
					time.Sleep(5 * time.Millisecond) // as a client would back off
				}
				get := w.reply()
				if get != bulk && strings.HasPrefix(get, fmt.Sprintf("$%d\r\nclient-%d-", len(value), id)) {
					get = bulk // its own value of before: the SET was lost
				}
				y.take(get, bulk)
				y.take(w.reply(), bulk)
				if n%4 == 0 {
					y.take(w.reply(), bulk)
				}
			}
		})
	}
	probe := newWire(t, g.DialPlain(t)).login()
	for round := range 5 {
		time.Sleep(300 * time.Millisecond)
		rs.Kill9()
		time.Sleep(100 * time.Millisecond)
		rs.Restart()
		back := time.Now()
		for {
			probe.send("PING")
			if probe.reply() == "+PONG\r\n" {
				break
			}
			if time.Since(back) > 2*time.Second {
				t.Fatalf("round %d: no traffic 2 s after Redis has come back", round)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	time.Sleep(200 * time.Millisecond)
	close(stop)
	done.Wait()
	if n := y.foreign.Load(); n != 0 {
		t.Errorf("%d replies that belong to another command, such as %v", n, y.sample.Load())
	}
	if y.good.Load() < clients || y.unreachable.Load() == 0 || y.lost.Load() == 0 {
		t.Errorf("good %d, unreachable %d, lost %d; want some of each", y.good.Load(), y.unreachable.Load(), y.lost.Load())
	}
	t.Logf("good %d, unreachable %d, lost %d, empty %d", y.good.Load(), y.unreachable.Load(), y.lost.Load(), y.other.Load())
}

// TestErrorsOfALostRedis meets both errors one at a time.
func TestErrorsOfALostRedis(t *testing.T) {
	g, rs := gate(t, gatetest.Options{})
	w := newWire(t, g.DialPlain(t)).login()
	w.do("+PONG\r\n", "PING")
	blocked := newWire(t, g.DialPlain(t)).login()
	blocked.send("BLPOP", "none", "0")
	watching := newWire(t, g.DialPlain(t)).login()
	watching.do("+OK\r\n", "WATCH", "k")
	eventually(t, func() bool { return strings.Contains(rs.Do("CLIENT", "LIST").(string), "cmd=blpop") })
	rs.Kill9()
	blocked.want("-ERR redisgate: connection to Redis lost; the command may have run\r\n")
	watching.closed() // what it watched is forgotten
	w.do("-ERR redisgate: Redis is unreachable; the command was not sent\r\n", "GET", "k")
	rs.Restart()
	eventually(t, func() bool { w.send("GET", "k"); return w.reply() == "$-1\r\n" })
}

// TestAdmission covers who gets as far as a handshake.
func TestAdmission(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Allow: []string{"127.0.0.0/8"}, Deny: []string{"127.0.0.9"}})
	from := func(ip string) net.Conn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
		nc, err := d.Dial("tcp", g.TCP)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		return nc
	}
	denied := from("127.0.0.9")
	newWire(t, denied).closed()
	allowed := from("127.0.0.10")
	allowed.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := allowed.Read(make([]byte, 1)); err == nil || !err.(net.Error).Timeout() {
		t.Errorf("an allowed address: Read() = %v; want it to wait for a hello", err)
	}
	eventually(t, func() bool { s, _ := g.Server.Snapshot(time.Second); return s.DeniedAddress == 1 && s.Accepted == 1 })
}

// TestCounters checks that what happens is counted.
func TestCounters(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Users: map[string]string{"app": "on >secret ~a* -@all +get +set"}})
	w := newWire(t, g.Dial(t))
	w.do("-NOAUTH Authentication required.\r\n", "GET", "a")
	w.do("-WRONGPASS invalid username-password pair or user is disabled.\r\n", "AUTH", "nobody", "x")
	w.login()
	w.do("$-1\r\n", "GET", "a")
	w.do("-NOPERM No permissions to access a key\r\n", "GET", "b")
	w.do("-NOPERM User app has no permissions to run the 'flushall' command\r\n", "FLUSHALL")
	s, ok := g.Server.Snapshot(time.Second)
	if !ok {
		t.Fatal("Snapshot() is incomplete")
	}
	if s.Connections != 1 || s.Accepted != 1 || s.Auth["ok"] != 1 || s.Auth["failed"] != 1 || s.BytesIn == 0 || s.BytesOut == 0 {
		t.Errorf("Snapshot() = %+v; want one connection, one success, one failure, and bytes", s)
	}
	var handshakes uint64
	for _, n := range s.Handshakes {
		handshakes += n
	}
	if handshakes != 1 {
		t.Errorf("handshakes = %v; want one", s.Handshakes)
	}
	want := map[string]uint64{"/unauthenticated": 1, "app/key": 1, "app/command": 1}
	for r, n := range s.Refused {
		if want[r.User+"/"+r.Reason] != n {
			t.Errorf("Refused[%v] = %d; want %d", r, n, want[r.User+"/"+r.Reason])
		}
		delete(want, r.User+"/"+r.Reason)
	}
	if len(want) != 0 {
		t.Errorf("Refused lacks %v", want)
	}
}

// TestDrain ends idle sessions at once and lets the others finish.
func TestDrain(t *testing.T) {
	g, rs := gate(t, gatetest.Options{})
	idle := newWire(t, g.Dial(t)).login()
	multi := newWire(t, g.Dial(t)).login()
	multi.do("+OK\r\n", "MULTI")
	waiting := newWire(t, g.Dial(t)).login()
	waiting.send("BLPOP", "q", "0")
	eventually(t, func() bool { return strings.Contains(rs.Do("CLIENT", "LIST").(string), "cmd=blpop") })
	g.Drain()
	idle.closed()
	multi.do("+QUEUED\r\n", "INCR", "n")
	multi.do("*1\r\n:1\r\n", "EXEC")
	multi.closed()
	rs.Do("RPUSH", "q", "x")
	waiting.want("*2\r\n$1\r\nq\r\n$1\r\nx\r\n")
	waiting.closed()
	if err := g.Wait(); err != nil {
		t.Errorf("Run() = %v; want nil", err)
	}
	if _, err := net.Dial("tcp", g.TCP); err == nil {
		t.Error("the gate accepts connections after it has drained")
	}
}

// TestConnectionsAreBounded covers max_connections, and the half of them that one
// address may have before its handshakes are done.
func TestConnectionsAreBounded(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Change: func(o *proxy.Options) { o.MaxConnections = 8 }})
	var silent []net.Conn
	for range 4 {
		nc, err := net.Dial("tcp", g.TCP)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		silent = append(silent, nc)
	}
	eventually(t, func() bool { s, _ := g.Server.Snapshot(time.Second); return s.Accepted == 4 })
	fifth, err := net.Dial("tcp", g.TCP)
	if err != nil {
		t.Fatal(err)
	}
	defer fifth.Close()
	newWire(t, fifth).closed()
	other, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 10)}}).Dial("tcp", g.TCP)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	eventually(t, func() bool { s, _ := g.Server.Snapshot(time.Second); return s.Accepted == 5 && s.OverLimit == 1 })
	for _, nc := range silent {
		nc.Close()
	}
	eventually(t, func() bool { s, _ := g.Server.Snapshot(time.Second); return s.Connections == 1 })
	for range 7 {
		newWire(t, g.Dial(t)).login()
	}
	last, err := net.Dial("tcp", g.TCP)
	if err != nil {
		t.Fatal(err)
	}
	defer last.Close()
	newWire(t, last).closed()
}

// TestAdministratorsGetInBeyondTheBound: sixteen of them, from where they may come.
func TestAdministratorsGetInBeyondTheBound(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Change: func(o *proxy.Options) {
		o.MaxConnections = 3
		o.Admin, _ = policy.ParseNetworks([]string{"127.0.0.9"})
	}})
	from := func(last byte) net.Conn {
		t.Helper()
		nc, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, last)}}).Dial("tcp", g.TCP)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		return nc
	}
	for range 3 {
		newWire(t, g.Dial(t)).login()
	}
	newWire(t, from(1)).closed()
	for range 16 {
		newWire(t, tls.Client(from(9), g.TLS())).login()
	}
	newWire(t, from(9)).closed()
	newWire(t, from(1)).closed()
}

// TestSlowReadersWorkAlone has a client ask for a large reply and not read it,
// while another waits behind that reply: the first is cut, the second is answered,
// and the first one's next session does not get near the others again.
func TestSlowReadersWorkAlone(t *testing.T) {
	g, rs := gate(t, gatetest.Options{Users: map[string]string{"app": "on >secret ~* +@all", "slow": "on >secret ~* +@all"}})
	rs.Do("SET", "big", strings.Repeat("x", 64<<20))
	behind := newWire(t, g.Dial(t)).login()
	behind.do("+PONG\r\n", "PING")
	slow := newWire(t, g.Dial(t))
	slow.do("+OK\r\n", "AUTH", "slow", "secret")
	slow.do("+PONG\r\n", "PING")
	release := g.Server.Hold() // so that both are in one write to Redis, the slow one first
	slow.send("GET", "big")
	time.Sleep(20 * time.Millisecond)
	behind.send("GET", "none")
	release()
	behind.want("$-1\r\n")
	again := newWire(t, g.Dial(t))
	again.do("+OK\r\n", "AUTH", "slow", "secret")
	if s, _ := g.Server.Snapshot(time.Second); s.Closed["output"] != 1 {
		t.Fatalf("sessions cut for their output: %d; want 1", s.Closed["output"])
	}
	again.send("GET", "big")
	again.nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	again.r.Peek(16)
	if s, _ := g.Server.Snapshot(time.Second); s.Dedicated == 0 {
		t.Error("the slow user's next session works on the shared pipeline; want a connection of its own")
	}
}
