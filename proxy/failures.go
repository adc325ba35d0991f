package proxy

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	// failureQueue is how many failed log-ins wait to be logged: a log that blocks must
	// not hold up a loop.
	failureQueue = 1024
	// failureLines is how many of them are logged in a second. One address alone cannot
	// reach it: its own bounds are lower.
	failureLines = 100
)

// failures logs failed log-ins, one line each in a form that others read (fail2ban), on
// a goroutine of its own.
type failures struct {
	queue  chan failure
	held   atomic.Uint64 // not logged, since the queue was full or the second was
	alerts atomic.Uint64
}

// failure is one wrong attempt.
type failure struct {
	address netip.Addr // not valid on a unix socket
	user    string     // unknownUser if there is none of the name that was tried
	alert   bool       // many addresses are wrong about this name by now
}

// unknownUser is what stands in the log for names that are nobody's: people type
// passwords in the wrong place.
const unknownUser = "unknown"

func newFailures() *failures { return &failures{queue: make(chan failure, failureQueue)} }

// add never waits.
func (f *failures) add(e failure) {
	if e.alert {
		f.alerts.Add(1)
	}
	select {
	case f.queue <- e:
	default:
		f.held.Add(1)
	}
}

// log writes lines until ctx ends, and then those that are left.
func (f *failures) log(ctx context.Context, log *slog.Logger) {
	second, lines := time.Time{}, 0
	write := func(e failure) {
		if e.alert {
			log.Warn("many addresses guess at the password of one user", "user", e.user)
		}
		if now := time.Now(); now.Sub(second) >= time.Second {
			second, lines = now, 0
		}
		if lines++; lines > failureLines {
			f.held.Add(1)
			return
		}
		address := "unix"
		if e.address.IsValid() {
			address = e.address.String()
		}
		log.Warn("login failed", "address", address, "user", e.user, "not_logged", f.held.Swap(0))
	}
	for {
		select {
		case e := <-f.queue:
			write(e)
			continue
		case <-ctx.Done():
		}
		select {
		case e := <-f.queue:
			write(e)
		default:
			return
		}
	}
}

// loginFailed notes a wrong attempt under that name.
func (s *Server) loginFailed(a netip.Addr, name []byte) {
	e := failure{address: a, user: unknownUser, alert: s.throttle.Fail(a, name, s.clock())}
	if u := s.users.Load().Lookup(name); u != nil {
		e.user = u.Name
	}
	s.failures.add(e)
}
