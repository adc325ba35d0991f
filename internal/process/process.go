// Package process builds and runs the redisgate of this tree as its users run it:
// the binary, with a configuration file. It is for tests and benchmarks only.
package process

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"redisgate/auth"
	"redisgate/internal/child"
	"redisgate/tlsconf"
)

// Password is that of the user app.
const Password = "secret"

// Build builds redisgate into dir and returns the binary's path.
func Build(dir string) (string, error) {
	path := filepath.Join(dir, "redisgate")
	out, err := exec.Command("go", "build", "-tags", tags, "-o", path, "redisgate/cmd/redisgate").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// Options says what to run.
type Options struct {
	Binary   string
	Dir      string // for the configuration and certificates; the caller removes it
	Redis    string // "host:port", or the path of a unix socket
	Rules    string // of the user app, besides its password
	Listen   string // more lines of [listen]
	TLS      string // more lines of [tls]; "ca.crt" is the authority of the certificates
	Upstream string // more lines of [upstream]
	Extra    string // more TOML, at the end
	Workers  int    // default 1

	Certificate *Certificate // default: a new one, in Dir
	NoMetrics   bool         // no listener for metrics
	Stdout      io.Writer    // what it writes there; nil: nobody reads it
}

// Process is a running redisgate.
type Process struct {
	Addr    string // "127.0.0.1:port", TLS
	Unix    string // path of a listener without TLS
	Metrics string // URL of /metrics, without Options.NoMetrics
	CAFile  string
	CA      *tlsconf.Authority
	Log     *Buffer

	cmd    *exec.Cmd
	exited chan error
}

// Start runs redisgate serve and returns when it listens and Redis answers.
func Start(o Options) (*Process, error) {
	cert := o.Certificate
	if cert == nil {
		var err error
		if cert, err = NewCertificate(o.Dir); err != nil {
			return nil, err
		}
	}
	p := &Process{Unix: filepath.Join(o.Dir, "gate.sock"), CAFile: cert.CAFile, CA: cert.CA, Log: &Buffer{}, exited: make(chan error, 1)}
	redis := o.Redis
	if strings.HasPrefix(redis, "/") {
		redis = "unix://" + redis
	}
	metrics := "127.0.0.1:0"
	if o.NoMetrics {
		metrics = ""
	}
	conf := filepath.Join(o.Dir, "redisgate.toml")
	err := os.WriteFile(conf, fmt.Appendf(nil, `
[listen]
address = ["127.0.0.1:0", "unix://gate.sock"]
workers = %d
%s
[tls]
cert = %q
key = %q
%s
[upstream]
address = %q
%s
[metrics]
address = %q
[[user]]
name = "app"
acl = "on %s %s"
%s
`, max(1, o.Workers), o.Listen, cert.CertFile, cert.KeyFile, o.TLS, redis, o.Upstream, metrics, auth.Rule(auth.Hash([]byte(Password))), o.Rules, o.Extra), 0o600)
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(o.Binary, "serve", "--config", conf)
	p.cmd.Stderr, p.cmd.Stdout = p.Log, o.Stdout
	if err := child.Start(p.cmd); err != nil {
		return nil, err
	}
	go func() { p.exited <- p.cmd.Wait() }()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(p.Log.String(), "Redis answers"); {
		select {
		case err := <-p.exited:
			return nil, fmt.Errorf("redisgate ended: %w\n%s", err, p.Log)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(end) {
			p.cmd.Process.Kill()
			return nil, fmt.Errorf("redisgate does not come up\n%s", p.Log)
		}
	}
	p.Addr = p.listening("address=")
	p.Metrics = "http://" + p.listening("metrics=") + "/metrics"
	return p, nil
}

// listening finds key=value, key=[value], or the same in JSON, in the line that says
// "listening"; of several values the first.
func (p *Process) listening(key string) string {
	for line := range strings.Lines(p.Log.String()) {
		if _, rest, ok := strings.Cut(line, key); ok && strings.Contains(line, "msg=listening") {
			value, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			return strings.Trim(value, `"[]`)
		}
		if _, rest, ok := strings.Cut(line, `"`+strings.TrimSuffix(key, "=")+`":`); ok && strings.Contains(line, `"msg":"listening"`) {
			value, _, _ := strings.Cut(strings.TrimLeft(rest, `["`), `"`)
			return value
		}
	}
	return ""
}

// TLS returns a client's configuration that trusts the process.
func (p *Process) TLS() *tls.Config {
	return &tls.Config{RootCAs: p.CA.Pool(), ServerName: "localhost"}
}

// Stop ends it as an operator would, with SIGTERM.
func (p *Process) Stop() error {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.exited:
		p.exited <- err
		if err != nil {
			return fmt.Errorf("redisgate ended: %w\n%s", err, p.Log)
		}
		return nil
	case <-time.After(20 * time.Second):
		p.cmd.Process.Kill()
		return fmt.Errorf("redisgate did not end after SIGTERM\n%s", p.Log)
	}
}

// Pid is the process's number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Metric returns the value of one series, named as in the exposition.
func (p *Process) Metric(series string) (float64, error) {
	res, err := http.Get(p.Metrics)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), series+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("no series %s in\n%s", series, body)
}

// Resident is the resident memory in bytes.
func (p *Process) Resident() (int64, error) { return child.Resident(p.Pid()) }

// CPU is the processor time that the process has used.
func (p *Process) CPU() (time.Duration, error) { return child.CPU(p.Pid()) }

// Buffer is a bytes.Buffer for several goroutines.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends p.
func (s *Buffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String returns what was written so far.
func (s *Buffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
