package redistest

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// port is a loopback port that nobody else gets while it is held: it is bound
// but not listened on. Linux lets a second socket with SO_REUSEADDR bind it
// and listen, which is what redis-server does, and gives it to nobody who
// asks for any port. So it also stays ours while the server is down.
type port struct {
	n  int
	fd int
}

func holdPort() (*port, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("holding a port: %w", err)
	}
	p := &port{fd: fd}
	if err := p.bind(); err != nil {
		p.release()
		return nil, fmt.Errorf("holding a port: %w", err)
	}
	return p, nil
}

func (p *port) bind() error {
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

func (p *port) release() {
	if p != nil && p.fd >= 0 {
		_ = unix.Close(p.fd)
		p.fd = -1
	}
}
