package tlsconf

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestLoadProblems(t *testing.T) {
	ca := newAuthority(t)
	server, other := must(ca.Server(nil, now, year))(t), must(ca.Server(nil, now, year))(t)
	key := server.keyPEM(t)
	f := newFiles(t)
	good := Options{
		Cert: f.write("good.crt", server.CertPEM()), Key: f.write("good.key", key),
		MinVersion: "1.2", ClientAuth: "none", Now: now,
	}
	type options = func() Options // files are written when their case runs
	with := func(change func(o *Options)) options {
		return func() Options {
			o := good
			change(&o)
			return o
		}
	}
	cert := func(content ...[]byte) options {
		return with(func(o *Options) { o.Cert = f.write("a.crt", content...) })
	}
	withKey := func(content ...[]byte) options {
		return with(func(o *Options) { o.Key = f.write("a.key", content...) })
	}
	ec := must(x509.MarshalECPrivateKey(server.Key.(*ecdsa.PrivateKey)))(t)
	p224 := must(x509.MarshalECPrivateKey(must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))(t)))(t)

	for _, test := range []struct {
		name string
		o    options
		want []string // "key: text", or nothing; each with a hint
		hint string   // part of one hint
	}{
		{"good", with(func(*Options) {}), nil, ""},
		{"the chain after the certificate", cert(server.CertPEM(), ca.CertPEM()), nil, ""},
		{"text around the blocks", cert([]byte("subject=server\n"), server.CertPEM(), []byte("\nend\n")), nil, ""},
		{"key in the older form", withKey(pemOf("EC PRIVATE KEY", ec)), nil, ""},
		{"parameters before the key", withKey(pemOf("EC PARAMETERS", []byte{6, 1, 1}), key), nil, ""},
		{"key and certificate in the key file", withKey(key, server.CertPEM()), nil, ""},

		{"nothing at all", with(func(o *Options) { *o = Options{Now: now} }), []string{
			`min_version: "" is not a TLS version`, `client_auth: "" does not say`, "cert: is missing", "key: is missing",
		}, "PEM file"},
		{"bad words", with(func(o *Options) { o.MinVersion, o.ClientAuth = "1.1", "maybe" }), []string{
			`min_version: "1.1" is not`, `client_auth: "maybe" does not`,
		}, `"none", "optional" or "require"`},
		{"no such files", with(func(o *Options) { o.Cert, o.Key = filepath.Join(f.dir, "x.crt"), filepath.Join(f.dir, "x.key") }), []string{
			"cert: {dir}/x.crt: no such file", "key: {dir}/x.key: no such file",
		}, "redisgate init"},
		{"a directory", with(func(o *Options) { o.Cert = f.dir }), []string{"cert: {dir}: is a directory"}, ""},
		{"another's key", withKey(other.keyPEM(t)), []string{"key: {dir}/a.key: does not belong to the certificate {dir}/good.crt"}, "made together"},
		{"chain in the wrong order", cert(ca.CertPEM(), server.CertPEM()), []string{"key: {dir}/good.key: belongs to a later certificate"}, "comes first"},
		{"interchanged", with(func(o *Options) { o.Cert, o.Key = o.Key, o.Cert }), []string{
			"cert: {dir}/good.key: holds a private key, not a certificate", "key: {dir}/good.crt: holds a certificate, not a private key",
		}, "interchanged"},
		{"key in the certificate file", cert(server.CertPEM(), key), []string{"cert: {dir}/a.crt: holds a private key besides"}, "file of its own"},
		{"two keys", withKey(key, other.keyPEM(t)), []string{"key: {dir}/a.key: holds more than one"}, "keep the one"},
		{"a request", cert(pemOf("CERTIFICATE REQUEST", []byte{1})), []string{"cert: {dir}/a.crt: holds a request"}, "authority has sent"},
		{"encrypted", withKey(pemOf("ENCRYPTED PRIVATE KEY", []byte{1})), []string{"key: {dir}/a.key: is encrypted"}, "openssl pkey"},
		{
			"encrypted, older form", withKey([]byte("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n")),
			[]string{"key: {dir}/a.key: is encrypted"},
			"openssl pkey",
		},
		{"empty", cert(), []string{"cert: {dir}/a.crt: is empty"}, "in PEM"},
		{"DER", cert(server.Certificate.Raw), []string{"cert: {dir}/a.crt: is not PEM, perhaps DER"}, "openssl x509 -inform der"},
		{"no PEM", withKey([]byte("hunter2")), []string{"key: {dir}/a.key: is not PEM"}, "-----BEGIN PRIVATE KEY-----"},
		{"cut", cert(server.CertPEM()[:200]), []string{"cert: {dir}/a.crt: holds no CERTIFICATE that can be read"}, "whole"},
		{"chain cut", cert(server.CertPEM(), ca.CertPEM()[:200]), []string{"cert: {dir}/a.crt: is damaged after certificate 1"}, "whole"},
		{"damaged certificate", cert(pemOf(blockCertificate, server.Certificate.Raw[:100])), []string{"cert: {dir}/a.crt: certificate 1 in it cannot be read"}, ""},
		{"damaged key", withKey(pemOf(blockKey, []byte("hunter2"))), []string{"key: {dir}/a.key: holds a private key that cannot be read"}, "whole"},
		{"key of another use", withKey(pemOf("OPENSSH PRIVATE KEY", []byte{1})), []string{"key: {dir}/a.key: holds a key of a kind"}, "P-256"},
		{"curve that TLS lacks", withKey(pemOf("EC PRIVATE KEY", p224)), []string{"key: {dir}/a.key: holds a key of a kind"}, "P-256"},
		{"too large", cert(make([]byte, maxFile+1)), []string{"cert: {dir}/a.crt: is too large"}, ""},
		{"no authorities", with(func(o *Options) { o.ClientAuth = "require" }), []string{`client_auth: "require" needs authorities`}, "client_ca"},
		{
			"authorities that are not there", with(func(o *Options) { o.ClientAuth, o.ClientCA = "optional", filepath.Join(f.dir, "none.pem") }),
			[]string{"client_ca: {dir}/none.pem: no such file"},
			"",
		},
		{
			"authorities without one", with(func(o *Options) { o.ClientAuth, o.ClientCA = "require", f.write("ca.pem", []byte("# none yet\n")) }),
			[]string{"client_ca: {dir}/ca.pem: is not PEM"},
			"",
		},
		{
			"authority's key", with(func(o *Options) { o.ClientAuth, o.ClientCA = "require", f.write("ca.pem", ca.CertPEM(), ca.keyPEM(t)) }),
			[]string{"client_ca: {dir}/ca.pem: holds a private key besides"},
			"",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := Load(test.o())
			if len(test.want) == 0 {
				if err != nil || l.Config == nil || len(l.Warnings) != 0 {
					t.Errorf("Load() = %+v, %v; want a config and no warning", l, err)
				}
				return
			}
			var ps Problems
			if !errors.As(err, &ps) || l != nil || len(ps) != len(test.want) {
				t.Fatalf("Load() = %v, %v; want %d problems", l, err, len(test.want))
			}
			hints := ""
			for i, p := range ps {
				if want := strings.ReplaceAll(test.want[i], "{dir}", f.dir); !strings.HasPrefix(p.Error(), want) {
					t.Errorf("problem %d = %q; want %q", i, p, want)
				}
				hints += p.Hint + "\n"
			}
			if !strings.Contains(hints, test.hint) {
				t.Errorf("hints = %q; want %q in them", hints, test.hint)
			}
			if strings.Contains(err.Error()+hints, "hunter2") {
				t.Errorf("Load() = %v; want nothing of the file's content in it", err)
			}
		})
	}
}

