package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"redisgate/config"
)

// sockets are what a redisgate listens on.
type sockets struct {
	clients    []net.Listener
	metricsAt  net.Listener      // nil: metrics are off
	handoverAt *net.UnixListener // nil: nothing is handed over
	opened     []opened
	passed     []passed
}

// passed is a unix socket that the process before has passed on.
type passed struct {
	ln   *net.UnixListener
	mode fs.FileMode // that its file is to have
}

// opened is a socket that this process has opened itself.
type opened struct {
	at config.Endpoint
	ln net.Listener
}

func (s *sockets) close() {
	closeAll(s.clients, s.metricsAt)
	if s.handoverAt != nil {
		s.handoverAt.Close()
	}
}

// listenAll is listenOn with what systemd has opened.
func listenAll(cfg *config.Config) (clients []net.Listener, metricsAt net.Listener, err error) {
	given, err := inherit()
	if err != nil {
		return nil, nil, err
	}
	s, err := listenOn(cfg, given)
	if err != nil {
		return nil, nil, err
	}
	return s.clients, s.metricsAt, nil
}

// listenOn opens what the configuration names, or takes it from those that are given, all
// or nothing. The error is config.Problems, one for each address that failed, unless it is
// of systemd's sockets.
func listenOn(cfg *config.Config, given inherited) (*sockets, error) {
	defer func() { given.close() }() // what nobody has taken
	s := &sockets{}
	var problems config.Problems
	at := func(path string, e config.Endpoint, mode fs.FileMode) net.Listener {
		if ln, from := given.take(e); ln != nil {
			unix, isUnix := ln.(*net.UnixListener)
			switch {
			case isUnix && from == ofPeer:
				s.passed = append(s.passed, passed{unix, mode})
			case isUnix && from == ofStore:
				if err := os.Chmod(e.Address, mode); err != nil {
					problems = append(problems, cfg.NewProblem(path, "the mode of the socket cannot be set: "+err.Error(), "remove the file and restart"))
				}
			}
			return ln
		}
		ln, err := listenAt(e, mode)
		if err != nil {
			text, hint := listenProblem(err)
			problems = append(problems, cfg.NewProblem(path, text, hint))
			return nil
		}
		s.opened = append(s.opened, opened{e, ln})
		return ln
	}
	endpoints := cfg.Listen.Endpoints()
	for i, e := range endpoints {
		path := "listen.address"
		if len(endpoints) > 1 {
			path = fmt.Sprintf("%s[%d]", path, i)
		}
		if ln := at(path, e, cfg.Listen.UnixMode.FileMode()); ln != nil {
			s.clients = append(s.clients, ln)
		}
	}
	if cfg.Metrics.Address != "" {
		if ln := at("metrics.address", config.Endpoint{Network: "tcp", Address: cfg.Metrics.Address}, 0); ln != nil {
			s.metricsAt = ln
		}
	}
	if cfg.Listen.Handover != "" {
		opened := s.opened // systemd is not to keep this one
		s.handoverAt, _ = at("listen.handover", cfg.Listen.HandoverEndpoint(), handoverMode).(*net.UnixListener)
		s.opened = opened
	}
	var err error
	if len(problems) > 0 {
		err = problems
	} else if err = given.unclaimed(); err == nil {
		return s, nil
	}
	s.close()
	return nil, err
}

// handoverMode is that of the socket at which processes ask for all others.
const handoverMode = 0o600

// closeAll closes listeners; metricsAt may be nil.
func closeAll(clients []net.Listener, metricsAt net.Listener) {
	for _, ln := range clients {
		ln.Close()
	}
	if metricsAt != nil {
		metricsAt.Close()
	}
}

// listenProblem says why an address cannot be listened on, and what to do.
func listenProblem(err error) (text, hint string) {
	var h *hintError
	if errors.As(err, &h) {
		return h.Error(), h.hint
	}
	at, reason, unix := "", err.Error(), false
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil {
		at, unix = " on "+op.Addr.String(), op.Addr.Network() == "unix"
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		reason = errno.Error()
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		hint = "another program listens there, perhaps another redisgate: `ss -ltnp` shows which"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "this machine does not have that address; \":6380\" listens on all that it has"
	case unix && errors.Is(err, fs.ErrNotExist):
		hint = "make the directory first"
	case unix:
		hint = "the user that redisgate runs as must be able to write to the directory"
	case errors.Is(err, fs.ErrPermission):
		hint = "choose a port above 1023, or give redisgate the capability CAP_NET_BIND_SERVICE"
	}
	return "cannot listen" + at + ": " + reason, hint
}

func listenAt(e config.Endpoint, mode fs.FileMode) (net.Listener, error) {
	if !e.Unix() {
		return listenTCP(e.Address)
	}
	if err := removeStale(e.Address); err != nil {
		return nil, err
	}
	// The mode must hold from the first moment: between listen and a chmod
	// anybody could connect. Nothing else creates files meanwhile.
	old := syscall.Umask(int(0o777 &^ mode.Perm()))
	defer syscall.Umask(old)
	return net.Listen(e.Network, e.Address)
}

// listenTCP takes 0.0.0.0 for IPv4 only, as Redis does; package net would take it
// for all addresses.
func listenTCP(address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepAlive}
	if a, err := netip.ParseAddrPort(address); err == nil && a.Addr().Is4() {
		return lc.Listen(context.Background(), "tcp4", address)
	}
	return lc.Listen(context.Background(), "tcp", address)
}

// keepAlive finds clients that have vanished without a word: a wait for nobody would
// take an element.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 60 * time.Second, Interval: 10 * time.Second, Count: 3}

// removeStale removes the socket that a killed process has left at path. A
// socket that somebody listens on, and anything that is no socket, stays and
// is an error.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &net.OpError{Op: "listen", Net: "unix", Addr: &net.UnixAddr{Name: path, Net: "unix"}, Err: err}
	case info.Mode().Type() != fs.ModeSocket:
		return hinted("move it away, or choose another path", "cannot listen on %s: there is a file, which is no socket", path)
	}
	nc, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		nc.Close()
		return hinted("is another redisgate running?", "cannot listen on %s: somebody listens there already", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return hinted("if nobody listens there, remove it", "cannot listen on %s: there is a socket that cannot be tried: %w", path, err)
	}
	return os.Remove(path)
}
