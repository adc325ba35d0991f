package proxy_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/internal/redistest"
	"redisgate/tlsconf"
)

// dialWith connects with a certificate; nil is none.
func dialWith(t testing.TB, g *gatetest.Gate, c *tls.Certificate) *wire {
	t.Helper()
	conf := g.TLS()
	if c != nil {
		conf = g.TLSWith(c)
	}
	nc, err := tls.Dial("tcp", g.TCP, conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return newWire(t, nc)
}

const (
	noAuth    = "-NOAUTH Authentication required.\r\n"
	wrongPass = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
)

// is checks as whom a client acts; "" is nobody.
func (w *wire) is(user string) {
	w.t.Helper()
	if user == "" {
		w.do(noAuth, "ACL", "WHOAMI")
		return
	}
	w.do(fmt.Sprintf("$%d\r\n%s\r\n", len(user), user), "ACL", "WHOAMI")
}

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestCertificatesOverTLS(t *testing.T) {
	people := map[string]gatetest.Person{
		"cn":     {Certificates: []string{"CN:app"}},
		"dns":    {Certificates: []string{"DNS:app.internal", "DNS:*.web.internal"}},
		"uri":    {Certificates: []string{"URI:spiffe://prod/app", "URI:spiffe://prod/*/api"}},
		"email":  {Certificates: []string{"EMAIL:app@example.com"}},
		"off":    {Certificates: []string{"CN:off"}},
		"away":   {Certificates: []string{"CN:away"}, Allow: []string{"10.0.0.0/8"}},
		"bound":  {Certificates: []string{"CN:bound"}, Bound: true},
		"absent": {Allow: []string{"10.0.0.0/8"}},
	}
	rules := map[string]string{"default": "on nopass ~* +@all", "pw": "on >secret ~* &* +@all"}
	for name := range people {
		rules[name] = "on ~* &* +@all"
	}
	rules["off"], rules["bound"], rules["absent"] = "off ~* +@all", "on >secret ~* +@all", "on >secret ~* +@all"
	g, _ := gate(t, gatetest.Options{Users: rules, People: people, ClientAuth: tls.VerifyClientCertIfGiven})
	client := func(c *x509.Certificate) *tls.Certificate { return gatetest.Client(t, g.CA, c) }

	for _, test := range []struct {
		name string
		c    *x509.Certificate // nil: none
		user string
	}{
		{"none", nil, "default"},
		{"nobody's", gatetest.Named("x"), "default"},
		{"common name", gatetest.Named("app"), "cn"},
		{"common name in other letters", gatetest.Named("App"), "default"},
		{"host name without a common name", &x509.Certificate{DNSNames: []string{"APP.internal"}}, "dns"},
		{"a label of a host name", &x509.Certificate{DNSNames: []string{"one.web.internal"}}, "dns"},
		{"a wildcard certificate", &x509.Certificate{DNSNames: []string{"*.web.internal"}}, "default"},
		{"two labels", &x509.Certificate{DNSNames: []string{"a.b.web.internal"}}, "default"},
		{"URI", &x509.Certificate{URIs: []*url.URL{mustURL(t, "spiffe://prod/app")}}, "uri"},
		{"a part of a URI", &x509.Certificate{URIs: []*url.URL{mustURL(t, "spiffe://prod/one/api")}}, "uri"},
		{"another URI", &x509.Certificate{URIs: []*url.URL{mustURL(t, "spiffe://prod/one/two/api")}}, "default"},
		{"e-mail", &x509.Certificate{EmailAddresses: []string{"app@EXAMPLE.com"}}, "email"},
		{"several names of one user", &x509.Certificate{DNSNames: []string{"app.internal", "x.web.internal", "other"}}, "dns"},
		{"two users", &x509.Certificate{Subject: pkix.Name{CommonName: "app"}, DNSNames: []string{"app.internal"}}, ""},
		{"two common names", &x509.Certificate{Subject: pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "x"}, {Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "app"},
		}}}, ""},
		{"one who is off", gatetest.Named("off"), ""},
		{"from outside of the user's addresses", gatetest.Named("away"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c *tls.Certificate
			if test.c != nil {
				c = client(test.c)
			}
			w := dialWith(t, g, c)
			w.is(test.user)
			w.do(wrongPass, "AUTH", "pw", "wrong")
			w.is(test.user)
			w.do("+OK\r\n", "AUTH", "pw", "secret")
			w.is("pw")
			w.do(wrongPass, "AUTH", "absent", "secret")
			if test.user == "default" || test.user == "" {
				w.is("pw") // as in Redis
			} else {
				w.is(test.user)
			}
			w.do("+RESET\r\n", "RESET")
			w.is(test.user)
			w.do(wrongPass, "AUTH", "bound", "secret")
			w.is(test.user)
		})
	}

	t.Run("a password with its certificate", func(t *testing.T) {
		w := dialWith(t, g, client(gatetest.Named("bound")))
		w.is("bound")
		w.do("+OK\r\n", "AUTH", "pw", "secret")
		w.do("+OK\r\n", "AUTH", "bound", "secret")
		w.is("bound")
		w.do(wrongPass, "AUTH", "bound", "wrong")
		w.is("bound")
	})

	t.Run("no password reaches who has none", func(t *testing.T) {
		for _, c := range []*tls.Certificate{nil, client(gatetest.Named("app"))} {
			w := dialWith(t, g, c)
			for _, password := range []string{"", "secret", "cn", "app"} {
				w.do(wrongPass, "AUTH", "cn", password)
			}
		}
	})

	// What crypto/tls must refuse, whatever it names.
	for name, c := range map[string]*tls.Certificate{
		"expired":       client(&x509.Certificate{Subject: pkix.Name{CommonName: "app"}, NotAfter: time.Now().Add(-time.Minute)}),
		"not yet valid": client(&x509.Certificate{Subject: pkix.Name{CommonName: "app"}, NotBefore: time.Now().Add(30 * time.Minute)}),
		"self-signed":   gatetest.Client(t, nil, gatetest.Named("app")),
		"another CA":    gatetest.Client(t, anotherAuthority(t), gatetest.Named("app")),
	} {
		t.Run(name, func(t *testing.T) { noSession(t, g.TCP, g.TLSWith(c)) })
	}

	snap, ok := g.Server.Snapshot(10 * time.Second)
	if !ok || snap.Counts.Certificates["dns"] != 3 || snap.Counts.Certificates["cn"] != 2 || snap.Auth["certificate"] != 9 || snap.Auth["certificate_refused"] != 4 {
		t.Errorf("counts are %v and %v; want 3 of dns, 2 of cn, 9 in all, and 4 refused", snap.Counts.Certificates, snap.Auth)
	}
}

