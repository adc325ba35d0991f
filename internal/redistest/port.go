package redistest

import (
	"net"
	"strconv"
)

// number returns the port as an argument of redis-server, where 0 means none.
func (p *port) number() string {
	if p == nil {
		return "0"
	}
	return strconv.Itoa(p.n)
}

func (p *port) addr() string {
	if p == nil {
		return ""
	}
	return net.JoinHostPort("127.0.0.1", p.number())
}
