package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/gatetest"
	"redisgate/internal/redistest"
	"redisgate/proxy"
	"redisgate/tlsconf"
	"redisgate/upstream"
)

// secureRedis is a Redis that listens with TLS, and what a client of it needs.
type secureRedis struct {
	*redistest.Server
	ca           *tlsconf.Authority
	caFile       string
	cert, key    string // a client's
	strangerFile string // of another authority
}

func newSecureRedis(t *testing.T, args ...string) *secureRedis {
	t.Helper()
	dir, now := t.TempDir(), time.Now()
	s := &secureRedis{
		caFile: filepath.Join(dir, "ca.crt"), cert: filepath.Join(dir, "client.crt"), key: filepath.Join(dir, "client.key"),
		strangerFile: filepath.Join(dir, "stranger.crt"),
	}
	var err error
	if s.ca, err = tlsconf.NewAuthority("Redis's CA", now, time.Hour); err != nil {
		t.Fatal(err)
	}
	server, err1 := s.ca.Server([]string{"redis.example.com"}, now, time.Hour)
	client, err2 := s.ca.Client("redisgate", now, time.Hour)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	write := func(path string, data []byte, err error) {
		t.Helper()
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	files := redistest.TLS{Cert: filepath.Join(dir, "server.crt"), Key: filepath.Join(dir, "server.key"), CA: s.caFile}
	write(s.caFile, s.ca.CertPEM(), nil)
	write(s.strangerFile, anotherAuthority(t).CertPEM(), nil)
	write(files.Cert, server.CertPEM(), nil)
	write(s.cert, client.CertPEM(), nil)
	key, err := server.KeyPEM()
	write(files.Key, key, err)
	key, err = client.KeyPEM()
	write(s.key, key, err)
	s.Server = redistest.Start(t, redistest.Options{TLS: &files, Args: args})
	s.Do("CONFIG", "SET", "tls-auth-clients", "yes") // not before: the harness has no certificate
	return s
}

// gate runs a redisgate in front of it, by TLS.
func (s *secureRedis) gate(t *testing.T, o tlsconf.ClientOptions) *gatetest.Gate {
	t.Helper()
	o.Now = time.Now()
	loaded, err := tlsconf.LoadClient(o)
	if err != nil {
		t.Fatal(err)
	}
	return gatetest.Start(t, gatetest.Options{
		Upstream: s.TLSAddr(),
		Change: func(po *proxy.Options) {
			po.Dialer.TLS = func() *tls.Config { return loaded.Config }
			po.Limits.OutputTimeout = 5 * time.Second
		},
	})
}

// Everything that goes over a plain connection to Redis goes over TLS, of both
// versions.
func TestRedisByTLS(t *testing.T) {
	for _, version := range []string{"TLSv1.2", "TLSv1.3"} {
		t.Run(version, func(t *testing.T) {
			s := newSecureRedis(t, "--tls-protocols", version)
			g := s.gate(t, tlsconf.ClientOptions{CA: s.caFile, Cert: s.cert, Key: s.key, ServerName: "redis.example.com"})
			ctx := context.Background()
			c := redistest.NewClient(t, &redis.Options{Addr: g.TCP, TLSConfig: g.TLS(), Username: "app", Password: "secret"})
			for _, size := range []int{0, 1, 16 << 10, 64 << 10, 64<<10 + 1, 1 << 20, 5 << 20} {
				want := strings.Repeat(fmt.Sprint(size), size/len(fmt.Sprint(size))+1)[:size]
				if err := c.Set(ctx, "k", want, 0).Err(); err != nil {
					t.Fatalf("SET of %d bytes = %v", size, err)
				}
				if got, err := c.Get(ctx, "k").Result(); err != nil || got != want {
					t.Fatalf("GET of %d bytes = %d bytes, %v", size, len(got), err)
				}
			}
			var clients sync.WaitGroup
			for i := range 30 {
				clients.Go(func() {
					key := fmt.Sprint("n", i)
					p := c.Pipeline()
					var last *redis.IntCmd
					for range 500 {
						last = p.Incr(ctx, key)
					}
					if _, err := p.Exec(ctx); err != nil || last.Val() != 500 {
						t.Errorf("the last INCR of a pipeline = %d, %v; want 500", last.Val(), err)
					}
					if v, err := c.BLPop(ctx, time.Millisecond, "none"+key).Result(); err != redis.Nil {
						t.Errorf("BLPOP = %v, %v; want nil", v, err)
					}
				})
			}
			clients.Wait()
			sub := c.Subscribe(ctx, "news")
			defer sub.Close()
			if _, err := sub.Receive(ctx); err != nil {
				t.Fatal(err)
			}
			c.Publish(ctx, "news", "hello")
			if m, err := sub.ReceiveMessage(ctx); err != nil || m.Payload != "hello" {
				t.Errorf("ReceiveMessage() = %v, %v", m, err)
			}

			// A wait that is ended half-closes, below TLS.
			w := newWire(t, g.Dial(t)).login()
			w.send("CLIENT", "ID")
			id := strings.TrimSpace(w.reply()[1:])
			w.send("BLPOP", "list", "0")
			other := newWire(t, g.Dial(t)).login()
			eventually(t, func() bool {
				other.send("CLIENT", "UNBLOCK", id)
				return other.reply() == ":1\r\n"
			})
			w.want("*-1\r\n")
			other.do(":1\r\n", "RPUSH", "list", "x")
			w.do("*2\r\n$4\r\nlist\r\n$1\r\nx\r\n", "BLPOP", "list", "0")

			s.Kill9()
			eventually(t, func() bool { return c.Ping(ctx).Err() != nil })
			s.Restart()
			eventually(t, func() bool { return c.Ping(ctx).Err() == nil })
		})
	}
}

// What Redis's certificate must be, and what redisgate's own.
func TestRedisByTLSIsVerified(t *testing.T) {
	s := newSecureRedis(t)
	good := tlsconf.ClientOptions{CA: s.caFile, Cert: s.cert, Key: s.key, ServerName: "redis.example.com"}
	for name, test := range map[string]struct {
		change func(o *tlsconf.ClientOptions)
		want   string // of the error; in TLS 1.3 Redis refuses after its handshake, perhaps while something is written
	}{
		"good":              {func(*tlsconf.ClientOptions) {}, ""},
		"by address":        {func(o *tlsconf.ClientOptions) { o.ServerName = "127.0.0.1" }, ""},
		"another name":      {func(o *tlsconf.ClientOptions) { o.ServerName = "other.example.com" }, "not other.example.com"},
		"another authority": {func(o *tlsconf.ClientOptions) { o.CA = s.strangerFile }, "unknown authority"},
		"the system's":      {func(o *tlsconf.ClientOptions) { o.CA = "" }, "unknown authority"},
		"no certificate":    {func(o *tlsconf.ClientOptions) { o.Cert, o.Key = "", "" }, "certificate required|reset by peer|broken pipe"},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			o.Now = time.Now()
			test.change(&o)
			loaded, err := tlsconf.LoadClient(o)
			if err != nil {
				t.Fatal(err)
			}
			d := &upstream.Dialer{Network: "tcp", Address: s.TLSAddr(), Timeout: 10 * time.Second, TLS: func() *tls.Config { return loaded.Config }}
			err = upstream.NewControl(d).Check(context.Background())
			if (err == nil) != (test.want == "") || err != nil && !regexp.MustCompile(test.want).MatchString(err.Error()) {
				t.Errorf("Check() = %v; want %q", err, test.want)
			}
		})
	}
}

