//go:build linux && !portable

package eventloop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// link is a connection's end at the kernel. The descriptor is that of the net.Conn, which stays referenced as long as it is used;
// a dup of it would be another file that keeps its events in epoll after a close.
type link struct {
	fd       int32
	sending  bool // registered for EPOLLOUT
	tcp      bool
	attached bool
}

const readEvents = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET

// attach puts the descriptor into epoll.
func (c *Conn) attach() error {
	sc, ok := c.nc.(syscall.Conn)
	if !ok {
		return fmt.Errorf("attaching a %T: it has no descriptor", c.nc)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return fmt.Errorf("attaching a connection: %w", err)
	}
	var inner error
	err = raw.Control(func(fd uintptr) {
		c.link.fd = int32(fd)
		inner = c.register()
	})
	if err := errors.Join(err, inner); err != nil {
		return fmt.Errorf("attaching a connection: %w", err)
	}
	_, c.link.tcp = c.nc.(*net.TCPConn)
	c.link.attached = true
	return nil
}

func (c *Conn) register() error {
	flags, err := unix.FcntlInt(uintptr(c.link.fd), unix.F_GETFL, 0)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if flags&unix.O_NONBLOCK == 0 {
		return errors.New("its descriptor is blocking") // raw system calls on it would stop the process
	}
	return os.NewSyscallError("epoll_ctl", c.control(unix.EPOLL_CTL_ADD, readEvents))
}

func (c *Conn) control(operation int, events uint32) error {
	event := unix.EpollEvent{Events: events, Fd: int32(c.slot), Pad: int32(c.generation)}
	return unix.EpollCtl(c.loop.poller.fd, operation, int(c.link.fd), &event)
}

// detach takes the descriptor out of epoll, before it is closed: the kernel does so by itself only once no duplicate is left.
func (c *Conn) detach() {
	if c.link.attached {
		_ = c.control(unix.EPOLL_CTL_DEL, 0)
		c.link = link{fd: -1}
	}
}

// send writes once. blocked: the socket is full.
func (c *Conn) send(p []byte) (n int, blocked bool, err error) {
	c.loop.stats.Writes++
	n, errno := sysWrite(int(c.link.fd), p)
	switch {
	case errno == 0:
		c.loop.stats.BytesOut += uint64(n)
		return n, n < len(p), nil
	case errno == unix.EAGAIN:
		return 0, true, nil
	default:
		return 0, false, os.NewSyscallError("write", errno)
	}
}

// awaitSend asks for an event when the socket has room. The kernel looks at once, so room made since the write is not missed.
func (c *Conn) awaitSend() {
	if c.link.sending {
		return
	}
	if err := c.control(unix.EPOLL_CTL_MOD, readEvents|unix.EPOLLOUT); err != nil {
		c.fail(os.NewSyscallError("epoll_ctl", err))
		return
	}
	c.link.sending = true
}

// sent says that nothing is pending any more.
func (c *Conn) sent() {
	if c.link.sending {
		c.link.sending = false
		_ = c.control(unix.EPOLL_CTL_MOD, readEvents)
	}
}

// receive reads once, into the loop's buffer. No bytes and no error: there is nothing to read. more: there may be more. A read that
// does not fill the buffer has emptied the socket, and what comes later raises an event.
func (c *Conn) receive() (p []byte, more bool, err error) {
	buf := c.loop.poller.buf
	c.loop.stats.Reads++
	n, errno := sysRead(int(c.link.fd), buf)
	switch {
	case errno == unix.EAGAIN:
		return nil, false, nil
	case errno != 0:
		return nil, false, os.NewSyscallError("read", errno)
	case n == 0:
		return nil, false, io.EOF
	default:
		return buf[:n], n == len(buf), nil
	}
}

// socketError is the error that the socket has to tell, such as a reset after the peer's end.
func (c *Conn) socketError() error {
	errno, err := unix.GetsockoptInt(int(c.link.fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || errno == 0 {
		return err
	}
	return syscall.Errno(errno)
}

// QuickAck has the kernel acknowledge what it has received now rather than up to 40 ms later, for a peer whose Nagle algorithm waits
// for that. TCP on Linux only; elsewhere it does nothing. It lasts until the kernel decides otherwise, tcp(7).
func (c *Conn) QuickAck() {
	if c.link.tcp {
		c.loop.stats.Acks++
		_ = unix.SetsockoptInt(int(c.link.fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
	}
}
