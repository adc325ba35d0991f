package proxy_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/internal/redistest"
	"redisgate/policy"
	"redisgate/proxy"
)

// behind has a gate believe the headers of 127.0.0.2 and ::1, and admit 203.0.113.0/24,
// 2001:db8::/32 and 127.0.0.3.
func behind(t *testing.T, change func(*proxy.Options)) (g *gatetest.Gate, six string) {
	t.Helper()
	listener, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		redistest.Skip(t, "this machine has no ::1: %v", err)
	}
	g, _ = gate(t, gatetest.Options{
		Allow: []string{"203.0.113.0/24", "2001:db8::/32", "127.0.0.3"}, Deny: []string{"203.0.113.66"},
		Change: func(o *proxy.Options) {
			o.Listeners = append(o.Listeners, listener)
			if o.Balancers, err = policy.ParseNetworks([]string{"127.0.0.2", "::1"}); err != nil {
				t.Fatal(err)
			}
			o.BalancerTimeout = 5 * time.Second
			if change != nil {
				change(o)
			}
		},
	})
	return g, listener.Addr().String()
}

// from connects from one of this machine's addresses.
func from(t *testing.T, source, to string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(source), 0)), Timeout: 10 * time.Second}
	nc, err := d.Dial("tcp", to)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		redistest.Skip(t, "this machine has no address %s", source)
	}
	if err != nil {
		t.Fatalf("connecting from %s: %v", source, err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	return nc
}

// say writes a header; the gate may have closed already.
func say(nc net.Conn, pieces ...string) {
	for _, p := range pieces {
		if _, err := io.WriteString(nc, p); err != nil {
			return
		}
	}
}

func secure(t *testing.T, g *gatetest.Gate, nc net.Conn) *wire {
	t.Helper()
	c := tls.Client(nc, g.TLS())
	if err := c.Handshake(); err != nil {
		t.Fatalf("the handshake behind the header: %v", err)
	}
	return newWire(t, c)
}

func refused(t *testing.T, g *gatetest.Gate, nc net.Conn) {
	t.Helper()
	if err := tls.Client(nc, g.TLS()).Handshake(); err == nil {
		t.Error("the handshake succeeds; want the connection closed")
	}
}

func doors(g *gatetest.Gate) (s proxy.Snapshot) {
	s, _ = g.Server.Snapshot(10 * time.Second)
	return s
}

const (
	signature2 = "\r\n\r\n\x00\r\nQUIT\n"
	header4    = "PROXY TCP4 203.0.113.7 198.51.100.1 12345 6380\r\n"
)

func TestProxyHeaderIsTheClient(t *testing.T) {
	g, six := behind(t, nil)
	mapped := strings.Repeat("\x00", 10) + "\xff\xff"
	for _, c := range []struct{ name, source, to, header, client string }{
		{"v1", "127.0.0.2", g.TCP, header4, "203.0.113.7:12345"},
		{"v1 IPv6", "::1", six, "PROXY TCP6 2001:db8::7 2001:db8::1 12345 6380\r\n", "[2001:db8::7]:12345"},
		{"v2", "127.0.0.2", g.TCP, signature2 + "\x21\x11\x00\x0c\xcb\x00\x71\x08\x0a\x00\x00\x01\x30\x39\x18\xec", "203.0.113.8:12345"},
		{"v2 mapped, with a TLV", "::1", six, signature2 + "\x21\x21\x00\x28" + mapped + "\xcb\x00\x71\x09" + mapped + "\x0a\x00\x00\x01\x30\x39\x18\xec" + "\x04\x00\x01\x00", "203.0.113.9:12345"},
	} {
		t.Run(c.name, func(t *testing.T) {
			nc := from(t, c.source, c.to)
			say(nc, c.header)
			w := secure(t, g, nc)
			w.do("-WRONGPASS invalid username-password pair or user is disabled.\r\n", "AUTH", "app", "wrong")
			w.login()
			w.send("CLIENT", "INFO")
			if got := w.reply(); !strings.Contains(got, " addr="+c.client+" ") {
				t.Errorf("CLIENT INFO = %q; want addr=%s", got, c.client)
			}
			w.send("ACL", "LOG", "1")
			if got := w.reply(); !strings.Contains(got, " addr="+c.client+" ") {
				t.Errorf("ACL LOG = %q; want addr=%s", got, c.client)
			}
		})
	}
}

func TestProxyHeaderDecidesAdmission(t *testing.T) {
	g, _ := behind(t, nil)
	for n, address := range []string{"203.0.113.66", "192.0.2.1", "127.0.0.2"} {
		nc := from(t, "127.0.0.2", g.TCP)
		say(nc, fmt.Sprintf("PROXY TCP4 %s 10.0.0.1 1 2\r\n", address))
		refused(t, g, nc)
		eventually(t, func() bool { return doors(g).DeniedAddress == uint64(n+1) })
	}
	if n := doors(g).Connections; n != 0 {
		t.Errorf("%d connections are counted; want 0", n)
	}
	secure(t, g, from(t, "127.0.0.3", g.TCP)).login() // one that comes without a balancer
}

func TestProxyHeaderIsBelievedFromListedPeersOnly(t *testing.T) {
	g, _ := behind(t, nil)
	// Whoever is admitted but no balancer sends no TLS that way.
	nc := from(t, "127.0.0.3", g.TCP)
	say(nc, header4)
	refused(t, g, nc)
	eventually(t, func() bool { return doors(g).HandshakeFailed == 1 })
	// And whoever is neither is not read at all.
	nc = from(t, "127.0.0.4", g.TCP)
	say(nc, header4)
	refused(t, g, nc)
	eventually(t, func() bool { return doors(g).DeniedAddress == 1 })
	if s := doors(g); s.ProxyHeader != 0 || s.Auth["ok"] != 0 {
		t.Errorf("%d headers were looked at; want none", s.ProxyHeader)
	}
}

func TestProxyHeaderIsRequired(t *testing.T) {
	g, _ := behind(t, nil)
	for n, header := range []string{
		"", // a client hello where the header should be
		"PROXY TCP4 203.0.113.7 198.51.100.1 12345\r\n",
		"PROXY TCP4 203.0.113.007 198.51.100.1 12345 6380\r\n",
		"PROXY TCP4 " + strings.Repeat("9", 200),
		signature2 + "\x21\x12\x00\x0c\xcb\x00\x71\x08\x0a\x00\x00\x01\x30\x39\x18\xec", // UDP
		signature2 + "\x31\x11\x00\x0c\xcb\x00\x71\x08\x0a\x00\x00\x01\x30\x39\x18\xec", // version 3
		signature2 + "\x21\x11\xff\xff\xcb\x00\x71\x08\x0a\x00\x00\x01\x30\x39\x18\xec", // 64 KB of it
		"GET / HTTP/1.1\r\nHost: gate\r\n\r\n",
	} {
		nc := from(t, "127.0.0.2", g.TCP)
		say(nc, header)
		refused(t, g, nc)
		eventually(t, func() bool { s := doors(g); return s.ProxyHeader == uint64(n+1) && s.Connections == 0 })
	}
	if s := doors(g); s.Accepted != 0 || s.HandshakeFailed != 0 {
		t.Errorf("%d accepted, %d handshakes failed; want none as far as that", s.Accepted, s.HandshakeFailed)
	}
}

func TestProxyHeaderInPieces(t *testing.T) {
	g, _ := behind(t, nil)
	v2 := signature2 + "\x21\x11\x00\x0c\xcb\x00\x71\x08\x0a\x00\x00\x01\x30\x39\x18\xec"
	for _, header := range []string{header4, v2} {
		// Each write is a segment of its own: package net sets TCP_NODELAY.
		nc := from(t, "127.0.0.2", g.TCP)
		say(nc, strings.Split(header, "")...)
		secure(t, g, nc).login()
	}
}

// What follows the header in the same segment is the client's hello, and read as such.
func TestProxyHeaderAndHelloInOneSegment(t *testing.T) {
	g, _ := behind(t, nil)
	nc := from(t, "127.0.0.2", g.TCP)
	secure(t, g, &prefixed{Conn: nc, first: header4}).login()
}

// prefixed writes first together with the first write.
type prefixed struct {
	net.Conn
	first string
}

func (p *prefixed) Write(b []byte) (int, error) {
	_, err := p.Conn.Write(append([]byte(p.first), b...))
	p.first = ""
	return len(b), err
}

func TestProxyHeaderOfTheBalancerItself(t *testing.T) {
	g, _ := behind(t, nil)
	for _, header := range []string{
		"PROXY UNKNOWN\r\n", "PROXY UNKNOWN 203.0.113.7 198.51.100.1 1 2\r\n",
		signature2 + "\x20\x00\x00\x00", signature2 + "\x20\x11\x00\x0c\xcb\x00\x71\x08\x0a\x00\x00\x01\x30\x39\x18\xec",
	} {
		nc := from(t, "127.0.0.2", g.TCP)
		say(nc, header)
		if b, err := io.ReadAll(nc); len(b) > 0 || err != nil {
			t.Errorf("after %q the gate says %q, %v; want it closed", header, b, err)
		}
	}
	from(t, "127.0.0.2", g.TCP).Close() // without a byte
	eventually(t, func() bool { return doors(g).Connections == 0 })
	if s := doors(g); s.ProxyHeader != 0 || s.Accepted != 0 || s.DeniedAddress != 0 {
		t.Errorf("%+v; want no failure, and nobody accepted", s)
	}
}

func TestProxyHeaderHasADeadline(t *testing.T) {
	g, _ := behind(t, func(o *proxy.Options) { o.BalancerTimeout = 50 * time.Millisecond })
	for n, header := range []string{"", header4[:len(header4)-1], signature2} {
		nc := from(t, "127.0.0.2", g.TCP)
		say(nc, header)
		if b, err := io.ReadAll(nc); len(b) > 0 || err != nil {
			t.Errorf("after %q the gate says %q, %v; want it closed", header, b, err)
		}
		eventually(t, func() bool { s := doors(g); return s.ProxyHeader == uint64(n+1) && s.Connections == 0 })
	}
}

// The places that are kept for administrators are theirs behind a balancer too.
func TestProxyHeaderCountsTowardsTheLimit(t *testing.T) {
	g, _ := behind(t, func(o *proxy.Options) {
		o.MaxConnections = 2
		o.Admin, _ = policy.ParseNetworks([]string{"203.0.113.9"})
	})
	connect := func(address string) net.Conn {
		nc := from(t, "127.0.0.2", g.TCP)
		say(nc, fmt.Sprintf("PROXY TCP4 %s 10.0.0.1 1 2\r\n", address))
		return nc
	}
	for _, address := range []string{"203.0.113.1", "203.0.113.2"} {
		secure(t, g, connect(address)).login()
	}
	refused(t, g, connect("203.0.113.3"))
	eventually(t, func() bool { return doors(g).OverLimit == 1 })
	secure(t, g, connect("203.0.113.9")).login()
}
