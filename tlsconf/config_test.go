package tlsconf

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// outcome is what both sides say of one handshake.
type outcome struct {
	server, client error
	state          tls.ConnectionState // the server's
}

// shake connects over loopback and exchanges a byte each way, so that both sides
// know about each other's errors, and tickets arrive.
func shake(t *testing.T, server, client *tls.Config) (r outcome) {
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
			r.server = err
			return
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
		c := tls.Server(nc, server)
		if r.server = c.Handshake(); r.server != nil {
			return
		}
		r.state = c.ConnectionState()
		b := make([]byte, 1)
		if _, r.server = io.ReadFull(c, b); r.server == nil {
			_, r.server = c.Write(b)
		}
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), client)
	if r.client = err; err == nil {
		_, _ = c.Write([]byte("x"))
		_, r.client = io.ReadFull(c, make([]byte, 1))
		c.Close()
	}
	<-done
	return r
}

// fixture is an authority, a server of it, and configs for both sides.
type fixture struct {
	ca     *Authority
	server Material
	client *tls.Config
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	ca := newAuthority(t)
	return &fixture{
		ca:     ca,
		server: Material{Pairs: []tls.Certificate{must(ca.Server(nil, now, year))(t).Pair()}, MinVersion: tls.VersionTLS12},
		client: &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"},
	}
}

func (f *fixture) config(t *testing.T) *tls.Config {
	t.Helper()
	return must(New(f.server))(t)
}

func TestVersionsAndSuites(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		name     string
		least    uint16
		version  uint16 // the client's only one
		suites   []uint16
		accepted bool
	}{
		{"1.3", tls.VersionTLS12, tls.VersionTLS13, nil, true},
		{"1.2", tls.VersionTLS12, tls.VersionTLS12, nil, true},
		{"1.1", tls.VersionTLS12, tls.VersionTLS11, nil, false},
		{"1.0", tls.VersionTLS12, tls.VersionTLS10, nil, false},
		{"1.3 at least, 1.3", tls.VersionTLS13, tls.VersionTLS13, nil, true},
		{"1.3 at least, 1.2", tls.VersionTLS13, tls.VersionTLS12, nil, false},
		{"ECDHE, AES-GCM", tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}, true},
		{"ECDHE, ChaCha20", tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}, true},
		{"ECDHE, CBC", tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}, false},
		{"RSA key exchange", tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.server.MinVersion = test.least
			c := f.client.Clone()
			c.MinVersion, c.MaxVersion, c.CipherSuites = test.version, test.version, test.suites
			r := shake(t, f.config(t), c)
			if accepted := r.server == nil && r.client == nil; accepted != test.accepted {
				t.Errorf("server: %v, client: %v; want it accepted: %v", r.server, r.client, test.accepted)
			}
		})
	}
}

func TestClientAuth(t *testing.T) {
	f := newFixture(t)
	stranger := newAuthority(t)
	mine := must(f.ca.Client("app", now, year))(t)
	old := must(f.ca.Client("old", now.Add(-year), year-time.Hour))(t)
	others := must(stranger.Client("app", now, year))(t)
	servers := must(f.ca.Server(nil, now, year))(t)
	for _, test := range []struct {
		name     string
		mode     string
		issued   *Issued
		accepted bool
		known    bool // the server sees a verified certificate
	}{
		{"none, without", "none", nil, true, false},
		{"none, with", "none", mine, true, false},
		{"optional, without", "optional", nil, true, false},
		{"optional, with", "optional", mine, true, true},
		{"optional, a stranger's", "optional", others, false, false},
		{"optional, an expired one", "optional", old, false, false},
		{"require, without", "require", nil, false, false},
		{"require, with", "require", mine, true, true},
		{"require, a stranger's", "require", others, false, false},
		{"require, an expired one", "require", old, false, false},
		{"require, a server's", "require", servers, false, false},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(test.name+", "+tls.VersionName(version), func(t *testing.T) {
				mode, err := ParseClientAuth(test.mode)
				if err != nil {
					t.Fatal(err)
				}
				f.server.ClientAuth, f.server.Clients = mode, f.ca.trust()
				c := f.client.Clone()
				c.MaxVersion = version
				if test.issued != nil {
					pair := test.issued.Pair()
					// Whatever authorities the server names.
					c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
				}
				r := shake(t, f.config(t), c)
				if accepted := r.server == nil; accepted != test.accepted || accepted != (r.client == nil) {
					t.Fatalf("server: %v, client: %v; want it accepted: %v", r.server, r.client, test.accepted)
				}
				if known := len(r.state.VerifiedChains) > 0; known != test.known {
					t.Errorf("the server sees a verified certificate: %v; want %v", known, test.known)
				}
			})
		}
	}
}

