package child

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Port is a loopback port that nobody else gets while it is held: it is bound
// but not listened on. Linux lets a second socket with SO_REUSEADDR bind it
// and listen, which is what redis-server does, and gives it to nobody who
// asks for any port. So it also stays ours while the server is down.
type Port struct {
	n  int
	fd int
}

// HoldPort holds a free port until Release.
func HoldPort() (*Port, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("holding a port: %w", err)
	}
	p := &Port{fd: fd}
	if err := p.bind(); err != nil {
		p.Release()
		return nil, fmt.Errorf("holding a port: %w", err)
	}
	return p, nil
}

func (p *Port) bind() error {
	if err := unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err := unix.Bind(p.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	sa, err := unix.Getsockname(p.fd)
	if err != nil {
		return err
	}
	p.n = sa.(*unix.SockaddrInet4).Port
	return nil
}

// Release gives the port back; p may be nil.
func (p *Port) Release() {
	if p != nil && p.fd >= 0 {
		_ = unix.Close(p.fd)
		p.fd = -1
	}
}
