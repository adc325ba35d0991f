package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
	"redisgate/tlsconf"
)

// put replaces a file in one step.
func put(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// served is a redisgate that serves in front of a Redis, with certificates in dir.
type served struct {
	*background
	dir, clients, metrics string
}

func (s *served) path(name string) string { return filepath.Join(s.dir, name) }

// serveIn runs serve with files of dir.
func serveIn(t *testing.T, dir, tlsKeys, users string) *served {
	t.Helper()
	rs := redistest.Start(t, redistest.Options{})
	config := filepath.Join(dir, "redisgate.toml")
	put(t, config, fmt.Appendf(nil, `[listen]
address = "127.0.0.1:0"
[tls]
cert = "server.crt"
key = "server.key"
client_ca = "ca.crt"
%s
[upstream]
address = "unix://%s"
[metrics]
address = "127.0.0.1:0"
%s`, tlsKeys, rs.Socket(), users))
	s := &served{background: start(t, "serve", "--config", config), dir: dir}
	s.clients, s.metrics = addresses(t, s.waitFor(t, s.stderr, "Redis answers"))
	return s
}

const certificateUser = "[[user]]\nname = \"app\"\nacl = \"on ~* &* +@all\"\ncertificates = [\"CN:app\"]\n"

// issue writes a pair of files.
func issue(t testing.TB, dir, name string, c *tlsconf.Issued) {
	t.Helper()
	key, err := c.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, name+".crt"), c.CertPEM())
	put(t, filepath.Join(dir, name+".key"), key)
}

