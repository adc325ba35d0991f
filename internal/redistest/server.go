// Package redistest runs real Redis servers for tests. It knows how to find,
// start, kill and restart redis-server, and gives out go-redis clients for
// it. It does not know redisgate. It is imported by tests and benchmarks only.
package redistest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/child"
)

// Options says how to run a server. The zero value listens on a unix socket
// only, without a password.
type Options struct {
	TCP      bool     // listen on a loopback port too, plain
	TLS      *TLS     // listen on another loopback port with TLS, if not nil
	Password string   // requirepass, if not empty
	Args     []string // more arguments, as on the command line: "--maxclients", "64"
}

// TLS names PEM files for Redis's own TLS.
type TLS struct{ Cert, Key, CA string }

// Server is one redis-server. Its addresses stay the same over restarts.
type Server struct {
	t      testing.TB
	binary string
	o      Options
	dir    string
	tcp    *child.Port
	tls    *child.Port

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has been waited for
	log    *bytes.Buffer // what cmd wrote; read it after exited only
}

// startTimeout is generous: race-instrumented tests share few cores.
const startTimeout = 20 * time.Second

// Start runs a server until the end of the test, or skips the test if there
// is no redis-server of version 7 or newer.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	// Not t.TempDir: with a long test name a socket's path grows beyond what
	// the kernel takes.
	dir, err := os.MkdirTemp("", "rgtest")
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	s := &Server{t: t, binary: requireServer(t), o: o, dir: dir}
	t.Cleanup(func() {
		s.Kill9()
		s.tcp.Release()
		s.tls.Release()
		_ = os.RemoveAll(dir)
	})
	const attempts = 10
	for i := range attempts {
		if err = s.choosePorts(); err == nil {
			err = s.start()
		}
		if err == nil {
			return s
		}
		if !errors.Is(err, errPortTaken) {
			break
		}
		t.Logf("redistest: attempt %d: %v", i+1, err)
	}
	t.Fatalf("redistest: %v", err)
	return nil
}

func (s *Server) choosePorts() error {
	s.tcp.Release()
	s.tls.Release()
	var err error
	if s.o.TCP {
		if s.tcp, err = child.HoldPort(); err != nil {
			return err
		}
	}
	if s.o.TLS != nil {
		if s.tls, err = child.HoldPort(); err != nil {
			return err
		}
	}
	return nil
}

// Socket returns the path of the unix socket.
func (s *Server) Socket() string { return filepath.Join(s.dir, "redis.sock") }

// Addr returns "127.0.0.1:port" of the plain listener, for Options.TCP.
func (s *Server) Addr() string { return s.tcp.Addr() }

// TLSAddr returns "127.0.0.1:port" of the TLS listener, for Options.TLS.
func (s *Server) TLSAddr() string { return s.tls.Addr() }

// Dir returns the server's working directory.
func (s *Server) Dir() string { return s.dir }

// Pid returns the process's number, or 0 while there is none.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

func (s *Server) args() []string {
	args := []string{
		"--daemonize", "no", "--save", "", "--appendonly", "no", "--dir", s.dir,
		"--bind", "127.0.0.1", "--unixsocket", s.Socket(), "--unixsocketperm", "700",
		"--port", s.tcp.Number(), "--loglevel", "notice",
	}
	if s.o.TLS != nil {
		args = append(args, "--tls-port", s.tls.Number(), "--tls-auth-clients", "no",
			"--tls-cert-file", s.o.TLS.Cert, "--tls-key-file", s.o.TLS.Key, "--tls-ca-cert-file", s.o.TLS.CA)
	}
	if s.o.Password != "" {
		args = append(args, "--requirepass", s.o.Password)
	}
	return append(args, s.o.Args...)
}

var errPortTaken = errors.New("the port was taken by somebody else")

func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		return errors.New("already running")
	}
	s.log = new(bytes.Buffer)
	s.exited = make(chan struct{})
	cmd := exec.Command(s.binary, s.args()...)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := child.Start(cmd); err != nil {
		return err
	}
	go func(exited chan struct{}) {
		_ = cmd.Wait()
		close(exited)
	}(s.exited)
	s.cmd = cmd
	if err := s.waitReady(); err != nil {
		s.kill()
		if strings.Contains(s.log.String(), "Address already in use") {
			return errPortTaken
		}
		return fmt.Errorf("%w; it wrote:\n%s", err, s.log)
	}
	return nil
}

// waitReady waits until the process that was started answers on all of its
// listeners.
func (s *Server) waitReady() error {
	deadline := time.Now().Add(startTimeout)
	for {
		err := s.probe()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("redis-server was not ready in %v: %w", startTimeout, err)
		}
		select {
		case <-s.exited:
			return errors.New("redis-server ended")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (s *Server) probe() error {
	endpoints := []struct {
		network, addr string
		tls           bool
	}{{"unix", s.Socket(), false}}
	if s.tcp != nil {
		endpoints = append(endpoints, struct {
			network, addr string
			tls           bool
		}{"tcp", s.tcp.Addr(), false})
	}
	if s.tls != nil {
		endpoints = append(endpoints, struct {
			network, addr string
			tls           bool
		}{"tcp", s.tls.Addr(), true})
	}
	for _, e := range endpoints {
		pid, err := processID(e.network, e.addr, s.o.Password, e.tls)
		if err != nil {
			return err
		}
		// Somebody else's server could stand at the port.
		if pid != s.cmd.Process.Pid {
			return fmt.Errorf("%s is served by process %d; want %d", e.addr, pid, s.cmd.Process.Pid)
		}
	}
	return nil
}

// processID asks the server at addr for the number of its process.
func processID(network, addr, password string, useTLS bool) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	if useTLS {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true}) // only to see who answers
	}
	_ = nc.SetDeadline(time.Now().Add(2 * time.Second))
	var request string
	if password != "" {
		request = fmt.Sprintf("*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n", len(password), password)
	}
	request += "*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n*1\r\n$4\r\nQUIT\r\n"
	if _, err := io.WriteString(nc, request); err != nil {
		return 0, err
	}
	reply, err := io.ReadAll(io.LimitReader(nc, 1<<16))
	if _, rest, ok := strings.Cut(string(reply), "process_id:"); ok {
		digits, _, _ := strings.Cut(rest, "\r\n")
		return strconv.Atoi(digits)
	}
	return 0, fmt.Errorf("no process_id in %q (%w)", reply, err)
}

// Kill9 ends the process as a crash would. It returns once it is gone.
func (s *Server) Kill9() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
}

func (s *Server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
	s.cmd = nil
}

// Restart kills the process if it runs and starts another one, empty, at the
// same addresses. It may be called from any goroutine of the test; when it
// fails the test is marked as failed and goes on.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill9()
	if err := s.start(); err != nil {
		s.t.Errorf("redistest: restart: %v", err)
	}
}

// Client returns a go-redis client over the unix socket, closed at the end of
// the test.
func (s *Server) Client() *redis.Client {
	return NewClient(s.t, &redis.Options{Network: "unix", Addr: s.Socket(), Password: s.o.Password})
}

// NewClient is redis.NewClient with Close at the end of the test. Use it for
// clients of redisgate too.
func NewClient(t testing.TB, o *redis.Options) *redis.Client {
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Do sends one command to the server itself and returns its reply. An error
// other than redis.Nil fails the test.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: s.Socket(), Password: s.o.Password})
	defer c.Close()
	v, err := c.Do(context.Background(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.t.Fatalf("redis: %v = %v; want no error", args[0], err)
	}
	return v
}
