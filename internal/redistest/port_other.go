//go:build !linux

package redistest

import "net"

// port is a loopback port that was free a moment ago. Start tries another one
// when somebody else was quicker.
type port struct{ n int }

func holdPort() (*port, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	return &port{ln.Addr().(*net.TCPAddr).Port}, nil
}

func (p *port) release() {}
