package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"redisgate/internal/process"
	"redisgate/internal/redistest"
)

// marker is in all that floods send, and must be in no log.
const marker = "Xyzzy"

// flood is one thing that anybody can do, over and over.
type flood struct {
	name string
	once func(t *testing.T, p *process.Process)
	log  string // the message that tells of it; empty: none does
	rate int    // how many of those there may be in a second
}

// from dials from an address of loopback and gives up after half a minute.
func from(t *testing.T, network, local, addr string) net.Conn {
	t.Helper()
	d := net.Dialer{}
	if local != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(local)}
	}
	nc, err := d.DialContext(t.Context(), network, addr)
	if err != nil {
		return nil // a listener's queue may be full
	}
	_ = nc.SetDeadline(time.Now().Add(30 * time.Second))
	return nc
}

// floodOf sends a text and reads until the other side closes.
func floodOf(network, local string, addr func(*process.Process) string, text string) func(*testing.T, *process.Process) {
	return func(t *testing.T, p *process.Process) {
		nc := from(t, network, local, addr(p))
		if nc == nil {
			return
		}
		defer nc.Close()
		_, _ = io.WriteString(nc, text)
		_, _ = io.Copy(io.Discard, nc)
	}
}

func shakes(local string, certificate *tls.Certificate) func(*testing.T, *process.Process) {
	return func(t *testing.T, p *process.Process) {
		nc := from(t, "tcp", local, p.Addr)
		if nc == nil {
			return
		}
		conf := p.TLS()
		if certificate != nil {
			conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
		}
		c := tls.Client(nc, conf)
		defer c.Close()
		if c.HandshakeContext(t.Context()) == nil {
			_, _ = io.WriteString(c, "QUIT\r\n")
			_, _ = io.Copy(io.Discard, c)
		}
	}
}

