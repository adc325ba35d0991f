package proxy_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/policy"
	"redisgate/proxy"
)

// Whoever a certificate is, it is where the header says, not where the balancer is.
func TestCertificatesBehindAProxyHeader(t *testing.T) {
	g, _ := gate(t, gatetest.Options{
		Allow: []string{"203.0.113.0/24"}, ClientAuth: tls.VerifyClientCertIfGiven,
		Users: map[string]string{"app": "on ~* &* +@all", "near": "on >secret ~* &* +@all", "default": "on nopass ~* +@all"},
		People: map[string]gatetest.Person{
			"app":  {Certificates: []string{"CN:app"}, Allow: []string{"203.0.113.7"}},
			"near": {Certificates: []string{"CN:near"}, Allow: []string{"127.0.0.0/8"}, Bound: true},
		},
		Change: func(o *proxy.Options) {
			var err error
			if o.Balancers, err = policy.ParseNetworks([]string{"127.0.0.2"}); err != nil {
				t.Fatal(err)
			}
			o.BalancerTimeout = 5 * time.Second
		},
	})
	connect := func(client, cn string) *wire {
		nc := from(t, "127.0.0.2", g.TCP)
		if _, err := fmt.Fprintf(nc, "PROXY TCP4 %s 198.51.100.1 12345 6380\r\n", client); err != nil {
			t.Fatal(err)
		}
		c := tls.Client(nc, g.TLSWith(gatetest.Client(t, g.CA, gatetest.Named(cn))))
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		return newWire(t, c)
	}
	w := connect("203.0.113.7", "app")
	w.is("app")
	w.send("CLIENT", "INFO")
	if got := w.reply(); !strings.Contains(got, " addr=203.0.113.7:12345 ") {
		t.Errorf("CLIENT INFO = %q; want the address of the header", got)
	}
	connect("203.0.113.8", "app").is("")
	w = connect("203.0.113.8", "near")
	w.is("")
	w.do(wrongPass, "AUTH", "near", "secret")
	connect("203.0.113.8", "x").is("default")
	if s := doors(g); s.Auth["certificate"] != 1 || s.Auth["certificate_refused"] != 2 {
		t.Errorf("log-ins by certificate are %v; want one, and two refused", s.Auth)
	}
}

func TestCertificatesAreBoundAsTheirUsersConnections(t *testing.T) {
	g, _ := gate(t, gatetest.Options{
		Workers: 2, ClientAuth: tls.VerifyClientCertIfGiven,
		Users:  map[string]string{"app": "on >secret ~* &* +@all", "other": "on >secret ~* &* +@all", "default": "on nopass ~* +@all"},
		People: map[string]gatetest.Person{"app": {Certificates: []string{"CN:app"}, Most: 1}},
	})
	c := gatetest.Client(t, g.CA, gatetest.Named("app"))
	a := dialWith(t, g, c)
	a.is("app")
	b := dialWith(t, g, c)
	b.is("") // nor default
	b.do(noSeat, "AUTH", "app", "secret")
	b.is("")
	if s := doors(g); s.Auth["certificate"] != 1 || s.Auth["certificate_refused"] != 1 {
		t.Errorf("log-ins by certificate are %v; want one, and one refused", s.Auth)
	}
	if got := limitOf(g, "app"); got.Current != 1 || got.Refused != 2 {
		t.Errorf("app's connections are %+v; want one and two refused", got)
	}
	b.do("+OK\r\n", "AUTH", "other", "secret")
	b.do(wrongPass, "AUTH", "other", "wrong")
	b.is("")
	a.do("+OK\r\n", "QUIT")
	a.closed()
	eventually(t, func() bool { return limitOf(g, "app").Current == 0 })
	b.do("+RESET\r\n", "RESET")
	b.is("app")
	b.do("+OK\r\n", "AUTH", "other", "secret")
	b.do(wrongPass, "AUTH", "other", "wrong")
	b.is("app")
	if got := limitOf(g, "app"); got.Current != 1 {
		t.Errorf("app's connections are %+v; want one", got)
	}
}

// A hash that is slow to try counts with the certificate only, and what is not right
// leads back to the certificate, in a transaction too.
func TestSlowPasswordsWithCertificates(t *testing.T) {
	g, _ := gate(t, gatetest.Options{
		ClientAuth: tls.VerifyClientCertIfGiven,
		Users:      map[string]string{"ann": "on ~* &* +@all", "eve": "on >secret ~* &* +@all", "app": "on >secret ~* &* +@all"},
		People: map[string]gatetest.Person{
			"ann": {Certificates: []string{"CN:ann"}, Bound: true, Slow: "secret"},
			"eve": {Certificates: []string{"CN:eve"}, Bound: true},
		},
	})
	for _, cn := range []string{"", "x", "eve"} {
		var c *tls.Certificate
		if cn != "" {
			c = gatetest.Client(t, g.CA, gatetest.Named(cn))
		}
		w := dialWith(t, g, c)
		w.do(wrongPass, "AUTH", "ann", "secret")
		w.do("+OK\r\n", "AUTH", "app", "secret")
		w.do(wrongPass, "AUTH", "ann", "secret")
		if cn == "eve" {
			w.is("eve")
		} else {
			w.is("app")
		}
	}
	w := dialWith(t, g, gatetest.Client(t, g.CA, gatetest.Named("ann")))
	w.is("ann")
	w.do(wrongPass, "AUTH", "eve", "secret")
	w.do("+OK\r\n", "AUTH", "app", "secret")
	w.do("+OK\r\n", "AUTH", "ann", "secret")
	w.is("ann")
	w.do("+OK\r\n", "AUTH", "app", "secret")
	w.do("+OK\r\n", "MULTI")
	for _, q := range [][]string{
		{"ACL", "WHOAMI"},
		{"AUTH", "eve", "secret"},
		{"ACL", "WHOAMI"},
		{"AUTH", "app", "secret"},
		{"AUTH", "ann", "secret"},
		{"INCR", "n"},
		{"AUTH", "app", "secret"},
		{"HELLO", "2", "AUTH", "ann", "wrong"},
		{"ACL", "WHOAMI"},
	} {
		w.do("+QUEUED\r\n", q...)
	}
	w.do("*9\r\n$3\r\napp\r\n"+wrongPass+"$3\r\nann\r\n+OK\r\n+OK\r\n:1\r\n+OK\r\n"+wrongPass+"$3\r\nann\r\n", "EXEC")
	w.is("ann")
	w.do("+RESET\r\n", "RESET")
	w.is("ann")
}
