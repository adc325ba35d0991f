package proxy

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"redisgate/auth"
	"redisgate/users"
)

// guessedAt is a server at whose user app so many addresses guess, one time each.
func guessedAt(t *testing.T, addresses int) *Server {
	t.Helper()
	s := &Server{
		users: users.NewStore(buildUsers(t, testUsers, nil)), throttle: auth.NewThrottle(auth.ThrottleOptions{}),
		failures: newFailures(), born: time.Now(),
	}
	for i := range addresses {
		s.loginFailed(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), []byte("app"))
	}
	return s
}

// logged returns what the queue of failures comes to.
func logged(s *Server) string {
	var out bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.failures.log(ctx, slog.New(slog.NewTextHandler(&out, nil)))
	return out.String()
}

func TestAlertsAreCountedAndLogged(t *testing.T) {
	s := guessedAt(t, 200)
	s.loginFailed(testAddr, []byte("hunter2"))
	s.loginFailed(netip.Addr{}, []byte("few"))
	out := logged(s)
	if n := s.failures.alerts.Load(); n != 1 || strings.Count(out, `msg="many addresses guess at the password of one user" user=app`) != 1 {
		t.Errorf("%d alerts; want 1, counted and logged\n%s", n, out)
	}
	// The lines of one second are bounded; what is left out is counted in a later one.
	if n := strings.Count(out, `msg="login failed"`); n != failureLines {
		t.Errorf("%d lines; want %d", n, failureLines)
	}
	if n := s.failures.held.Load(); n != 102 {
		t.Errorf("%d failures are not logged; want 102", n)
	}
	s = guessedAt(t, 1)
	s.failures.held.Store(7)
	s.loginFailed(testAddr, []byte("hunter2"))
	s.loginFailed(netip.Addr{}, []byte("few"))
	out = logged(s)
	for _, want := range []string{"address=10.0.0.0 user=app not_logged=7\n", "address=192.0.2.1 user=unknown not_logged=0\n", "address=unix user=few not_logged=0\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("the log has not %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "hunter2") {
		t.Errorf("the log has what a stranger has typed:\n%s", out)
	}
}

// blocked is a log that takes nothing until it is let go.
type blocked struct {
	once    sync.Once
	reached chan struct{}
	free    chan struct{}
}

func (b *blocked) Write(p []byte) (int, error) {
	b.once.Do(func() { close(b.reached) })
	<-b.free
	return len(p), nil
}

func TestALogThatBlocksHoldsNobodyUp(t *testing.T) {
	s := guessedAt(t, 0)
	w := &blocked{reached: make(chan struct{}), free: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.failures.log(ctx, slog.New(slog.NewTextHandler(w, nil))); close(done) }()
	s.loginFailed(testAddr, []byte("app"))
	<-w.reached
	for i := range failureQueue + 100 { // returns
		s.loginFailed(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), []byte("few"))
	}
	if n := s.failures.held.Load(); n != 100 {
		t.Errorf("%d failures were let go; want 100", n)
	}
	cancel()
	close(w.free)
	<-done
}
