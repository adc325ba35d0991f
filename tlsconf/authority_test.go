package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestServerCertificate(t *testing.T) {
	ca := newAuthority(t)
	s := must(ca.Server([]string{"Redis.Example.com.", "*.example.com", "10.0.0.7", "::ffff:10.0.0.7", "2001:db8::1", "localhost", "::1"}, now, year))(t)
	c := s.Certificate
	if want := []string{"localhost", "redis.example.com", "*.example.com"}; !reflect.DeepEqual(c.DNSNames, want) {
		t.Errorf("DNSNames = %q; want %q", c.DNSNames, want)
	}
	var ips []string
	for _, ip := range c.IPAddresses {
		ips = append(ips, ip.String())
	}
	if want := []string{"127.0.0.1", "::1", "10.0.0.7", "2001:db8::1"}; !reflect.DeepEqual(ips, want) {
		t.Errorf("IPAddresses = %q; want %q", ips, want)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "redis.example.com", "a.example.com", "10.0.0.7"} {
		if _, err := c.Verify(x509.VerifyOptions{DNSName: name, Roots: ca.Pool(), CurrentTime: now}); err != nil {
			t.Errorf("Verify(%q) = %v; want nil", name, err)
		}
	}
	if c.IsCA || c.KeyUsage != x509.KeyUsageDigitalSignature || !reflect.DeepEqual(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) {
		t.Errorf("IsCA %v, usage %v, %v; want a server's", c.IsCA, c.KeyUsage, c.ExtKeyUsage)
	}
	if c.SerialNumber.Sign() <= 0 || c.SerialNumber.Cmp(ca.Certificate.SerialNumber) == 0 {
		t.Errorf("serial number %v; want a positive one of its own", c.SerialNumber)
	}
}

func TestServerCertificateRefusesNames(t *testing.T) {
	ca := newAuthority(t)
	for _, name := range []string{"", ".", "a..b", "-a", "a-", "a b", "a/b", "*", "a.*.b", "*a.b", "héllo", "10.0.0.0/8", "a:1", "a\x00b", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a"} {
		if _, err := ca.Server([]string{name}, now, year); err == nil && name != "10.0.0.256" {
			t.Errorf("Server(%q) = nil; want an error", name)
		}
	}
}

func TestLifetimes(t *testing.T) {
	ca := must(NewAuthority("short", now, 24*time.Hour))(t)
	s := must(ca.Server(nil, now, year))(t)
	if got, want := s.Certificate.NotAfter, ca.Certificate.NotAfter; !got.Equal(want) {
		t.Errorf("NotAfter = %v; want the authority's, %v", got, want)
	}
	if got, want := ca.Certificate.NotAfter, now.Add(24*time.Hour); !got.Equal(want) {
		t.Errorf("authority's NotAfter = %v; want %v", got, want)
	}
	if got, want := s.Certificate.NotBefore, now.Add(-time.Hour); !got.Equal(want) {
		t.Errorf("NotBefore = %v; want an hour before now, %v", got, want)
	}
	for _, d := range []time.Duration{0, -time.Hour} {
		if _, err := ca.Server(nil, now, d); err == nil {
			t.Errorf("Server() for %v = nil; want an error", d)
		}
	}
	if _, err := ca.Server(nil, now.Add(25*time.Hour), time.Hour); err == nil {
		t.Error("Server() by an expired authority = nil; want an error")
	}
}

func TestAuthoritySignsNoAuthority(t *testing.T) {
	ca := newAuthority(t)
	c := ca.Certificate
	if !c.IsCA || c.MaxPathLen != 0 || !c.MaxPathLenZero || c.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
		t.Errorf("IsCA %v, path length %d, usage %v; want one that signs certificates of servers and clients", c.IsCA, c.MaxPathLen, c.KeyUsage)
	}
}

// What is written to files can be read again.
func TestPEMRoundTrip(t *testing.T) {
	ca := newAuthority(t)
	s := must(ca.Server(nil, now, year))(t)
	f := newFiles(t)
	l, err := Load(Options{
		Cert: f.write("s.crt", s.CertPEM()), Key: f.write("s.key", s.keyPEM(t)),
		ClientCA: f.write("ca.crt", ca.CertPEM()), ClientAuth: "require", MinVersion: "1.3", Now: now,
	})
	if err != nil || len(l.Warnings) > 0 {
		t.Fatalf("Load() = %+v, %v; want no error and no warning", l, err)
	}
	app := must(ca.Client("app", now, year))(t)
	pair, err := tls.X509KeyPair(app.CertPEM(), app.keyPEM(t))
	if err != nil {
		t.Fatal(err)
	}
	r := shake(t, l.Config, &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost", Certificates: []tls.Certificate{pair}})
	if r.server != nil || r.client != nil {
		t.Fatalf("server: %v, client: %v; want a handshake", r.server, r.client)
	}
	if got := r.state.PeerCertificates[0].Subject.CommonName; got != "app" {
		t.Errorf("common name = %q; want app", got)
	}
}