// stranger is a certificate that nobody has signed.
func stranger(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: marker}, NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestLogsStaySmall does each thing that an attacker can cause a line with 400 times.
func TestLogsStaySmall(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	rs := redistest.Start(t, redistest.Options{})
	const times = 400
	for format, level := range map[string]string{"text": "info", "json": "debug"} {
		t.Run(format, func(t *testing.T) {
			p, err := process.Start(process.Options{
				Binary: path, Dir: t.TempDir(), Redis: rs.Socket(), Rules: "~app:* -@all +get",
				Listen: "proxy_protocol_from = [\"127.0.0.3\"]\nproxy_protocol_timeout = \"100ms\"\nhandshake_timeout = \"10m\"",
				TLS:    "client_ca = \"ca.crt\"\nclient_auth = \"optional\"",
				Extra: fmt.Sprintf("[network]\ndeny = [\"127.0.0.2\"]\n[limits]\nconnections_per_address = 40\n[log]\nformat = %q\nlevel = %q\n"+
					"[[user]]\nname = \"gone\"\nacl = \"off\"\ncertificates = [\"CN:gone\"]\n", format, level),
			})
			if err != nil {
				t.Fatal(err)
			}
			gone, err := p.CA.Client("gone", time.Now(), time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			pair, unknown := gone.Pair(), stranger(t)
			tlsAddr := func(p *process.Process) string { return p.Addr }
			unix := func(p *process.Process) string { return p.Unix }
			metrics := func(p *process.Process) string {
				return strings.TrimSuffix(strings.TrimPrefix(p.Metrics, "http://"), "/metrics")
			}
			holds := func() (release func()) { // all places of an address
				var held []net.Conn
				for range 40 {
					if nc := from(t, "tcp", "127.0.0.4", p.Addr); nc != nil {
						held = append(held, nc)
					}
				}
				return func() {
					for _, nc := range held {
						nc.Close()
					}
				}
			}()
			logged := map[string]time.Time{} // the end of the last flood that causes such lines
			for _, f := range []flood{
				{"denied address", floodOf("tcp", "127.0.0.2", tlsAddr, marker), "", 0},
				{"no TLS", floodOf("tcp", "127.0.0.5", tlsAddr, "GET /"+marker+" HTTP/1.1\r\n\r\n"), "TLS handshake failed", 1},
				{"no PROXY header", floodOf("tcp", "127.0.0.3", tlsAddr, strings.Repeat(marker, 50)), "a connection from a load balancer was refused", 1},
				{"a balancer's probe", floodOf("tcp", "127.0.0.3", tlsAddr, "PROXY UNKNOWN\r\n"), "", 0},
				{"over a limit", floodOf("tcp", "127.0.0.4", tlsAddr, marker), "", 0},
				{"unknown authority", shakes("127.0.0.6", unknown), "TLS handshake failed", 1},
				{"a certificate of nobody's", shakes("127.0.0.7", &pair), "a client certificate logs nobody in", 1},
				{"a session without AUTH", shakes("127.0.0.8", nil), "", 0},
				{"a wrong password", floodOf("unix", "", unix, "AUTH "+marker+" "+marker+"\r\nAUTH app "+marker+"\r\nQUIT\r\n"), "login failed", 100},
				{"no protocol", floodOf("unix", "", unix, "*1\r\n$-"+marker+"\r\n"), "", 0},
				{"no metrics", floodOf("tcp", "127.0.0.9", metrics, marker+"\r\n\r\n"), "", 0},
				{"a page that rebinds", floodOf("tcp", "127.0.0.9", metrics, "GET /metrics HTTP/1.1\r\nHost: "+marker+"\r\nConnection: close\r\n\r\n"), "", 0},
				{"a health check", floodOf("tcp", "127.0.0.9", metrics, "GET /healthz HTTP/1.0\r\n\r\n"), "", 0},
				{"a probe", func(t *testing.T, p *process.Process) {
					if nc := from(t, "tcp", "127.0.0.10", p.Addr); nc != nil {
						nc.Close()
					}
				}, "", 0},
			} {
				// A line says how many others of its kind there were in the second before.
				if f.log != "" {
					time.Sleep(time.Until(logged[f.log].Add(1100 * time.Millisecond)))
				}
				before, began := p.Log.String(), time.Now()
				var clients sync.WaitGroup
				const atOnce = 25
				for range atOnce {
					clients.Go(func() {
						for range times / atOnce {
							f.once(t, p)
						}
					})
				}
				clients.Wait()
				settled(t, p)
				logged[f.log] = time.Now()
				seconds := int(time.Since(began)/time.Second) + 2
				lines, held := 0, 0
				for line := range strings.Lines(strings.TrimPrefix(p.Log.String(), before)) {
					message, n := logLine(t, format, line)
					if f.log == "" || message != f.log {
						t.Errorf("%s: the log says %s", f.name, line)
					}
					lines, held = lines+1, held+n
				}
				if f.log != "" && lines == 0 {
					t.Errorf("%s: nothing is logged of it", f.name)
				}
				if lines > f.rate*seconds || lines+held > 2*times {
					t.Errorf("%s: %d lines in %d seconds, and %d not logged; want %d a second", f.name, lines, seconds, held, f.rate)
				}
			}
			holds()
			if err := p.Stop(); err != nil {
				t.Error(err)
			}
			for line := range strings.Lines(p.Log.String()) {
				logLine(t, format, line)
			}
			if strings.Contains(p.Log.String(), marker) {
				t.Errorf("the log quotes what clients have sent:\n%s", p.Log)
			}
		})
	}
}

// settled waits until what was done before is logged: a client that logs in after it has
// been served, and failed log-ins wait no longer than it takes to write them.
func settled(t *testing.T, p *process.Process) {
	t.Helper()
	for was := -1; was != len(p.Log.String()); {
		was = len(p.Log.String())
		nc := from(t, "unix", "", p.Unix)
		if nc == nil {
			t.Fatal("redisgate does not answer any more")
		}
		_, _ = io.WriteString(nc, "QUIT\r\n")
		_, _ = io.Copy(io.Discard, nc)
		nc.Close()
	}
}

var (
	textLine = regexp.MustCompile(`^time=\S+ level=[A-Z]+ msg=(?:"([^"]+)"|(\S+))( [a-z_]+=("(\\.|[^"\\])*"|[^" ]*))*\n$`)
	textHeld = regexp.MustCompile(` not_logged=(\d+)`)
)

// logLine takes a line of the log to pieces: its message, and how many others it stands for.
func logLine(t *testing.T, format, line string) (message string, held int) {
	t.Helper()
	if format == "text" {
		m := textLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("the log has a line that is none: %q", line)
			return "", 0
		}
		if n := textHeld.FindStringSubmatch(line); n != nil {
			held, _ = strconv.Atoi(n[1])
		}
		return m[1] + m[2], held
	}
	var v struct {
		Time      time.Time `json:"time"`
		Level     string    `json:"level"`
		Msg       string    `json:"msg"`
		NotLogged int       `json:"not_logged"`
	}
	if err := json.Unmarshal([]byte(line), &v); err != nil || v.Msg == "" || v.Level == "" || v.Time.IsZero() {
		t.Errorf("the log has a line that is no JSON of a log: %q (%v)", line, err)
	}
	return v.Msg, v.NotLogged
}
