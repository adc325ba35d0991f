package upstream

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"redisgate/eventloop"
	"redisgate/resp"
)

// scripted is a Redis whose part the test plays: it accepts connections and does
// nothing by itself.
type scripted struct {
	t     *testing.T
	path  string
	l     net.Listener
	conns chan net.Conn
}

func newScripted(t *testing.T) *scripted {
	t.Helper()
	dir, err := os.MkdirTemp("", "rgup") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{t: t, path: filepath.Join(dir, "s"), conns: make(chan net.Conn, 100)}
	t.Cleanup(func() { s.stop(); os.RemoveAll(dir) })
	s.start()
	return s
}

func (s *scripted) start() {
	l, err := net.Listen("unix", s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.l = l
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			s.conns <- nc
		}
	}()
}

func (s *scripted) stop() { s.l.Close() }

// server is one accepted connection.
type server struct {
	t  *testing.T
	nc net.Conn
	in []byte
}

const patience = 10 * time.Second

func (s *scripted) accept() *server {
	s.t.Helper()
	select {
	case nc := <-s.conns:
		s.t.Cleanup(func() { nc.Close() })
		return &server{t: s.t, nc: nc}
	case <-time.After(patience):
		s.t.Fatal("nobody connects")
		return nil
	}
}

// want reads the next request.
func (s *server) want(args ...string) *server {
	s.t.Helper()
	var p resp.Parser
	s.nc.SetReadDeadline(time.Now().Add(patience))
	for {
		n, err := p.Next(s.in, &resp.Limits{Arguments: 1000, Bulk: 1 << 30, Request: 1 << 30})
		if err == nil {
			var got []string
			for _, a := range p.Args() {
				got = append(got, string(a))
			}
			s.in = s.in[n:]
			if !slices.Equal(got, args) {
				s.t.Fatalf("Redis is asked %q; want %q", got, args)
			}
			return s
		}
		buf := make([]byte, 4096)
		m, err := s.nc.Read(buf)
		if err != nil {
			s.t.Fatalf("waiting for %q behind %q: %v", args, s.in, err)
		}
		s.in = append(s.in, buf[:m]...)
	}
}

func (s *server) say(text string) *server {
	s.t.Helper()
	if _, err := s.nc.Write([]byte(text)); err != nil {
		s.t.Fatal(err)
	}
	return s
}

// ended waits for the other side to close the connection.
func (s *server) ended() {
	s.t.Helper()
	s.nc.SetReadDeadline(time.Now().Add(patience))
	if n, err := s.nc.Read(make([]byte, 1)); n != 0 || err == nil || strings.Contains(err.Error(), "timeout") {
		s.t.Errorf("Read = %d, %v; want a closed connection", n, err)
	}
}

// loud is a pool on a running loop.
type loud struct {
	*Pool
	t      *testing.T
	limits *Limits
	dialer *Dialer

	mu       sync.Mutex
	failures []string
}

func newLoud(t *testing.T, s *scripted, change func(*Dialer, *Limits)) *loud {
	t.Helper()
	loop, err := eventloop.New(eventloop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := &loud{t: t, limits: NewLimits(100, 100), dialer: &Dialer{Network: "unix", Address: s.path, Timeout: patience}}
	if change != nil {
		change(l.dialer, l.limits)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.Pool, err = NewPool(ctx, Options{Loop: loop, Dialer: l.dialer, Limits: l.limits, Notify: func(kind string, err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failures = append(l.failures, kind)
	}})
	if err != nil {
		t.Fatal(err)
	}
	loop.AtTurnEnd(l.Pool.Flush)
	done := make(chan error, 1)
	go func() { done <- loop.Run() }()
	t.Cleanup(func() {
		cancel()
		loop.Stop()
		if err := <-done; err != nil {
			t.Errorf("Run() = %v", err)
		}
	})
	return l
}

// on runs f on the loop and waits for the end of the turn.
func (l *loud) on(f func()) {
	l.t.Helper()
	done := make(chan bool)
	if !l.loop.Post(func() { f(); close(done) }) {
		l.t.Fatal("the loop has ended")
	}
	<-done
}

// until waits for something to come about on the loop.
func (l *loud) until(what string, f func() bool) {
	l.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		ok := false
		l.on(func() { ok = f() })
		if ok {
			return
		}
		if time.Now().After(end) {
			l.t.Fatalf("it has not come about: %s", what)
		}
	}
}

func (l *loud) failed() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.failures)
}

// take is Dedicated, which must not fail.
func (l *loud) take(k Key, r Receiver) (c *Conn) {
	l.t.Helper()
	var err error
	l.on(func() { c, err = l.Dedicated(k, r) })
	if err != nil {
		l.t.Fatalf("Dedicated(%v) = %v", k, err)
	}
	return c
}

func request(args ...string) []byte { return resp.AppendCommand(nil, args...) }