func TestALPN(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		offered  []string
		accepted bool
		got      string
	}{
		{nil, true, ""},
		{[]string{"redis"}, true, "redis"},
		{[]string{"h2", "redis"}, true, "redis"},
		{[]string{"h2", "http/1.1"}, false, ""},
	} {
		c := f.client.Clone()
		c.NextProtos = test.offered
		r := shake(t, f.config(t), c)
		if accepted := r.server == nil && r.client == nil; accepted != test.accepted || r.state.NegotiatedProtocol != test.got {
			t.Errorf("offered %q: server: %v, client: %v, %q; want it accepted: %v, %q",
				test.offered, r.server, r.client, r.state.NegotiatedProtocol, test.accepted, test.got)
		}
	}
}

func TestSessionsResumeUnderOneConfigOnly(t *testing.T) {
	f := newFixture(t)
	f.server.ClientAuth, f.server.Clients = tls.RequireAndVerifyClientCert, f.ca.trust()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			c := f.client.Clone()
			c.MaxVersion = version
			c.ClientSessionCache = tls.NewLRUClientSessionCache(10)
			c.Certificates = []tls.Certificate{must(f.ca.Client("app", now, year))(t).Pair()}
			server := f.config(t)
			for i, test := range []struct {
				server  *tls.Config
				resumed bool
			}{{server, false}, {server, true}, {f.config(t), false}} {
				r := shake(t, test.server, c)
				if r.server != nil || r.client != nil || r.state.DidResume != test.resumed {
					t.Fatalf("connection %d: %v, %v, resumed: %v; want %v", i, r.server, r.client, r.state.DidResume, test.resumed)
				}
				if len(r.state.VerifiedChains) == 0 {
					t.Errorf("connection %d: no verified certificate; want the client's", i)
				}
			}
		})
	}
}

func TestNoKeyLog(t *testing.T) {
	f := newFixture(t)
	path := filepath.Join(t.TempDir(), "keys")
	t.Setenv("SSLKEYLOGFILE", path)
	cfg := f.config(t)
	if r := shake(t, cfg, f.client); r.server != nil || r.client != nil {
		t.Fatal(r.server, r.client)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) || cfg.KeyLogWriter != nil {
		t.Errorf("a key log was written (%v); want none", err)
	}
}

func TestRecordsAreLargeFromTheStart(t *testing.T) {
	if cfg := newFixture(t).config(t); !cfg.DynamicRecordSizingDisabled {
		t.Error("DynamicRecordSizingDisabled = false; want true")
	}
}

func TestNewRefuses(t *testing.T) {
	good := newFixture(t).server
	for _, test := range []struct {
		name   string
		change func(m *Material)
		want   string
	}{
		{"no certificate", func(m *Material) { m.Pairs = nil }, "certificate and its key"},
		{"no key", func(m *Material) { m.Pairs = []tls.Certificate{{Certificate: m.Pairs[0].Certificate}} }, "certificate and its key"},
		{"a weak suite", func(m *Material) { m.Suites = []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA} }, "not safe"},
		{"no version", func(m *Material) { m.MinVersion = 0 }, "minimum version"},
		{"an old version", func(m *Material) { m.MinVersion = tls.VersionTLS11 }, "minimum version TLS 1.1"},
		{"unverified certificates", func(m *Material) { m.ClientAuth, m.Clients = tls.RequireAnyClientCert, NewTrust(nil, nil) }, "not be verified"},
		{"requested certificates", func(m *Material) { m.ClientAuth, m.Clients = tls.RequestClientCert, NewTrust(nil, nil) }, "not be verified"},
		{"the system's authorities", func(m *Material) { m.ClientAuth = tls.RequireAndVerifyClientCert }, "need an authority"},
	} {
		m := good
		test.change(&m)
		if cfg, err := New(m); cfg != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: New() = %v, %v; want %q", test.name, cfg, err, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	ca := newAuthority(f)
	key := ca.keyPEM(f)
	for _, seed := range [][]byte{
		ca.CertPEM(), key, append(ca.CertPEM(), key...), ca.Certificate.Raw,
		{},
		[]byte("-----BEGIN CERTIFICATE-----\n"),
		[]byte("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		certs, err := parseCertificates(data)
		if (len(certs) > 0) == (err != nil) {
			t.Errorf("parseCertificates() = %d, %v; want certificates or an error", len(certs), err)
		}
		k, err := parseKey(data)
		if (k != nil) == (err != nil) {
			t.Errorf("parseKey() = %v, %v; want a key or an error", k != nil, err)
		}
		for _, c := range certs {
			if k != nil {
				fits(c, k)
			}
			if bytes.Contains(data, []byte("PRIVATE KEY-----")) && bytes.Contains(data, key) {
				t.Error("a file with a key in it passed for certificates")
			}
		}
	})
}
