package e2e

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"redisgate/auth"
	"redisgate/tlsconf"
)

// binary is the redisgate of this tree, built once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "redisgate-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "redisgate")
	out, err := exec.Command("go", "build", "-o", path, "redisgate/cmd/redisgate").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// process is a running redisgate.
type process struct {
	cmd     *exec.Cmd
	addr    string // TLS
	metrics string // URL of /metrics
	caFile  string
	ca      *tlsconf.Authority
	log     *syncBuffer
}

// start runs redisgate serve with a configuration made of the usual parts and
// extra TOML. acl is the rules of the user app besides its password, "secret".
func start(t testing.TB, redis, acl, extra string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := &process{caFile: filepath.Join(dir, "ca.crt"), log: &syncBuffer{}}
	now := time.Now()
	if p.ca, err = tlsconf.NewAuthority("test CA", now, time.Hour); err != nil {
		t.Fatal(err)
	}
	server, err := p.ca.Server(nil, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	key, err := server.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ca.crt", p.ca.CertPEM())
	write("server.crt", server.CertPEM())
	write("server.key", key)
	if strings.HasPrefix(redis, "/") {
		redis = "unix://" + redis
	}
	write("redisgate.toml", []byte(fmt.Sprintf(`
[listen]
address = "127.0.0.1:0"
workers = 1
[tls]
cert = "server.crt"
key = "server.key"
[upstream]
address = %q
[metrics]
address = "127.0.0.1:0"
[[user]]
name = "app"
acl = "on %s %s"
%s
`, redis, auth.Rule(auth.Hash([]byte("secret"))), acl, extra)))

	p.cmd = exec.Command(path, "serve", "--config", filepath.Join(dir, "redisgate.toml"))
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- p.cmd.Wait() }()
	t.Cleanup(func() {
		p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-exited:
			if err != nil {
				t.Errorf("redisgate ended with %v\n%s", err, p.log)
			}
		case <-time.After(20 * time.Second):
			p.cmd.Process.Kill()
			t.Errorf("redisgate did not end after SIGTERM\n%s", p.log)
		}
	})
	eventually(t, func() bool { return strings.Contains(p.log.String(), "msg=listening") })
	p.addr = field(t, p.log.String(), "address=")
	p.metrics = "http://" + field(t, p.log.String(), "metrics=") + "/metrics"
	eventually(t, func() bool { return strings.Contains(p.log.String(), "Redis answers") })
	return p
}

// field finds key=value, or key=[value], in the line that says "listening".
func field(t testing.TB, log, key string) string {
	t.Helper()
	for line := range strings.Lines(log) {
		if _, rest, ok := strings.Cut(line, key); ok && strings.Contains(line, "msg=listening") {
			value, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			return strings.Trim(value, `"[]`)
		}
	}
	t.Fatalf("no %q in the log:\n%s", key, log)
	return ""
}

func (p *process) tls() *tls.Config {
	return &tls.Config{RootCAs: p.ca.Pool(), ServerName: "localhost"}
}

func (p *process) dial(t testing.TB) net.Conn {
	t.Helper()
	nc, err := tls.Dial("tcp", p.addr, p.tls())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

// metric returns the value of one series, as it is written in the exposition.
func (p *process) metric(t testing.TB, series string) float64 {
	t.Helper()
	res, err := http.Get(p.metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), series+" "); ok {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no series %s in\n%s", series, body)
	return 0
}

// resident is the resident memory in bytes.
func (p *process) resident(t testing.TB) int64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func eventually(t testing.TB, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it has not come about in 10 s")
		}
	}
}