func TestLoadKindsOfKeys(t *testing.T) {
	ca := newAuthority(t)
	sign := func(key signer) *Issued {
		c := template("server", now, year)
		c.DNSNames = []string{"localhost"}
		c.SerialNumber = ca.Certificate.SerialNumber
		der := must(x509.CreateCertificate(rand.Reader, c, ca.Certificate, key.Public(), ca.Key))(t)
		return &Issued{must(x509.ParseCertificate(der))(t), key}
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	for _, test := range []struct {
		name string
		key  signer
		ok   bool
	}{
		{"P-256", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t), true},
		{"P-521", must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))(t), true},
		{"RSA 2048", must(rsa.GenerateKey(rand.Reader, 2048))(t), true},
		{"RSA 1024", weak, false},
		{"Ed25519", ed, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, s := newFiles(t), sign(test.key)
			l, err := Load(Options{
				Cert: f.write("s.crt", s.CertPEM()), Key: f.write("s.key", s.keyPEM(t)),
				MinVersion: "1.2", ClientAuth: "none", Now: now,
			})
			if (err == nil) != test.ok {
				t.Fatalf("Load() = %v; want it to work: %v", err, test.ok)
			}
			if err == nil {
				r := shake(t, l.Config, &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"})
				if r.client != nil || r.server != nil {
					t.Errorf("handshake: %v, %v; want none", r.client, r.server)
				}
			}
		})
	}
}

