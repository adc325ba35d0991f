package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"

	"redisgate/config"
)

// inherited are the sockets that systemd has opened for the process, and that nobody has
// taken yet.
type inherited []net.Listener

// inherit takes over the sockets of socket activation. What is not a listening stream
// socket is an error: somebody would wait for an answer there.
func inherit() (inherited, error) {
	var out inherited
	var problems []error
	for _, f := range activation.Files(true) {
		ln, err := listenerOf(f)
		f.Close() // the listener has a descriptor of its own
		if err != nil {
			problems = append(problems, hinted("ListenStream= is what the .socket unit may have, with Accept=no", "the socket %q of systemd cannot be served: %w", f.Name(), err))
			continue
		}
		out = append(out, ln)
	}
	if len(problems) > 0 {
		out.close()
		return nil, errors.Join(problems...)
	}
	return out, nil
}

func listenerOf(f *os.File) (net.Listener, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	listens, optErr := 0, error(nil)
	if err := raw.Control(func(fd uintptr) {
		listens, optErr = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	}); err != nil || optErr != nil {
		return nil, errors.Join(err, optErr)
	}
	if listens == 0 {
		return nil, errors.New("it does not listen")
	}
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	return alive{ln}, nil
}

// alive gives clients of an inherited listener the keepalive that those of others have.
type alive struct{ net.Listener }

func (l alive) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(keepAlive) // it fails only on a connection that is gone
	}
	return nc, err
}

// take returns the socket that listens at e, or nil. "localhost:6380" and "[::]:6380" are
// compared as what they listen on.
func (s *inherited) take(e config.Endpoint) net.Listener {
	want := e.Address
	if !e.Unix() {
		a, err := net.ResolveTCPAddr("tcp", e.Address)
		if err != nil {
			return nil
		}
		if a.IP == nil {
			a.IP = net.IPv6unspecified // as net.Listen takes it
		}
		want = a.String()
	}
	for i, ln := range *s {
		if a := ln.Addr(); a.String() == want && (a.Network() == "unix") == e.Unix() {
			*s = append((*s)[:i:i], (*s)[i+1:]...)
			return ln
		}
	}
	return nil
}

// unclaimed is an error if any socket is left.
func (s inherited) unclaimed() error {
	if len(s) == 0 {
		return nil
	}
	var at []string
	for _, ln := range s {
		at = append(at, ln.Addr().String())
	}
	return hinted("make ListenStream= of the .socket unit and listen.address the same",
		"systemd listens on %q, which is in neither listen.address nor metrics.address", at)
}

func (s inherited) close() {
	for _, ln := range s {
		ln.Close()
	}
}

// supervisor is what has started the process and wants to know how it is: systemd, or
// nobody, to whom saying something does nothing.
type supervisor struct {
	log   *slog.Logger
	drain func() time.Duration // listen.drain_timeout
	alive func(within time.Duration) bool
}

// drainGrace is what ending takes besides listen.drain_timeout.
const drainGrace = 5 * time.Second

func (s supervisor) say(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd cannot be told", "state", state, "error", err)
	}
}

// watch says that the process is ready, that it drains once drain ends, and until ctx
// ends that it is alive: each time that all event loops have answered. After STOPPING=1
// systemd waits for no further word.
func (s supervisor) watch(ctx, drain context.Context) {
	period, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("the watchdog of systemd is misconfigured", "error", err)
	}
	s.say(daemon.SdNotifyReady)
	var tick <-chan time.Time // nil: no watchdog
	if period > 0 {
		t := time.NewTicker(period / 3)
		defer t.Stop()
		tick = t.C
	}
	draining := drain.Done()
	for {
		select {
		case <-ctx.Done():
			return
		case <-draining:
			draining, tick = nil, nil // systemd has its own deadline for the end
			s.say(fmt.Sprintf("%s\nEXTEND_TIMEOUT_USEC=%d", daemon.SdNotifyStopping, (s.drain() + drainGrace).Microseconds()))
		case <-tick:
			if !s.alive(period / 3) {
				s.log.Error("an event loop does not answer; the watchdog is not told that all is well")
				continue
			}
			s.say(daemon.SdNotifyWatchdog)
		}
	}
}
