//go:build !linux

package child

import "net"

// Port is a loopback port that was free a moment ago. Start tries another one
// when somebody else was quicker.
type Port struct{ n int }

// HoldPort holds a free port until Release.
func HoldPort() (*Port, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	return &Port{ln.Addr().(*net.TCPAddr).Port}, nil
}

// Release gives the port back; p may be nil.
func (p *Port) Release() {}
