package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestOnlyLoopback: the address is judged after it was resolved, at each dial.
func TestOnlyLoopback(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	go func() {
		for {
			nc, err := tcp.Accept()
			if err != nil {
				return
			}
			nc.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(tcp.Addr().String())
	moved := 0
	names := map[string]func() string{
		"here":   func() string { return "127.0.0.1" },
		"there":  func() string { return "198.51.100.1" },
		"both":   func() string { return "127.0.0.1 198.51.100.1" },
		"mapped": func() string { return "::ffff:127.0.0.1" },
		"remote": func() string { return "::ffff:198.51.100.1" },
		"any":    func() string { return "0.0.0.0" },
		"nobody": func() string { return "" },
		"moved": func() string {
			if moved++; moved == 1 {
				return "127.0.0.1"
			}
			return "198.51.100.1"
		},
	}
	lookup := func(_ context.Context, _, host string) (out []netip.Addr, err error) {
		if a, err := netip.ParseAddr(host); err == nil {
			return []netip.Addr{a}, nil
		}
		for _, a := range strings.Fields(names[host]()) {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, nil
	}
	const refused = "not loopback"
	for _, tt := range []struct{ host, want string }{
		{"127.0.0.1", ""},
		{"here", ""},
		{"mapped", ""},
		{"moved", ""},
		{"moved", refused},
		{"198.51.100.1", refused},
		{"there", refused},
		{"both", refused},
		{"remote", refused},
		{"any", refused},
		{"0.0.0.0", refused},
		{"::", refused},
		{"10.0.0.1", refused},
		{"nobody", "no address"},
	} {
		d := &Dialer{Network: "tcp", Address: net.JoinHostPort(tt.host, port), Timeout: patience, lookup: lookup}
		nc, err := d.DialRaw(context.Background())
		if nc != nil {
			nc.Close()
		}
		if tt.want == "" && (nc == nil || err != nil) || tt.want != "" && (nc != nil || err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("DialRaw() to %s = %v, %v; want an error with %q", tt.host, nc, err, tt.want)
		}
	}
	d := &Dialer{Network: "tcp", Address: net.JoinHostPort("localhost", port), Timeout: patience}
	if nc, err := d.DialRaw(context.Background()); err != nil {
		t.Errorf("DialRaw() to localhost = %v; want no error", err)
	} else {
		nc.Close()
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	d = &Dialer{Network: "tcp", Address: net.JoinHostPort("there", port), Timeout: patience, Remote: true, lookup: lookup}
	if _, err := d.DialRaw(ctx); err == nil || strings.Contains(err.Error(), refused) {
		t.Errorf("DialRaw() to a permitted remote address = %v; want only its dial to fail", err)
	}
}

// TestSilentRedis: a server that accepts and says nothing costs one time-out.
func TestSilentRedis(t *testing.T) {
	s := newScripted(t)
	d := &Dialer{Network: "unix", Address: s.path, Timeout: 50 * time.Millisecond}
	nc, err := d.Dial(context.Background(), Key{Proto: 2})
	var ne net.Error
	if nc != nil || !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("Dial() = %v, %v; want a time-out", nc, err)
	}
	s.accept().want("PING").ended()
}

// TestEndlessGreeting: an answer to HELLO is not read for ever.
func TestEndlessGreeting(t *testing.T) {
	s := newScripted(t)
	d := &Dialer{Network: "unix", Address: s.path, Timeout: patience}
	done := make(chan error, 1)
	go func() {
		_, err := d.Dial(context.Background(), Key{Proto: 3})
		done <- err
	}()
	redis := s.accept().want("HELLO", "3")
	redis.nc.SetWriteDeadline(time.Now().Add(patience))
	redis.say("*1000\r\n")
	for range 100 {
		if _, err := redis.nc.Write([]byte("$4096\r\n" + strings.Repeat("x", 4096) + "\r\n")); err != nil {
			break
		}
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("Dial() with an endless answer = %v; want one that says so", err)
	}
}
