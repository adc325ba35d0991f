package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// options is what a server with files of its own is loaded by.
func (f files) options(ca *Authority, names ...string) Options {
	s := must(ca.Server(names, now, year))(f.t)
	return Options{
		Cert: f.write("s.crt", s.CertPEM()), Key: f.write("s.key", s.keyPEM(f.t)), MinVersion: "1.2", ClientAuth: "none", Now: now,
	}
}

func TestCurvesAndSuites(t *testing.T) {
	ca := newAuthority(t)
	f := newFiles(t)
	base := f.options(ca)
	for _, test := range []struct {
		name             string
		curves, suites   []string
		clientCurves     []tls.CurveID
		clientSuites     []uint16
		accepted         bool
		curve            tls.CurveID
		suite            uint16
		problem, warning string
	}{
		{name: "default, hybrid", clientCurves: []tls.CurveID{tls.X25519MLKEM768, tls.X25519}, accepted: true, curve: tls.X25519MLKEM768},
		{name: "default, classical", clientCurves: []tls.CurveID{tls.X25519}, accepted: true, curve: tls.X25519},
		{name: "default, P-521", clientCurves: []tls.CurveID{tls.CurveP521}},
		{name: "classical only", curves: []string{"X25519", "P-256"}, clientCurves: []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256}, accepted: true, curve: tls.CurveP256},
		{name: "hybrid only", curves: []string{"X25519MLKEM768"}, clientCurves: []tls.CurveID{tls.X25519}},
		{name: "P-521 only", curves: []string{"P-521"}, clientCurves: []tls.CurveID{tls.CurveP521}, accepted: true, curve: tls.CurveP521},
		{name: "one suite", suites: []string{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"}, clientCurves: []tls.CurveID{tls.X25519}, clientSuites: suites12, accepted: true, curve: tls.X25519, suite: tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
		{name: "another suite", suites: []string{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"}, clientCurves: []tls.CurveID{tls.X25519}, clientSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}},
		{name: "unknown curve", curves: []string{"X25519", "x25519"}, problem: `curves[1]: "x25519" is unknown, or not safe`},
		{name: "twice", curves: []string{"P-256", "P-256"}, problem: `curves[1]: "P-256" is listed twice`},
		{name: "weak suite", suites: []string{"TLS_RSA_WITH_AES_128_CBC_SHA"}, problem: `cipher_suites[0]: "TLS_RSA_WITH_AES_128_CBC_SHA" is unknown, or not safe`},
		{name: "weak suite of ECDHE", suites: []string{"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"}, problem: `cipher_suites[0]: `},
		{name: "suite of TLS 1.3", suites: []string{"TLS_AES_128_GCM_SHA256"}, problem: `cipher_suites[0]: "TLS_AES_128_GCM_SHA256" is of TLS 1.3`},
		{name: "suite for another key", suites: []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}, warning: "key: is an ECDSA or Ed25519 key, which no suite"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := base
			o.Curves, o.Suites = test.curves, test.suites
			l, err := Load(o)
			if test.problem != "" {
				var ps Problems
				if !errors.As(err, &ps) || len(ps) != 1 || !strings.HasPrefix(ps[0].Error(), test.problem) || ps[0].Hint == "" {
					t.Errorf("Load() = %v; want %q and a hint", err, test.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if test.warning != "" {
				if len(l.Warnings) != 1 || !strings.HasPrefix(l.Warnings[0].Key+": "+l.Warnings[0].Text, test.warning) {
					t.Errorf("warnings = %v; want %q", l.Warnings, test.warning)
				}
				return
			}
			c := &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost", CurvePreferences: test.clientCurves, CipherSuites: test.clientSuites}
			if test.clientSuites != nil {
				c.MaxVersion = tls.VersionTLS12
			}
			r := shake(t, l.Config, c)
			if (r.server == nil) != test.accepted || test.accepted && r.state.CurveID != test.curve || test.suite != 0 && test.accepted && r.state.CipherSuite != test.suite {
				t.Errorf("server: %v, %v, %s; want it accepted: %v, with %v", r.server, r.state.CurveID, tls.CipherSuiteName(r.state.CipherSuite), test.accepted, test.curve)
			}
		})
	}
}

func TestCertificatesBySNI(t *testing.T) {
	ca := newAuthority(t)
	f := newFiles(t)
	o := f.options(ca, "one.example.com")
	two := must(ca.Server([]string{"two.example.com", "*.two.example.com"}, now, year/2))(t)
	o.More = []Pair{{Cert: f.write("two.crt", two.CertPEM()), Key: f.write("two.key", two.keyPEM(t))}}
	l, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Expiries) != 2 || !l.Expiries[1].NotAfter.Equal(two.Certificate.NotAfter) || len(o.Files()) != 4 {
		t.Errorf("Expiries = %v of the files %q; want both certificates'", l.Expiries, o.Files())
	}
	first := l.Config.Certificates[0].Leaf
	for name, want := range map[string]*x509.Certificate{
		"one.example.com": first, "localhost": first, "two.example.com": two.Certificate, "a.two.example.com": two.Certificate, "other.example.com": first, "": first,
	} {
		var got *x509.Certificate
		c := &tls.Config{ServerName: name, InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
			got = s.PeerCertificates[0]
			return nil
		}}
		if r := shake(t, l.Config, c); r.server != nil || r.client != nil || !got.Equal(want) {
			t.Errorf("a client that asks for %q: %v, %v; gets number %v, want %v", name, r.server, r.client, got.SerialNumber, want.SerialNumber)
		}
	}
	o.More = append(o.More, Pair{Cert: o.Cert, Key: o.More[0].Key})
	if _, err := Load(o); err == nil || !strings.HasPrefix(err.Error(), "certificate[1].key: ") {
		t.Errorf("Load() with another's key = %v; want a problem at certificate[1].key", err)
	}
}

func TestStaple(t *testing.T) {
	ca := newAuthority(t)
	f := newFiles(t)
	o := f.options(ca)
	leaf := must(Load(o))(t).Config.Certificates[0].Leaf
	respond := func(c *x509.Certificate, status int, end time.Time) []byte {
		return must(ocsp.CreateResponse(ca.Certificate, ca.Certificate, ocsp.Response{
			Status: status, SerialNumber: c.SerialNumber, ThisUpdate: now.Add(-time.Hour), NextUpdate: end, RevokedAt: now,
		}, ca.Key))(t)
	}
	end := now.Add(24 * time.Hour)
	good := respond(leaf, ocsp.Good, end)
	for _, test := range []struct {
		name             string
		data             []byte
		sent             bool
		problem, warning string
	}{
		{"good", good, true, "", ""},
		{"expired", respond(leaf, ocsp.Good, now.Add(-time.Minute)), false, "", "ocsp_staple: has expired at "},
		{"revoked", respond(leaf, ocsp.Revoked, end), false, "does not say that the certificate is good", ""},
		{"unknown", respond(leaf, ocsp.Unknown, end), false, "does not say that the certificate is good", ""},
		{"of another", respond(ca.Certificate, ocsp.Good, end), false, "is not an OCSP response about the certificate", ""},
		{"damaged", []byte("hunter2"), false, "is not an OCSP response about the certificate", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := o
			o.Staple = f.write("s.ocsp", test.data)
			l, err := Load(o)
			if test.problem != "" {
				if err == nil || !strings.Contains(err.Error(), "ocsp_staple: "+o.Staple+": "+test.problem) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("Load() = %v; want %q", err, test.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (test.warning != "") != (len(l.Warnings) == 1) || len(l.Warnings) > 0 && !strings.HasPrefix(l.Warnings[0].Key+": "+l.Warnings[0].Text, test.warning) {
				t.Errorf("warnings = %v; want %q", l.Warnings, test.warning)
			}
			var got []byte
			c := &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost", VerifyConnection: func(s tls.ConnectionState) error {
				got = s.OCSPResponse
				return nil
			}}
			if r := shake(t, l.Config, c); r.server != nil || (len(got) > 0) != test.sent || test.sent && !reflect.DeepEqual(got, test.data) {
				t.Errorf("server: %v; the client got %d bytes; want them sent: %v", r.server, len(got), test.sent)
			}
		})
	}

	// What the signature belongs to is known if the chain is there.
	o.Staple = f.write("s.ocsp", must(ocsp.CreateResponse(newAuthority(t).Certificate, ca.Certificate, ocsp.Response{
		Status: ocsp.Good, SerialNumber: leaf.SerialNumber, ThisUpdate: now, NextUpdate: end,
	}, newAuthority(t).Key))(t))
	f.write("s.crt", append(must(os.ReadFile(o.Cert))(t), ca.CertPEM()...))
	if _, err := Load(o); err == nil || !strings.Contains(err.Error(), "is not an OCSP response") {
		t.Errorf("Load() of a stranger's response = %v; want an error", err)
	}

	// A response that ends is left out without any file changing.
	f.write("s.ocsp", good)
	live := follow(t, o)
	for _, step := range []struct {
		at   time.Time
		sent bool
		n    uint64
	}{{now, true, 0}, {end.Add(time.Second), false, 1}, {end.Add(time.Minute), false, 1}} {
		live.Look(step.at)
		n, _ := live.Reloads()
		if sent := len(live.Config().Certificates[0].OCSPStaple) > 0; sent != step.sent || n != step.n {
			t.Errorf("at %v the response is sent: %v, after %d reloads; want %v, %d", step.at, sent, n, step.sent, step.n)
		}
	}
}

func TestLoadClient(t *testing.T) {
	ca := newAuthority(t)
	f := newFiles(t)
	server := must(New(Material{
		Pairs: []tls.Certificate{must(ca.Server([]string{"redis"}, now, year))(t).Pair()}, MinVersion: tls.VersionTLS12,
		ClientAuth: tls.RequireAndVerifyClientCert, Clients: ca.trust(),
	}))(t)
	app, other := must(ca.Client("app", now, year))(t), must(ca.Client("other", now, year))(t)
	good := ClientOptions{
		CA: f.write("ca.crt", ca.CertPEM()), Cert: f.write("c.crt", app.CertPEM()), Key: f.write("c.key", app.keyPEM(t)), ServerName: "redis", Now: now,
	}
	path := f.dir + "/keys"
	t.Setenv("SSLKEYLOGFILE", path)
	l := must(LoadClient(good))(t)
	if r := shake(t, server, l.Config); r.server != nil || r.client != nil || r.state.PeerCertificates[0].Subject.CommonName != "app" {
		t.Errorf("server: %v, client: %v; want app's certificate", r.server, r.client)
	}
	if r := shake(t, server, l.Config); r.server != nil || !r.state.DidResume {
		t.Errorf("server: %v, resumed: %v; want that it resumes", r.server, r.state.DidResume)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) || l.Config.KeyLogWriter != nil {
		t.Errorf("a key log was written (%v); want none", err)
	}
	if len(l.Expiries) != 2 || len(l.Warnings) != 0 || len(good.Files()) != 3 || l.Config.InsecureSkipVerify || l.Config.MinVersion != tls.VersionTLS12 {
		t.Errorf("LoadClient() = %+v, files %q; want two expiries, no warning, and a server that is verified", l, good.Files())
	}
	for _, test := range []struct {
		change func(o *ClientOptions)
		want   string // a problem or a warning
		fails  bool
	}{
		{func(o *ClientOptions) { o.ServerName = "" }, "server_name: is missing", true},
		{func(o *ClientOptions) { o.CA = f.dir + "/none" }, "client_ca: " + f.dir + "/none: no such file", true},
		{func(o *ClientOptions) { o.Key = "" }, "key: is missing", true},
		{func(o *ClientOptions) { o.Key = f.write("o.key", other.keyPEM(t)) }, "key: " + f.dir + "/o.key: does not belong", true},
		{func(o *ClientOptions) {
			s := must(ca.Server(nil, now, year))(t)
			o.Cert, o.Key = f.write("s.crt", s.CertPEM()), f.write("s.key", s.keyPEM(t))
		}, "cert: " + f.dir + "/s.crt: is not meant for a client", false},
	} {
		o := good
		test.change(&o)
		l, err := LoadClient(o)
		if test.fails {
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("LoadClient() = %v; want %q", err, test.want)
			}
		} else if err != nil || len(l.Warnings) != 1 || !strings.HasPrefix(l.Warnings[0].Error(), test.want) {
			t.Errorf("LoadClient() = %+v, %v; want the warning %q", l, err, test.want)
		}
	}
}
