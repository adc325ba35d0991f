package tlsfeed

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// dialTo runs Client against a server of crypto/tls over loopback.
func dialTo(t *testing.T, version uint16, serve func(c *tls.Conn)) (*Dialed, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan bool)
	go func() {
		defer close(done)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
		serve(tls.Server(nc, serverConfig(version)))
	}()
	t.Cleanup(func() { <-done })
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return Client(ctx, nc, clientConfig(new(strings.Builder)))
}

// A client blocks first, and is fed by hand from some byte on; nothing is lost there.
func TestClientIsHandedOver(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		d, err := dialTo(t, version, func(c *tls.Conn) {
			r := bufio.NewReader(c)
			for _, answer := range []string{"one\n", "two\nthree\n", "four\n"} {
				if _, err := r.ReadString('\n'); err != nil {
					t.Errorf("the server reads %v", err)
					return
				}
				_, _ = io.WriteString(c, answer) // the second is read with the first line
			}
			_, _ = io.Copy(io.Discard, r)
		})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		r := make([]byte, 4)
		for _, want := range []string{"one\n", "two\n"} {
			_, _ = io.WriteString(d, "ask\n")
			if _, err := io.ReadFull(d, r); err != nil || string(r) != want {
				t.Fatalf("ReadFull() = %q, %v; want %q", r, err, want)
			}
		}
		nc, c := d.HandOver()
		var out []byte
		c.SetOutput(&out)
		if n, err := c.Read(r[:1]); n != 1 || err != nil || r[0] != 't' {
			t.Fatalf("the first Read() = %q, %v; want what TLS has read ahead", r[:n], err)
		}
		var got strings.Builder
		drain := func() {
			t.Helper()
			buf := make([]byte, 100)
			for {
				n, err := c.Read(buf)
				got.Write(buf[:n])
				if err == ErrWouldBlock {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		drain()
		if got.String() != "hree\n" {
			t.Errorf("then it reads %q; want %q", got.String(), "hree\n")
		}
		if err := c.Write([]byte("ask\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Write(out); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1000)
		for got.Reset(); got.String() != "four\n"; {
			_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
			n, err := nc.Read(buf)
			if err != nil {
				t.Fatalf("%v after %q", err, got.String())
			}
			c.Feed(buf[:n], 0)
			drain()
		}
	})
}

func TestClientEndsWithItsContext(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = b.Read(make([]byte, 1)) // the hello has begun
		cancel()
	}()
	if d, err := Client(ctx, a, clientConfig(new(strings.Builder))); d != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("Client() = %v, %v; want nothing and that it was cancelled", d, err)
	}
	if _, err := a.Write([]byte("x")); err == nil {
		t.Error("the socket is open after an error")
	}
}

func TestDialedCloses(t *testing.T) {
	read := make(chan error, 1)
	d, err := dialTo(t, tls.VersionTLS13, func(c *tls.Conn) {
		_, err := c.Read(make([]byte, 1))
		read <- err
	})
	if err != nil {
		t.Fatal(err)
	}
	if d.LocalAddr() == nil || d.RemoteAddr() == nil {
		t.Error("a connection has no addresses")
	}
	if err := d.Close(); err != nil {
		t.Errorf("Close() = %v; want no error", err)
	}
	if err := <-read; err != io.EOF {
		t.Errorf("the server reads %v; want EOF by close_notify", err)
	}
}
