package tlsconf

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// buffer is a log for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// following is a Live over files of its own.
type following struct {
	*Live
	o       Options
	log     *buffer
	changed chan bool
}

func follow(t *testing.T, o Options) *following {
	t.Helper()
	f := &following{o: o, log: &buffer{}, changed: make(chan bool, 100)}
	seen := Digest(o.Files())
	first, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Live, err = NewLive(LiveOptions{
		Files: o.Files(), First: first, Seen: seen, Log: slog.New(slog.NewTextHandler(f.log, nil)),
		Load: func(now time.Time) (*Loaded, error) {
			next := o
			next.Now = now
			return Load(next)
		},
		Changed: func() { f.changed <- true },
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// serves says which certificate a client gets.
func (f *following) serves(t *testing.T, ca *Authority) *x509.Certificate {
	t.Helper()
	r := shake(t, f.Config(), &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"})
	if r.server != nil || r.client != nil {
		t.Fatalf("server: %v, client: %v", r.server, r.client)
	}
	return f.Config().Certificates[0].Leaf
}

func TestLook(t *testing.T) {
	ca := newAuthority(t)
	first, second := must(ca.Server(nil, now, year))(t), must(ca.Server(nil, now, year/2))(t)
	files := newFiles(t)
	o := Options{
		Cert: files.write("s.crt", first.CertPEM()), Key: files.write("s.key", first.keyPEM(t)),
		MinVersion: "1.2", ClientAuth: "none", Now: now,
	}
	f := follow(t, o)
	want := func(when string, c *Issued, ok, failed uint64) {
		t.Helper()
		if got := f.serves(t, ca); !got.Equal(c.Certificate) {
			t.Errorf("%s it serves number %v; want %v", when, got.SerialNumber, c.Certificate.SerialNumber)
		}
		if a, b := f.Reloads(); a != ok || b != failed || len(f.changed) != int(ok) {
			t.Errorf("%s there were %d reloads, %d failures, %d told; want %d and %d", when, a, b, len(f.changed), ok, failed)
		}
		if e := f.Expiries(); len(e) != 1 || !e[0].NotAfter.Equal(c.Certificate.NotAfter) {
			t.Errorf("%s expiries are %v; want that of the certificate in force", when, e)
		}
	}
	f.Look(now)
	want("at first", first, 0, 0)
	files.write("s.crt", second.CertPEM()) // and the key not yet
	f.Look(now)
	want("with half of a pair", first, 0, 1)
	f.Look(now)
	want("with the same half", first, 0, 1)
	if !strings.Contains(f.log.String(), "does not belong to the certificate") || strings.Contains(f.log.String(), "PRIVATE") {
		t.Errorf("the log is %s; want the reason, and nothing of a key", f.log)
	}
	files.write("s.key", second.keyPEM(t))
	f.Look(now)
	want("with the other pair", second, 1, 1)
	if err := os.Chtimes(o.Cert, now.Add(time.Hour), now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	files.write("s.crt", second.CertPEM())
	f.Look(now)
	want("with the same content again", second, 1, 1)
	for _, damage := range []func(){
		func() { _ = os.Remove(o.Key) },
		func() { files.write("s.key", []byte("hunter2")) },
		func() { files.write("s.key", nil) },
	} {
		damage()
		f.Look(now)
	}
	want("with damaged keys", second, 1, 4)
	files.write("s.key", second.keyPEM(t))
	f.Look(now)
	want("with what it has already", second, 2, 4)

	for range 3 {
		f.Look(now.Add(year))
	}
	if n := strings.Count(f.log.String(), "a TLS file has expired"); n != 1 || strings.Contains(f.log.String(), "hunter2") {
		t.Errorf("the log is %s; want that it says once that the certificate has expired, and nothing of a file", f.log)
	}
}

// A new set of authorities or of lists is in force as a whole, with other ticket keys.
func TestLookAtAuthorities(t *testing.T) {
	ca, other := newAuthority(t), wide(t, "other")
	server := must(ca.Server(nil, now, year))(t)
	app := must(ca.Client("app", now, year))(t)
	files := newFiles(t)
	end := now.Add(year)
	o := Options{
		Cert: files.write("s.crt", server.CertPEM()), Key: files.write("s.key", server.keyPEM(t)), MinVersion: "1.3",
		ClientCA: files.write("ca.pem", ca.CertPEM()), ClientAuth: "require", Now: now, CRL: []string{files.write("ca.crl", ca.list(t, end))},
	}
	f := follow(t, o)
	c := &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(10)}
	pair := app.Pair()
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	chains := [][]*x509.Certificate{chain(app, &ca.Issued)}
	connect := func(when string, accepted, resumed bool, judged error) {
		t.Helper()
		r := shake(t, f.Config(), c)
		if (r.server == nil) != accepted || r.state.DidResume != resumed {
			t.Errorf("%s: server %v, resumed: %v; want it accepted: %v, resumed: %v", when, r.server, r.state.DidResume, accepted, resumed)
		}
		if err := f.Judge(chains, now); err != judged {
			t.Errorf("%s: Judge() = %v; want %v", when, err, judged)
		}
	}
	connect("at first", true, false, nil)
	connect("again", true, true, nil)
	files.write("ca.crl", pemOf(blockList, ca.list(t, end)))
	f.Look(now)
	connect("with another list", true, false, nil)
	files.write("ca.crl", ca.list(t, end, app))
	f.Look(now)
	connect("revoked", false, false, ErrRevoked)
	files.write("ca.crl", ca.list(t, end))
	f.Look(now)
	connect("taken back", true, false, nil)
	files.write("ca.pem", other.CertPEM())
	files.write("ca.crl", other.list(t, end))
	f.Look(now)
	connect("with another authority", false, false, ErrUntrusted)
	files.write("ca.pem", ca.CertPEM(), other.CertPEM())
	files.write("ca.crl", pemOf(blockList, ca.list(t, end)), pemOf(blockList, other.list(t, end)))
	f.Look(now)
	connect("with both", true, false, nil)
	if ok, failed := f.Reloads(); ok != 5 || failed != 0 {
		t.Errorf("%d reloads, %d failures; want 5 and none", ok, failed)
	}
}

// watched runs Watch until the test ends.
func (f *following) watched(t *testing.T, every time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan bool)
	go func() {
		f.watch(ctx, every)
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// awaits waits until a certificate is in force.
func (f *following) awaits(t *testing.T, c *Issued) {
	t.Helper()
	for end := time.After(20 * time.Second); ; {
		if f.Config().Certificates[0].Leaf.Equal(c.Certificate) {
			return
		}
		select {
		case <-f.changed:
		case <-end:
			t.Fatalf("the certificate is not in force after 20 s; the log is %s", f.log)
		}
	}
}

// Kubernetes shows the files of a secret as links through a link that it exchanges.
func TestWatchKubernetes(t *testing.T) {
	ca := newAuthority(t)
	dir := t.TempDir()
	version := func(name string, s *Issued) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		for file, data := range map[string][]byte{"tls.crt": s.CertPEM(), "tls.key": s.keyPEM(t)} {
			if err := os.WriteFile(filepath.Join(dir, name, file), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		next := filepath.Join(dir, "..data_tmp")
		if err := os.Symlink(name, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	servers := make([]*Issued, 3)
	for i := range servers {
		servers[i] = must(ca.Server(nil, now, year))(t)
	}
	version("..1", servers[0])
	for _, file := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", file), filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	f := follow(t, Options{Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), MinVersion: "1.2", ClientAuth: "none", Now: now})
	f.watched(t, time.Hour) // so that only the system can tell
	version("..2", servers[1])
	f.awaits(t, servers[1])
	version("..3", servers[2])
	f.awaits(t, servers[2])
	if _, failed := f.Reloads(); failed != 0 {
		t.Errorf("%d looks have failed; want none, since the exchange is one step\n%s", failed, f.log)
	}
}

// A link to another directory changes there, of which the system tells nothing here:
// the timer finds it.
func TestWatchByTheTimer(t *testing.T) {
	ca := newAuthority(t)
	elsewhere, files := newFiles(t), newFiles(t)
	first, second := must(ca.Server(nil, now, year))(t), must(ca.Server(nil, now, year))(t)
	o := Options{Cert: filepath.Join(files.dir, "s.crt"), Key: filepath.Join(files.dir, "s.key"), MinVersion: "1.2", ClientAuth: "none", Now: now}
	for name, data := range map[string][]byte{"s.crt": first.CertPEM(), "s.key": first.keyPEM(t)} {
		if err := os.Symlink(elsewhere.write(name, data), filepath.Join(files.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	f := follow(t, o)
	f.watched(t, 5*time.Millisecond)
	elsewhere.write("s.crt", second.CertPEM())
	elsewhere.write("s.key", second.keyPEM(t))
	f.awaits(t, second)
}

// A directory that is taken away and put back is watched again.
func TestWatchADirectoryThatComesBack(t *testing.T) {
	ca := newAuthority(t)
	parent := t.TempDir()
	files := files{t, filepath.Join(parent, "tls")}
	write := func(s *Issued) (cert, key string) {
		if err := os.MkdirAll(files.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return files.write("s.crt", s.CertPEM()), files.write("s.key", s.keyPEM(t))
	}
	first, second := must(ca.Server(nil, now, year))(t), must(ca.Server(nil, now, year))(t)
	o := Options{MinVersion: "1.2", ClientAuth: "none", Now: now}
	o.Cert, o.Key = write(first)
	f := follow(t, o)
	f.watched(t, 5*time.Millisecond)
	if err := os.RemoveAll(files.dir); err != nil {
		t.Fatal(err)
	}
	write(second)
	f.awaits(t, second)
}

func TestNewLiveRefuses(t *testing.T) {
	if l, err := NewLive(LiveOptions{}); l != nil || err == nil {
		t.Errorf("NewLive() = %v, %v; want an error", l, err)
	}
}
