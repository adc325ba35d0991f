package main

import (
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"

	"redisgate/config"
)

// inherited are listening sockets that others have opened, and that nobody has taken yet.
type inherited []inheritance

// inheritance is one of them.
type inheritance struct {
	net.Listener
	from opener
	name string // systemd's
}

// opener says whose a socket is.
type opener uint8

const (
	ofUnit  opener = iota // systemd's, of a .socket unit: all of them must be served
	ofStore               // opened by an earlier run of the service, and kept by systemd
	ofPeer                // passed on by the process that this one replaces
)

// inherit takes over the sockets of socket activation, and those that systemd has kept. What
// is not a listening stream socket is an error: somebody would wait for an answer there.
func inherit() (inherited, error) {
	var out inherited
	var problems []error
	for _, f := range activation.Files(true) {
		from := ofUnit
		if strings.HasPrefix(f.Name(), keptName) {
			from = ofStore
		}
		ln, err := listenerOf(f)
		f.Close() // the listener has a descriptor of its own
		if err != nil {
			problems = append(problems, hinted("ListenStream= is what the .socket unit may have, with Accept=no", "the socket %q of systemd cannot be served: %w", f.Name(), err))
			continue
		}
		out = append(out, inheritance{ln, from, f.Name()})
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
	if tcp, ok := ln.(*net.TCPListener); ok {
		return alive{tcp}, nil
	}
	return ln, nil
}

// alive gives clients of an inherited listener the keepalive that those of others have.
type alive struct{ *net.TCPListener }

func (l alive) Accept() (net.Conn, error) {
	nc, err := l.TCPListener.Accept()
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(keepAlive) // it fails only on a connection that is gone
	}
	return nc, err
}

// take returns the socket that listens at e, and whose it is, or nil. "localhost:6380" and
// "[::]:6380" are compared as what they listen on.
func (s *inherited) take(e config.Endpoint) (net.Listener, opener) {
	want := e.Address
	if !e.Unix() {
		a, err := net.ResolveTCPAddr("tcp", e.Address)
		if err != nil {
			return nil, 0
		}
		if a.IP == nil {
			a.IP = net.IPv6unspecified // as net.Listen takes it
		}
		want = a.String()
	}
	for i, in := range *s {
		a := in.Addr()
		if a.String() != want || (a.Network() == "unix") != e.Unix() {
			continue
		}
		if e.Unix() && in.from != ofUnit {
			if _, err := os.Lstat(e.Address); err != nil {
				continue // its file is gone, so that nobody can connect there
			}
		}
		*s = append((*s)[:i:i], (*s)[i+1:]...)
		return in.Listener, in.from
	}
	return nil, 0
}

// outdated takes out the sockets that systemd has kept and the configuration does not name
// any more.
func (s *inherited) outdated(cfg *config.Config) inherited {
	left := slices.Clone(*s)
	for _, e := range cfg.Listen.Endpoints() {
		left.take(e)
	}
	left.take(config.Endpoint{Network: "tcp", Address: cfg.Metrics.Address})
	left = slices.DeleteFunc(left, func(in inheritance) bool { return in.from != ofStore })
	*s = slices.DeleteFunc(*s, func(in inheritance) bool { return slices.Contains(left, in) })
	return left
}

// unclaimed is an error if any socket of a unit is left.
func (s inherited) unclaimed() error {
	var at []string
	for _, in := range s {
		if in.from == ofUnit {
			at = append(at, in.Addr().String())
		}
	}
	if len(at) == 0 {
		return nil
	}
	return hinted("make ListenStream= of the .socket unit and listen.address the same",
		"systemd listens on %q, which is in neither listen.address nor metrics.address", at)
}

func (s inherited) close() {
	for _, in := range s {
		in.Close()
	}
}
