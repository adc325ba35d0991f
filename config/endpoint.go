package config

import (
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// unixScheme begins the address of a unix socket.
const unixScheme = "unix://"

// maxSocketPath is the room for a path in sockaddr_un, without its NUL, on
// the systems where it is smallest (104 bytes on the BSDs and macOS, 108 on
// Linux).
const maxSocketPath = 103

// Endpoint is an address as package net wants it.
type Endpoint struct {
	Network string // "tcp" or "unix"
	Address string // "host:port", or a path
}

// Unix says whether the endpoint is a unix socket.
func (e Endpoint) Unix() bool { return e.Network == "unix" }

// ParseEndpoint reads "host:port" or "unix:///path". What to write instead
// depends on the key, so most of its errors have no hint.
func ParseEndpoint(s string) (Endpoint, error) {
	if path, ok := strings.CutPrefix(s, unixScheme); ok {
		switch {
		case path == "" || strings.HasSuffix(path, "/"):
			return Endpoint{}, hinted("", "%q names no socket", s)
		case strings.ContainsRune(path, 0):
			return Endpoint{}, hinted("", "%q contains a NUL byte", s)
		case len(path) > maxSocketPath:
			return Endpoint{}, hinted("unix socket paths are at most 103 bytes long; choose a shorter directory",
				"%q is too long", s)
		}
		return Endpoint{"unix", filepath.Clean(path)}, nil
	}
	if strings.Contains(s, "@") {
		// As in redis://user:password@host, which must not be repeated.
		return Endpoint{}, hinted("", "is not an address: it contains '@'")
	}
	if strings.Contains(s, "://") || strings.HasPrefix(s, "unix:") {
		return Endpoint{}, hinted("", "%q is not an address", s)
	}
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return Endpoint{}, hinted("", "%q is not an address", s)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return Endpoint{}, hinted("", "%q has no port number from 0 to 65535", s)
	}
	return Endpoint{"tcp", s}, nil
}

// Host returns the host of a TCP endpoint, without brackets.
func (e Endpoint) Host() string {
	host, _, err := net.SplitHostPort(e.Address)
	if e.Unix() || err != nil {
		return ""
	}
	return host
}

// Local says whether nothing outside this machine can be meant: a unix
// socket, "localhost" or an address of the loopback network. Other names are
// not looked up and not local.
func (e Endpoint) Local() bool {
	if e.Unix() || strings.EqualFold(e.Host(), "localhost") {
		return true
	}
	a, err := netip.ParseAddr(e.Host())
	return err == nil && a.Unmap().IsLoopback()
}

// meets says whether a listener at e keeps another from listening at o, or is
// what a client at o of this machine gets.
func (e Endpoint) meets(o Endpoint) bool {
	if e.Unix() || o.Unix() {
		return e == o
	}
	eHost, ePort, _ := net.SplitHostPort(e.Address)
	oHost, oPort, _ := net.SplitHostPort(o.Address)
	if ePort != oPort || ePort == "0" {
		return false
	}
	if eHost == oHost || eHost == "" || oHost == "" {
		return true
	}
	a, errA := netip.ParseAddr(strings.ReplaceAll(eHost, "localhost", "127.0.0.1"))
	b, errB := netip.ParseAddr(strings.ReplaceAll(oHost, "localhost", "127.0.0.1"))
	if errA != nil || errB != nil || a.Is4() != b.Is4() {
		return false
	}
	return a == b || a.IsUnspecified() || b.IsUnspecified()
}

// Endpoints returns where to listen. It is only for a valid configuration:
// what does not parse is left out.
func (l Listen) Endpoints() []Endpoint {
	var out []Endpoint
	for _, s := range l.Address {
		if e, err := ParseEndpoint(s); err == nil {
			out = append(out, e)
		}
	}
	return out
}

// HandoverEndpoint returns where a new process asks for the sockets. It is only for a
// valid configuration that has it.
func (l Listen) HandoverEndpoint() Endpoint {
	e, _ := ParseEndpoint(unixScheme + l.Handover)
	return e
}

// Endpoint returns where Redis is. It is only for a valid configuration.
func (u Upstream) Endpoint() Endpoint {
	e, _ := ParseEndpoint(u.Address)
	return e
}

// address adds err, about the text of an address, with a hint for that place:
// its usual port, and what else could stand there.
func (v *validator) address(path string, err error, text, port, others string) {
	if err == nil {
		return
	}
	p := problemAt(path, err)
	if p.Hint == "" {
		p.Hint = "write " + strconv.Quote(nearestAddress(text, port, strings.Contains(others, unixScheme))) + others
	}
	v.problems = append(v.problems, p)
}

// nearestAddress makes an address of a text that is none: a URL, a port alone, a
// host alone, or a path. It is one that looks usual if that fails.
func nearestAddress(text, port string, unix bool) string {
	if _, rest, ok := strings.Cut(text, "://"); ok {
		rest, _, _ = strings.Cut(rest, "/") // redis://host:port/0
		if e, err := ParseEndpoint(rest); err == nil && !e.Unix() {
			return rest
		}
	}
	path := strings.TrimPrefix(text, "unix:")
	if unix && len(path) > 1 && path[0] == '/' && path[1] != '/' {
		return unixScheme + path
	}
	if _, err := strconv.ParseUint(text, 10, 16); err == nil {
		return "127.0.0.1:" + text
	}
	host := strings.Trim(text, "[]")
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return net.JoinHostPort(host, port)
	}
	return "127.0.0.1:" + port
}
