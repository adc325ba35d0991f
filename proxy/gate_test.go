package proxy_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/gatetest"
	"redisgate/internal/redistest"
	"redisgate/resp"
)

// wire is a client that speaks RESP by hand and reads replies whole.
type wire struct {
	t  testing.TB
	nc net.Conn
	r  *bufio.Reader
	f  resp.Framer
}

func newWire(t testing.TB, nc net.Conn) *wire {
	return &wire{t: t, nc: nc, r: bufio.NewReaderSize(nc, 64<<10)}
}

func (w *wire) send(args ...string) {
	w.t.Helper()
	w.raw(string(resp.AppendCommand(nil, args...)))
}

func (w *wire) raw(s string) {
	w.t.Helper()
	w.nc.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(w.nc, s); err != nil {
		w.t.Fatalf("writing to the gate: %v", err)
	}
}

// reply reads one reply, as it is on the wire.
func (w *wire) reply() string {
	w.t.Helper()
	var b strings.Builder
	w.nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		if _, err := w.r.Peek(1); err != nil {
			w.t.Fatalf("reading a reply after %q: %v", b.String(), err)
		}
		p, _ := w.r.Peek(w.r.Buffered())
		n, end, err := w.f.Next(p)
		if err != nil {
			w.t.Fatalf("reading a reply: %v", err)
		}
		b.Write(p[:n])
		w.r.Discard(n)
		if end {
			return b.String()
		}
	}
}

func (w *wire) want(reply string) {
	w.t.Helper()
	if got := w.reply(); got != reply {
		w.t.Fatalf("reply = %q; want %q", got, reply)
	}
}

// do sends one command and checks its reply.
func (w *wire) do(reply string, args ...string) {
	w.t.Helper()
	w.send(args...)
	if got := w.reply(); got != reply {
		w.t.Fatalf("%q = %q; want %q", args, got, reply)
	}
}

func (w *wire) closed() {
	w.t.Helper()
	w.nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	if b, err := w.r.ReadByte(); err == nil {
		rest, _ := w.r.Peek(w.r.Buffered())
		w.t.Fatalf("the connection is open and says %q", string(b)+string(rest))
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		w.t.Fatal("the connection stays open")
	}
}

func (w *wire) login() *wire {
	w.t.Helper()
	w.do("+OK\r\n", "AUTH", "app", "secret")
	return w
}

// gate starts a Redis and a gate in front of it.
func gate(t *testing.T, o gatetest.Options) (*gatetest.Gate, *redistest.Server) {
	t.Helper()
	rs := redistest.Start(t, redistest.Options{})
	o.Upstream = rs.Socket()
	return gatetest.Start(t, o), rs
}

func TestFirstWords(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Users: map[string]string{
		"app": "on >secret ~data:* -@all +@read +@write +ping +@connection",
	}})
	for name, nc := range map[string]net.Conn{"tls": g.Dial(t), "unix": g.DialPlain(t)} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, nc)
			w.do("-NOAUTH Authentication required.\r\n", "PING")
			w.do("-WRONGPASS invalid username-password pair or user is disabled.\r\n", "AUTH", "app", "wrong")
			w.login()
			w.do("+PONG\r\n", "PING")
			w.do("+OK\r\n", "SET", "data:1", "v")
			w.do("$1\r\nv\r\n", "GET", "data:1")
			w.do("-NOPERM No permissions to access a key\r\n", "GET", "other")
			w.do("-NOPERM User app has no permissions to run the 'config|get' command\r\n", "CONFIG", "GET", "x")
			w.do("-ERR unknown command 'NOPE', with args beginning with: 'a' \r\n", "NOPE", "a")
			w.do("-ERR wrong number of arguments for 'get' command\r\n", "GET")
			w.do("+OK\r\n", "QUIT")
			w.closed()
		})
	}
}

func TestGoRedis(t *testing.T) {
	g, _ := gate(t, gatetest.Options{})
	for _, proto := range []int{2, 3} {
		c := redistest.NewClient(t, &redis.Options{
			Addr: g.TCP, TLSConfig: g.TLS(), Username: "app", Password: "secret", Protocol: proto,
		})
		ctx := context.Background()
		if err := c.Set(ctx, "k", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if v, err := c.Get(ctx, "k").Result(); v != "v" || err != nil {
			t.Errorf("Get() = %q, %v; want v", v, err)
		}
		if _, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Incr(ctx, "n")
			p.HSet(ctx, "h", "f", "v")
			return nil
		}); err != nil {
			t.Errorf("TxPipelined() = %v", err)
		}
		if v, err := c.HGetAll(ctx, "h").Result(); v["f"] != "v" || err != nil {
			t.Errorf("HGetAll() = %v, %v", v, err)
		}
		sub := c.Subscribe(ctx, "news")
		if _, err := sub.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		c.Publish(ctx, "news", "hello")
		if m, err := sub.ReceiveMessage(ctx); err != nil || m.Payload != "hello" {
			t.Errorf("ReceiveMessage() = %v, %v", m, err)
		}
		sub.Close()
		go func() { time.Sleep(50 * time.Millisecond); c.LPush(ctx, "list", "x") }()
		if v, err := c.BLPop(ctx, 5*time.Second, "list").Result(); err != nil || len(v) != 2 {
			t.Errorf("BLPop() = %v, %v", v, err)
		}
		if v, err := c.Eval(ctx, "return KEYS[1]", []string{"a"}).Result(); v != "a" || err != nil {
			t.Errorf("Eval() = %v, %v", v, err)
		}
		if err := c.Watch(ctx, func(tx *redis.Tx) error {
			_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Set(ctx, "k", "w", 0); return nil })
			return err
		}, "k"); err != nil {
			t.Errorf("Watch() = %v", err)
		}
	}
}

// eventually waits for what another process or goroutine must bring about.
func eventually(t testing.TB, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it has not come about in 10 s")
		}
	}
}