// TLS to a Redis that does not speak it ends with the dial's time.
func TestRedisWithoutTLS(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{TCP: true})
	d := &upstream.Dialer{Network: "tcp", Address: rs.Addr(), Timeout: 300 * time.Millisecond, TLS: func() *tls.Config {
		return &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}
	}}
	if nc, err := d.Dial(context.Background(), upstream.Key{Proto: 2}); err == nil {
		nc.Close()
		t.Error("Dial() by TLS to a plain port = nil; want an error")
	}
}

// MONITOR and replication are passed on as they come out of TLS, however its records cut
// them.
func TestStreamsOfRedisByTLS(t *testing.T) {
	for _, version := range []string{"TLSv1.2", "TLSv1.3"} {
		t.Run(version, func(t *testing.T) {
			s := newSecureRedis(t, "--tls-protocols", version, "--rdbcompression", "no")
			g := s.gate(t, tlsconf.ClientOptions{CA: s.caFile, Cert: s.cert, Key: s.key, ServerName: "redis.example.com"})
			g.Store.Swap(gatetest.BuildUsers(t, map[string]string{"app": "on >secret ~* &* +@all +monitor +sync"}, nil))
			c := newWire(t, g.Dial(t)).login()
			big := strings.Repeat("0123456789abcdef", 200<<10)
			c.do("+OK\r\n", "SET", "big", big)

			m := newWire(t, g.Dial(t)).login()
			m.do("+OK\r\n", "MONITOR")
			replica := newWire(t, g.Dial(t)).login()
			replica.send("SYNC")
			head := "\n"
			for head == "\n" { // Redis's sign of life while it saves
				var err error
				if head, err = replica.r.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			var size int
			if _, err := fmt.Sscanf(head, "$%d\r\n", &size); err != nil || size < len(big) {
				t.Fatalf("SYNC = %q, %v; want a snapshot of more than %d bytes", head, err, len(big))
			}
			snapshot := make([]byte, size)
			if _, err := io.ReadFull(replica.r, snapshot); err != nil || !bytes.Contains(snapshot, []byte(big)) {
				t.Fatalf("the snapshot lacks the value: %v", err)
			}
			for i := range 300 {
				c.do("+OK\r\n", "SET", "k", fmt.Sprint(i))
			}
			for _, want := range []struct {
				w           *wire
				first, last string
			}{
				{m, `"SET" "k" "0"`, `"SET" "k" "299"`},
				{replica, "$3\r\nSET\r\n$1\r\nk\r\n$1\r\n0\r\n", "$3\r\nSET\r\n$1\r\nk\r\n$3\r\n299\r\n"},
			} {
				got := ""
				for !strings.Contains(got, want.last) {
					line, err := want.w.r.ReadString('\n')
					if got += line; err != nil {
						t.Fatalf("after %d bytes: %v; want %q", len(got), err, want.last)
					}
				}
				if !strings.Contains(got, want.first) || strings.Count(got, "SET") != 300 {
					t.Errorf("%d commands came; want 300, from %q on", strings.Count(got, "SET"), want.first)
				}
			}
		})
	}
}