// Certificate, key and authorities are renewed while 50 clients work and connect anew,
// and not one command fails.
func TestRenewalUnderTraffic(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	ca, err := tlsconf.NewAuthority("test CA", now, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	server := func() *tlsconf.Issued {
		s, err := ca.Server(nil, now, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	put(t, filepath.Join(dir, "ca.crt"), ca.CertPEM())
	issue(t, dir, "server", server())
	s := serveIn(t, dir, `client_auth = "require"`, certificateUser)
	app, err := ca.Client("app", now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	conf := &tls.Config{
		RootCAs: ca.Pool(), ServerName: "localhost", Certificates: []tls.Certificate{app.Pair()}, ClientSessionCache: tls.NewLRUClientSessionCache(100),
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var commands, failures atomic.Int64
	var workers sync.WaitGroup
	for i := range 50 {
		workers.Go(func() {
			key := fmt.Sprint("k", i)
			for n := 0; ctx.Err() == nil; n++ {
				c := redis.NewClient(&redis.Options{Addr: s.clients, TLSConfig: conf, MaxRetries: -1, PoolSize: 1, DialerRetries: 1})
				for range 40 {
					if err := c.Set(context.Background(), key, n, 0).Err(); err != nil {
						failures.Add(1)
						t.Errorf("SET of client %d = %v", i, err)
					}
					commands.Add(1)
				}
				_ = c.Close()
			}
		})
	}
	for i := range 6 {
		next := server()
		issue(t, dir, "server", next)
		if i%2 == 1 {
			other, err := tlsconf.NewAuthority("other CA", now, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(dir, "ca.crt"), append(ca.CertPEM(), other.CertPEM()...))
		}
		for before, shown := commands.Load(), false; !shown || commands.Load() < before+200; {
			nc, err := tls.Dial("tcp", s.clients, conf)
			if err != nil {
				t.Fatal(err)
			}
			shown = shown || nc.ConnectionState().PeerCertificates[0].Equal(next.Certificate)
			nc.Close()
			if failures.Load() > 0 {
				break
			}
		}
	}
	stop()
	workers.Wait()
	if failures.Load() > 0 || commands.Load() < 1000 {
		t.Errorf("%d of %d commands have failed; want none of many", failures.Load(), commands.Load())
	}
	if code := s.stop(); code != 0 {
		t.Errorf("serve ended with %d:\n%s", code, s.stderr)
	}
}

// authority is one of openssl's.
type authority struct {
	t   *testing.T
	dir string
}

func (a authority) openssl(args ...string) {
	a.t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = a.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		a.t.Fatalf("openssl %s: %v\n%s", args[0], err, out)
	}
}

// newAuthority makes one that signs revocation lists of version 1, as openssl does
// unless it is told otherwise, or 2.
func newAuthority(t *testing.T, version int) authority {
	t.Helper()
	redistest.RequireTool(t, "openssl")
	redistest.RequireTool(t, "redis-cli")
	a := authority{t, t.TempDir()}
	extensions := ""
	if version == 2 {
		extensions = "crl_extensions = list\n"
	}
	put(t, filepath.Join(a.dir, "ca.cnf"), []byte(`[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.crt
private_key = ca.key
default_md = sha256
default_days = 2
default_crl_days = 1
policy = any
x509_extensions = client
`+extensions+`[any]
commonName = supplied
[client]
extendedKeyUsage = clientAuth
[server]
subjectAltName = DNS:localhost,IP:127.0.0.1
[list]
authorityKeyIdentifier = keyid
`))
	put(t, filepath.Join(a.dir, "index.txt"), nil)
	put(t, filepath.Join(a.dir, "serial"), []byte("1000\n"))
	a.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", "/CN=openssl CA", "-keyout", "ca.key", "-out", "ca.crt")
	a.sign("server", "-extensions", "server")
	a.sign("app")
	a.list()
	return a
}

func (a authority) sign(name string, more ...string) {
	a.t.Helper()
	a.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN="+name, "-keyout", name+".key", "-out", name+".csr")
	a.openssl(append([]string{"ca", "-batch", "-notext", "-config", "ca.cnf", "-in", name + ".csr", "-out", name + ".crt"}, more...)...)
}

// list signs the list anew and exchanges it.
func (a authority) list() {
	a.t.Helper()
	a.openssl("ca", "-gencrl", "-config", "ca.cnf", "-out", "ca.crl.new")
	if err := os.Rename(filepath.Join(a.dir, "ca.crl.new"), filepath.Join(a.dir, "ca.crl")); err != nil {
		a.t.Fatal(err)
	}
}

func (s *served) rediscli(name string) (string, error) {
	host, port, _ := net.SplitHostPort(s.clients)
	out, err := exec.Command("redis-cli", "--tls", "--cacert", s.path("ca.crt"), "--cert", s.path(name+".crt"), "--key", s.path(name+".key"),
		"-h", host, "-p", port, "ACL", "WHOAMI").CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestRevocationByOpenSSL(t *testing.T) {
	for version, keys := range map[int]string{1: `crl = "ca.crl"`, 2: `crl = ["ca.crl"]`} {
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) {
			a := newAuthority(t, version)
			s := serveIn(t, a.dir, "client_auth = \"require\"\n"+keys, certificateUser)
			if got, err := s.rediscli("app"); got != "app" || err != nil {
				t.Fatalf("redis-cli = %q, %v; want app\n%s", got, err, s.stderr)
			}
			pair, err := tls.LoadX509KeyPair(s.path("app.crt"), s.path("app.key"))
			if err != nil {
				t.Fatal(err)
			}
			conf := trusting(t, s.path("ca.crt"))
			conf.Certificates = []tls.Certificate{pair}
			open, err := tls.Dial("tcp", s.clients, conf)
			if err != nil {
				t.Fatal(err)
			}
			defer open.Close()
			_ = open.SetDeadline(time.Now().Add(30 * time.Second))
			if _, err := open.Write([]byte("SUBSCRIBE news\r\n")); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 1000)
			if _, err := open.Read(buf); err != nil {
				t.Fatal(err)
			}
			expiries(t, s)

			a.openssl("ca", "-revoke", "app.crt", "-config", "ca.cnf")
			a.list()
			if n, err := open.Read(buf); err == nil {
				t.Errorf("the open session reads %q; want its end", buf[:n])
			} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Errorf("the open session has not ended\n%s", s.stderr)
			}
			s.waitFor(t, s.stderr, "were read again")
			if got, err := s.rediscli("app"); err == nil && got == "app" {
				t.Error("redis-cli logs in with a revoked certificate")
			}
			s.waitFor(t, s.stderr, "the client's certificate is revoked")
			_, page := fetch(t, "http://"+s.metrics+"/metrics")
			for _, want := range []string{
				`redisgate_tls_reloads_total{result="ok"} 1`, `redisgate_tls_reloads_total{result="failed"} 0`, "redisgate_tls_sessions_ended_total 1",
				`redisgate_auth_certificates_total{user="app"} 2`, `redisgate_auth_total{result="certificate"} 2`,
			} {
				if !strings.Contains(page, "\n"+want+"\n") {
					t.Errorf("/metrics lacks %s", want)
				}
			}

			// What is damaged changes nothing, and is counted.
			put(t, s.path("ca.crl"), []byte("damaged"))
			if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			s.waitFor(t, s.stderr, "cannot be used; the old ones stay in force")
			if _, page := fetch(t, "http://"+s.metrics+"/metrics"); !strings.Contains(page, "\nredisgate_tls_reloads_total{result=\"failed\"} 1\n") {
				t.Error("the failure is not counted")
			}
		})
	}
}

// expiries compares what /metrics says with what openssl does.
func expiries(t *testing.T, s *served) {
	t.Helper()
	_, page := fetch(t, "http://"+s.metrics+"/metrics")
	for _, f := range []struct{ file, series, tool, field string }{
		{"server.crt", "certificate", "x509", "-enddate"}, {"ca.crt", "certificate", "x509", "-enddate"}, {"ca.crl", "crl", "crl", "-nextupdate"},
	} {
		out, err := exec.Command("openssl", f.tool, "-in", s.path(f.file), "-noout", f.field).Output()
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(strings.TrimSpace(string(out)), "=")
		end, err := time.Parse("Jan _2 15:04:05 2006 MST", text)
		if err != nil {
			t.Fatal(err)
		}
		series := fmt.Sprintf("redisgate_tls_%s_expiry_timestamp_seconds{file=%q} ", f.series, s.path(f.file))
		_, rest, _ := strings.Cut(page, "\n"+series)
		value, _, _ := strings.Cut(rest, "\n")
		var got float64
		if _, err := fmt.Sscan(value, &got); err != nil || int64(got) != end.Unix() {
			t.Errorf("%s is %q, %v; want %d", series, value, err, end.Unix())
		}
	}
}
