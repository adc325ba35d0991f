package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"redisgate/internal/redistest"
	"redisgate/tlsconf"
)

// sclient runs openssl s_client, which sends PING, and returns what it says.
func (s *served) sclient(t *testing.T, args ...string) (out string, ok bool) {
	t.Helper()
	cmd := exec.Command("openssl", append([]string{"s_client", "-connect", s.clients, "-CAfile", s.path("ca.crt"), "-verify_return_error", "-ign_eof"}, args...)...)
	cmd.Stdin = strings.NewReader("PING\r\nQUIT\r\n")
	b, err := cmd.CombinedOutput()
	return string(b), err == nil && bytes.Contains(b, []byte("NOAUTH Authentication required"))
}

// scan is what sslscan finds.
type scan struct {
	Protocols []struct {
		Type    string `xml:"type,attr"`
		Version string `xml:"version,attr"`
		Enabled string `xml:"enabled,attr"`
	} `xml:"ssltest>protocol"`
	Ciphers []struct {
		Version string `xml:"sslversion,attr"`
		Name    string `xml:"cipher,attr"`
	} `xml:"ssltest>cipher"`
	Compression struct {
		Supported string `xml:"supported,attr"`
	} `xml:"ssltest>compression"`
	Renegotiation struct {
		Supported string `xml:"supported,attr"`
	} `xml:"ssltest>renegotiation"`
	Heartbleed []struct {
		Vulnerable string `xml:"vulnerable,attr"`
	} `xml:"ssltest>heartbleed"`
}

// TestScanners has those look at redisgate who look for weaknesses, and openssl try to
// talk it into some, with certificates of both kinds of keys.
func TestScanners(t *testing.T) {
	sslscan := redistest.RequireTool(t, "sslscan")
	redistest.RequireTool(t, "openssl")
	dir := t.TempDir()
	now := time.Now()
	ca, err := tlsconf.NewAuthority("test CA", now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ca.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Server(nil, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "ca.crt"), ca.CertPEM())
	put(t, filepath.Join(dir, "ca.key"), key)
	issue(t, dir, "server", server)
	// A second certificate, of RSA, for another name.
	a := authority{t, dir}
	a.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=rsa", "-keyout", "rsa.key", "-out", "rsa.csr")
	put(t, filepath.Join(dir, "ext"), []byte("subjectAltName=DNS:rsa.example.com\n"))
	a.openssl("x509", "-req", "-in", "rsa.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", "4097", "-days", "1", "-extfile", "ext", "-out", "rsa.crt")
	// An OCSP response about the first, by openssl's own responder.
	serial := fmt.Sprintf("%X", server.Certificate.SerialNumber)
	if len(serial)%2 == 1 {
		serial = "0" + serial
	}
	put(t, filepath.Join(dir, "index.txt"), fmt.Appendf(nil, "V\t%sZ\t\t%s\tunknown\t/CN=redisgate\n", server.Certificate.NotAfter.UTC().Format("060102150405"), serial))
	a.openssl("ocsp", "-index", "index.txt", "-CA", "ca.crt", "-rsigner", "ca.crt", "-rkey", "ca.key", "-issuer", "ca.crt", "-cert", "server.crt",
		"-ndays", "1", "-respout", "server.ocsp", "-noverify")

	s := serveIn(t, dir, `client_auth = "optional"
ocsp_staple = "server.ocsp"
[[tls.certificate]]
cert = "rsa.crt"
key = "rsa.key"
`, "[[user]]\nname = \"app\"\nacl = \"on >pw\"\n")

	for _, test := range []struct {
		args string
		ok   bool
		want string // in what openssl says
	}{
		{"-tls1_3", true, "TLSv1.3"},
		{"-tls1_2", true, "TLSv1.2"},
		{"-tls1_1 -cipher ALL:@SECLEVEL=0", false, "alert protocol version"},
		{"-tls1 -cipher ALL:@SECLEVEL=0", false, "alert protocol version"},
		{"-tls1_2 -cipher AES128-GCM-SHA256:@SECLEVEL=0", false, "handshake failure"},
		{"-tls1_2 -cipher kRSA:@SECLEVEL=0", false, "handshake failure"},
		{"-tls1_2 -cipher DHE:@SECLEVEL=0", false, "handshake failure"},
		{"-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0", false, "handshake failure"},
		{"-tls1_2 -cipher aNULL:eNULL:@SECLEVEL=0", false, ""},
		{"-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305", true, "ECDHE-ECDSA-CHACHA20-POLY1305"},
		{"-tls1_2 -servername rsa.example.com -verify_hostname rsa.example.com", true, "ECDHE-RSA-AES"},
		{"-servername localhost -verify_hostname localhost", true, "Verify return code: 0 (ok)"},
		{"-servername rsa.example.com -verify_hostname rsa.example.com", true, "Verify return code: 0 (ok)"},
		{"-alpn redis", true, "ALPN protocol: redis"},
		{"-alpn h2,redis", true, "ALPN protocol: redis"},
		{"-alpn h2", false, "no application protocol"},
		{"-status", true, "OCSP Response Status: successful"},
		{"-curves P-256", true, "prime256v1"},
		{"-curves P-521", false, "handshake failure"},
	} {
		out, ok := s.sclient(t, strings.Fields(test.args)...)
		if ok != test.ok || !strings.Contains(out, test.want) {
			t.Errorf("openssl s_client %s gets an answer: %v; want %v, and %q in\n%s", test.args, ok, test.ok, test.want, out)
		}
	}

	for _, name := range []string{"localhost", "rsa.example.com"} {
		host, port, _ := strings.Cut(s.clients, ":")
		text, err := exec.Command(sslscan, "--xml=-", "--no-colour", "--sni-name="+name, host+":"+port).Output()
		if err != nil {
			t.Fatalf("sslscan: %v\n%s", err, text)
		}
		var found scan
		if err := xml.Unmarshal(text, &found); err != nil {
			t.Fatalf("sslscan says %v in\n%s", err, text)
		}
		enabled := ""
		for _, p := range found.Protocols {
			if p.Enabled == "1" {
				enabled += p.Type + p.Version + " "
			}
		}
		if len(found.Protocols) < 6 || enabled != "tls1.2 tls1.3 " {
			t.Errorf("sslscan finds %q of %d protocols with %s; want TLS 1.2 and 1.3 alone", enabled, len(found.Protocols), name)
		}
		for _, c := range found.Ciphers {
			aead := strings.Contains(c.Name, "GCM") || strings.Contains(c.Name, "CHACHA20")
			if !aead || !(c.Version == "TLSv1.3" || c.Version == "TLSv1.2" && strings.HasPrefix(c.Name, "ECDHE-")) {
				t.Errorf("sslscan finds the suite %s of %s with %s; want ECDHE and an AEAD", c.Name, c.Version, name)
			}
		}
		if len(found.Ciphers) < 5 {
			t.Errorf("sslscan finds %d suites with %s; want those of both versions", len(found.Ciphers), name)
		}
		// An sslscan without zlib says nothing of compression.
		if found.Compression.Supported == "1" || found.Renegotiation.Supported != "0" {
			t.Errorf("sslscan finds compression %q, renegotiation %q with %s; want neither", found.Compression.Supported, found.Renegotiation.Supported, name)
		}
		for _, h := range found.Heartbleed {
			if h.Vulnerable != "0" {
				t.Errorf("sslscan finds Heartbleed with %s", name)
			}
		}
	}
}
