//go:build linux && !portable

package eventloop

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// wakeSlot stands for the eventfd in the data of an event.
const wakeSlot = -1

// poller waits on an epoll descriptor. Parked in the Go runtime's poller rather than in epoll_wait, a waiting loop is a goroutine and
// no thread: that costs a fifth to a quarter less CPU when little happens a turn. A runtime poller holding an epoll descriptor
// is edge-triggered, so the descriptor is polled to emptiness before the goroutine parks.
type poller struct {
	fd       int // of epoll
	eventfd  int
	blocking bool // wait in epoll_wait
	base     time.Time
	events   []unix.EpollEvent
	buf      []byte // input of one connection at a time

	// Unless blocking: fd as a file, and what its last poll found.
	file  *os.File
	raw   syscall.RawConn
	poll  func(uintptr) bool // made once, as a closure would be allocated at every wait
	found int
	errno syscall.Errno
	armed int64 // the deadline that file has, in nanoseconds of Loop.Now; never: none
}

func (p *poller) open(o Options) (err error) {
	*p = poller{fd: -1, eventfd: -1, blocking: o.Blocking, base: o.Epoch, armed: never}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(p.fd, true); err != nil {
		return fmt.Errorf("making the epoll descriptor non-blocking: %w", err)
	}
	if p.eventfd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	// Edge-triggered, so that it need never be read: each write is an event.
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: wakeSlot}
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, p.eventfd, &event); err != nil {
		return fmt.Errorf("adding the eventfd to epoll: %w", err)
	}
	p.events = make([]unix.EpollEvent, o.MaxEvents)
	p.buf = make([]byte, o.ReadBuffer)
	if !p.blocking {
		p.blocking = !p.register()
	}
	return nil
}

// register gives the epoll descriptor to the runtime's poller and says whether it took it.
func (p *poller) register() bool {
	p.file = os.NewFile(uintptr(p.fd), "epoll")
	if p.file == nil {
		return false
	}
	// NewFile hides whether the descriptor was taken; a deadline can be set only if it was.
	if p.file.SetReadDeadline(time.Time{}) != nil {
		return false
	}
	raw, err := p.file.SyscallConn()
	if err != nil {
		return false
	}
	p.raw = raw
	p.poll = func(uintptr) bool {
		p.found, p.errno = epollPoll(p.fd, p.events)
		return p.found != 0 || p.errno != 0
	}
	return true
}

// close is not called while wake may be.
func (p *poller) close() {
	if p.eventfd >= 0 {
		unix.Close(p.eventfd)
	}
	if p.file != nil {
		p.file.Close()
	} else if p.fd >= 0 {
		unix.Close(p.fd)
	}
	p.fd, p.eventfd, p.file = -1, -1, nil
}

// wake ends a wait. The counter is full after 2^64-2 calls.
func (p *poller) wake() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = sysWrite(p.eventfd, one[:])
}

// wait puts the connections that have events on the loop's agenda. If park is true it waits until there are some, or the next timer is due.
func (p *poller) wait(l *Loop, park bool) error {
	p.found, p.errno = 0, 0
	if park && l.held != nil {
		if p.found, p.errno = epollPoll(p.fd, p.events); p.found == 0 && p.errno == 0 {
			park = l.mayPark()
		}
	}
	switch {
	case p.found != 0, p.errno != 0:
	case !park:
		p.found, p.errno = epollPoll(p.fd, p.events)
	case p.blocking:
		l.parks()
		p.found, p.errno = p.block(l.wheel.next())
	default:
		l.parks()
		if err := p.park(l.wheel.next()); err != nil {
			return err
		}
	}
	if p.errno != 0 {
		return fmt.Errorf("epoll_wait: %w", p.errno)
	}
	for i := range p.events[:p.found] {
		l.note(&p.events[i])
	}
	return nil
}

// park waits in the runtime's poller.
func (p *poller) park(next int64) error {
	// A deadline that is too early costs one idle turn; to follow every change of the nearest timer would cost more. One that
	// has passed must go, or waiting is refused.
	if next < p.armed || p.armed != never && p.armed <= int64(time.Since(p.base)) {
		if err := p.arm(next); err != nil {
			return err
		}
	}
	err := p.raw.Read(p.poll)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.found, p.errno = 0, 0
		return nil
	}
	return err
}

func (p *poller) arm(next int64) error {
	var deadline time.Time
	if next != never {
		deadline = p.base.Add(time.Duration(next))
	}
	p.armed = next
	if err := p.file.SetReadDeadline(deadline); err != nil {
		return fmt.Errorf("setting the deadline of epoll: %w", err)
	}
	return nil
}

// block waits in epoll_wait.
func (p *poller) block(next int64) (int, syscall.Errno) {
	timeout := -1
	if next != never {
		left := time.Duration(next) - time.Since(p.base)
		timeout = int(min(max((left+time.Millisecond-1)/time.Millisecond, 0), time.Hour/time.Millisecond))
	}
	n, err := unix.EpollWait(p.fd, p.events, timeout)
	if err == unix.EINTR {
		return 0, 0
	}
	return n, errnoOf(err)
}

// note puts the connection of an event on the agenda.
func (l *Loop) note(e *unix.EpollEvent) {
	if e.Fd == wakeSlot {
		l.stats.Wakeups++
		return
	}
	c := l.slots.get(uint32(e.Fd), uint32(e.Pad))
	if c == nil {
		return
	}
	const gone = unix.EPOLLHUP | unix.EPOLLERR
	if e.Events&(unix.EPOLLIN|unix.EPOLLRDHUP|gone) != 0 {
		c.readable = true
	}
	if e.Events&(unix.EPOLLRDHUP|gone) != 0 {
		c.hup = true
	}
	if e.Events&unix.EPOLLERR != 0 {
		c.failed = true
	}
	if e.Events&(unix.EPOLLOUT|gone) != 0 {
		c.writable = true
	}
	l.current.add(c)
}

func errnoOf(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return unix.EIO
}