func anotherAuthority(t testing.TB) *tlsconf.Authority {
	t.Helper()
	ca, err := tlsconf.NewAuthority("another CA", time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// noSession checks that a client gets no session. In TLS 1.3 it learns that when it reads.
func noSession(t testing.TB, addr string, conf *tls.Config) {
	t.Helper()
	nc, err := tls.Dial("tcp", addr, conf)
	if err != nil {
		return
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = nc.Write([]byte("PING\r\n"))
	if n, err := nc.Read(make([]byte, 100)); err == nil || !strings.Contains(err.Error(), "remote error: tls: ") {
		t.Errorf("the client reads %d bytes, %v; want an alert", n, err)
	}
}

// A session that a certificate has begun follows its user.
func TestSessionsOfCertificatesFollowTheirUsers(t *testing.T) {
	people := map[string]gatetest.Person{"a": {Certificates: []string{"CN:a"}}, "b": {Certificates: []string{"CN:b"}}, "bound": {Certificates: []string{"CN:bound"}, Bound: true}}
	rules := map[string]string{"a": "on ~* &* +@all", "b": "on ~* &* +@all", "bound": "on >secret ~* &* +@all", "pw": "on >secret ~* &* +@all"}
	g, _ := gate(t, gatetest.Options{Users: rules, People: people, ClientAuth: tls.RequireAndVerifyClientCert})
	a, b := dialWith(t, g, gatetest.Client(t, g.CA, gatetest.Named("a"))), dialWith(t, g, gatetest.Client(t, g.CA, gatetest.Named("b")))
	bound := dialWith(t, g, gatetest.Client(t, g.CA, gatetest.Named("bound")))
	free := dialWith(t, g, gatetest.Client(t, g.CA, gatetest.Named("bound")))
	a.is("a")
	b.is("b")
	bound.do("+OK\r\n", "AUTH", "bound", "secret")
	free.do("+OK\r\n", "AUTH", "pw", "secret")

	// The certificate of a is b's from now on, and that of b is nobody's.
	g.Store.Swap(gatetest.BuildPeople(t, rules, map[string]gatetest.Person{"b": {Certificates: []string{"CN:a"}}, "bound": {Certificates: []string{"CN:other"}, Bound: true}}))
	for _, w := range []*wire{a, b, bound} {
		w.send("PING")
		w.closed()
	}
	free.is("pw")
	free.do("+RESET\r\n", "RESET")
	free.is("")
}

// TestCertificatesOfOpenSSL makes them with openssl, and logs in with redis-cli.
func TestCertificatesOfOpenSSL(t *testing.T) {
	redistest.RequireTool(t, "openssl")
	redistest.RequireTool(t, "redis-cli")
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	openssl := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
			t.Fatalf("openssl %s: %v\n%s", args[0], err, out)
		}
	}
	// The gate's authority signs what openssl has asked for.
	var sums []string
	people := map[string]gatetest.Person{"cn": {Certificates: []string{"CN:app one"}}, "uri": {Certificates: []string{"URI:spiffe://prod/*"}}, "sum": {}}
	rules := map[string]string{"cn": "on ~* +@all", "uri": "on ~* +@all", "sum": "on ~* +@all"}
	g, _ := gate(t, gatetest.Options{Users: rules, People: people, ClientAuth: tls.RequireAndVerifyClientCert})
	key, err := g.CA.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("ca.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, subject, extension string }{
		{"cn", "/O=Example/CN=app one", "subjectAltName=DNS:elsewhere"},
		{"uri", "/O=Example", "subjectAltName=URI:spiffe://prod/app,URI:https://example.com/x"},
		{"sum", "/CN=nobody", "extendedKeyUsage=clientAuth"},
	} {
		openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", c.subject, "-keyout", at(c.name+".key"), "-out", at(c.name+".csr"))
		if err := os.WriteFile(at("ext"), []byte(c.extension+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		openssl("x509", "-req", "-in", at(c.name+".csr"), "-CA", g.CAFile, "-CAkey", at("ca.key"), "-days", "1", "-extfile", at("ext"),
			"-set_serial", fmt.Sprint(1000+len(sums)), "-out", at(c.name+".crt"))
		out, err := exec.Command("openssl", "x509", "-in", at(c.name+".crt"), "-noout", "-fingerprint", "-sha256").Output()
		if err != nil {
			t.Fatal(err)
		}
		_, sum, _ := strings.Cut(strings.TrimSpace(string(out)), "=")
		sums = append(sums, sum)
		der, err := exec.Command("openssl", "x509", "-in", at(c.name+".crt"), "-outform", "der").Output()
		if own := sha256.Sum256(der); err != nil || !strings.EqualFold(strings.ReplaceAll(sum, ":", ""), hex.EncodeToString(own[:])) {
			t.Fatalf("the fingerprint is %s, %v; want %x", sum, err, own)
		}
	}
	people["sum"] = gatetest.Person{Certificates: []string{"SHA256:" + sums[2]}}
	g.Store.Swap(gatetest.BuildPeople(t, rules, people))
	host, port, _ := strings.Cut(g.TCP, ":")
	for name := range people {
		out, err := exec.Command("redis-cli", "--tls", "--cacert", g.CAFile, "--cert", at(name+".crt"), "--key", at(name+".key"),
			"-h", host, "-p", port, "ACL", "WHOAMI").CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != name {
			t.Errorf("redis-cli with the certificate of %s says %q, %v; want %s", name, got, err, name)
		}
	}
}