func TestLoadWarnings(t *testing.T) {
	ca := newAuthority(t)
	server := must(ca.Server(nil, now, year))(t)
	clientOnly := must(ca.Client("app", now, year))(t)
	for _, test := range []struct {
		name   string
		issued *Issued
		change func(f files, o *Options)
		want   []string
	}{
		{"none", server, func(files, *Options) {}, nil},
		{"expired", server, func(_ files, o *Options) { o.Now = now.Add(2 * year) }, []string{"cert: has expired at "}},
		{"not yet", server, func(_ files, o *Options) { o.Now = now.Add(-2 * time.Hour) }, []string{"cert: is not valid before "}},
		{"soon", server, func(_ files, o *Options) { o.Now = now.Add(year - time.Hour) }, []string{"cert: expires soon, at "}},
		{"a client's", clientOnly, func(files, *Options) {}, []string{"cert: names no host", "cert: is not meant for a server"}},
		{"unused authorities", server, func(f files, o *Options) { o.ClientCA = f.write("ca.pem", ca.CertPEM()) }, []string{"client_ca: is not used"}},
		{"no authority", server, func(f files, o *Options) {
			o.ClientCA, o.ClientAuth = f.write("ca.pem", server.CertPEM()), "require"
		}, []string{"client_ca: certificate number "}},
		{"expired authority", server, func(f files, o *Options) {
			old := must(NewAuthority("old", now.Add(-2*year), year))(t)
			o.ClientCA, o.ClientAuth = f.write("ca.pem", ca.CertPEM(), old.CertPEM()), "require"
		}, []string{"client_ca: has expired at "}},
		{"open key", server, func(_ files, o *Options) { _ = os.Chmod(o.Key, 0o644) }, []string{"key: can be read by everybody on this machine (mode 0644)"}},
		{"a group's key", server, func(_ files, o *Options) { _ = os.Chmod(o.Key, 0o640) }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.Contains(test.name, "key") {
				return // it has no such modes
			}
			f := newFiles(t)
			o := Options{
				Cert: f.write("s.crt", test.issued.CertPEM()), Key: f.write("s.key", test.issued.keyPEM(t)),
				MinVersion: "1.3", ClientAuth: "none", Now: now,
			}
			test.change(f, &o)
			l, err := Load(o)
			if err != nil {
				t.Fatalf("Load() = %v; want nil", err)
			}
			if len(l.Warnings) != len(test.want) {
				t.Fatalf("warnings = %v; want %v", l.Warnings, test.want)
			}
			for i, w := range l.Warnings {
				if got := w.Key + ": " + w.Text; !strings.HasPrefix(got, test.want[i]) || w.Hint == "" || w.File == "" {
					t.Errorf("warning = %+v; want %q, with a file and a hint", w, test.want[i])
				}
			}
		})
	}
}

func TestLoadExpiries(t *testing.T) {
	ca := newAuthority(t)
	short := must(NewAuthority("short", now, time.Hour*24*30))(t)
	server := must(ca.Server(nil, now, year/2))(t)
	f := newFiles(t)
	o := Options{
		Cert: f.write("s.crt", server.CertPEM(), ca.CertPEM()), Key: f.write("s.key", server.keyPEM(t)),
		ClientCA: f.write("ca.pem", ca.CertPEM(), short.CertPEM()), ClientAuth: "optional", MinVersion: "1.2", Now: now,
	}
	l, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	want := []Expiry{{File: o.Cert, NotAfter: server.Certificate.NotAfter}, {File: o.ClientCA, NotAfter: short.Certificate.NotAfter}}
	if !reflect.DeepEqual(l.Expiries, want) {
		t.Errorf("Expiries = %v; want %v", l.Expiries, want)
	}
}
