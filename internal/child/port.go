// Package child starts the servers that tests and benchmarks need, holds ports for
// them and reads from /proc what they use. It knows none of them.
package child

import (
	"net"
	"strconv"
)

// Number returns the port as an argument of a server, "0" for a nil Port.
func (p *Port) Number() string {
	if p == nil {
		return "0"
	}
	return strconv.Itoa(p.n)
}

// Addr returns "127.0.0.1:port", or nothing for a nil Port.
func (p *Port) Addr() string {
	if p == nil {
		return ""
	}
	return net.JoinHostPort("127.0.0.1", p.Number())
}
