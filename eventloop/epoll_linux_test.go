//go:build linux && !portable

package eventloop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestLoopParksInTheRuntimesPoller(t *testing.T) {
	for _, blocking := range []bool{false, true} {
		r := run(t, Options{Blocking: blocking})
		r.on(func() {
			if r.poller.blocking != blocking {
				t.Errorf("Options.Blocking %v: the loop's is %v", blocking, r.poller.blocking)
			}
		})
	}
}

// A descriptor that the runtime's poller does not take leaves blocking waits.
func TestRegisterRefusesWhatCannotBePolled(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Dup(int(f.Fd()))
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	p := poller{fd: fd, eventfd: -1}
	if p.register() {
		t.Error("register() of a regular file = true; want false")
	}
	p.close()
}

func TestRunReturnsWhenWaitingFails(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ours, peer := pair(t, "unix")
	ran := false
	l.Post(func() {
		if _, err := l.Attach(ours, &probe{}, false); err != nil {
			t.Error(err)
		}
		l.poller.file.Close()
	})
	done := make(chan error, 1)
	go func() { done <- l.Run() }()
	if n, err := peer.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("Read of the peer = %d, %v; want an end", n, err)
	}
	if l.Post(func() { ran = true }) {
		t.Error("Post() after a failure = true; want false")
	}
	if err := wait(t, done, "Run's return"); err == nil || ran {
		t.Errorf("Run() = %v, a refused function ran: %v; want an error, false", err, ran)
	}
}

func TestHangupBehindMuchUnreadInput(t *testing.T) {
	r := run(t, Options{ReadBuffer: 100})
	ours, peer := pair(t, "tcp")
	rec := record()
	got := 0
	rec.data = func(_ *Conn, p []byte) { got += len(p) }
	c := r.attach(ours, rec.probe)
	r.on(c.Pause)
	send(t, peer, string(pattern(20_000)))
	peer.Close()
	rec.expect(r, "hangup")
	r.on(c.Resume)
	rec.expect(r, "hangup", "eof")
	r.on(func() {
		if got != 20_000 {
			t.Errorf("bytes read after the pause = %d; want 20000", got)
		}
	})
}

func TestResetAfterEOF(t *testing.T) {
	r := run(t, Options{})
	ours, peer := pair(t, "tcp")
	rec := record()
	r.attach(ours, rec.probe)
	halfClose(t, peer)
	rec.expect(r, "eof")
	reset(t, peer)
	rec.expect(r, "eof", "closed")
}

// Both directions have ended in order: the kernel reports a hang-up, which is no error.
func TestBothEndsHalfClosed(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		rec := record()
		c := r.attach(ours, rec.probe)
		r.on(c.CloseWrite)
		peer.Close()
		rec.expect(r, "eof")
	})
}

func TestEventOfAFormerGenerationIsDropped(t *testing.T) {
	r := run(t, Options{})
	ours, _ := pair(t, "unix")
	c := r.attach(ours, &probe{})
	r.on(func() {
		for _, generation := range []uint32{c.generation - 1, c.generation + 1} {
			r.note(&unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLHUP, Fd: int32(c.slot), Pad: int32(generation)})
		}
		if c.readable || c.hup || c.queued {
			t.Error("an event of another generation has reached the connection")
		}
		r.note(&unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(c.slot), Pad: int32(c.generation)})
		if !c.readable {
			t.Error("an event of this generation has not reached the connection")
		}
	})
}

func TestInterestOfEpoll(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		rec := record()
		c := r.attach(ours, rec.probe)
		n := 0
		expect := func(when string, want ...uint32) {
			t.Helper()
			r.on(func() {
				if got := interest(t, &r.poller); !slices.Equal(got, want) {
					t.Errorf("events asked for %s = %#x; want %#x", when, got, want)
				}
			})
		}
		const errors = unix.EPOLLERR | unix.EPOLLHUP // always there
		expect("while idle", readEvents|errors)
		r.on(func() { n = len(fill(c, pattern(300_000))) })
		expect("while output is pending", readEvents|unix.EPOLLOUT|errors)
		if _, err := io.CopyN(io.Discard, peer, int64(n)); err != nil {
			t.Fatal(err)
		}
		rec.expect(r, "drained")
		expect("when drained", readEvents|errors)

		// A duplicate keeps the file open, so closing the descriptor would leave it in epoll.
		dup := -1
		r.on(func() {
			var err error
			if dup, err = unix.Dup(int(c.link.fd)); err != nil {
				t.Error(err)
			}
			c.Close()
		})
		defer unix.Close(dup)
		expect("after Close")
	})
}

// interest lists what the kernel is asked for, the eventfd apart.
func interest(t *testing.T, p *poller) (events []uint32) {
	t.Helper()
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", p.fd))
	if err != nil {
		t.Errorf("reading the state of epoll: %v", err)
	}
	for line := range strings.Lines(string(info)) {
		var fd int
		var mask uint32
		if n, _ := fmt.Sscanf(line, "tfd: %d events: %x", &fd, &mask); n == 2 && fd != p.eventfd {
			events = append(events, mask)
		}
	}
	return events
}

func TestAttachRefusesWhatWouldBlock(t *testing.T) {
	r := run(t, Options{})
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	blocking := os.NewFile(uintptr(fds[0]), "blocking")
	defer unix.Close(fds[1])
	pipe, other := net.Pipe()
	defer other.Close()
	closed, _ := pair(t, "tcp")
	closed.Close()
	for name, nc := range map[string]net.Conn{"a blocking descriptor": fileConn{blocking}, "no descriptor": pipe, "a closed one": closed} {
		r.on(func() {
			if c, err := r.Attach(nc, &probe{}, false); err == nil || c != nil {
				t.Errorf("Attach of %s = %v, %v; want an error", name, c, err)
			}
			if n := len(r.slots.entries) - len(r.slots.free); n != 0 {
				t.Errorf("after refusing %s %d slots are taken; want 0", name, n)
			}
		})
	}
	if _, err := blocking.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the refused connection's Stat() = %v; want it closed", err)
	}
}

// fileConn makes a net.Conn of a file.
type fileConn struct{ *os.File }

func (fileConn) LocalAddr() net.Addr  { return nil }
func (fileConn) RemoteAddr() net.Addr { return nil }

func TestDescriptorsStayNonBlocking(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, _ := pair(t, network)
		c := r.attach(ours, &probe{})
		r.on(func() {
			c.QuickAck()
			for name, fd := range map[string]int{"socket": int(c.link.fd), "epoll": r.poller.fd, "eventfd": r.poller.eventfd} {
				flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
				if err != nil || flags&unix.O_NONBLOCK == 0 {
					t.Errorf("flags of the %s = %#x, %v; want O_NONBLOCK", name, flags, err)
				}
				flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
				if err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("descriptor flags of the %s = %#x, %v; want FD_CLOEXEC", name, flags, err)
				}
			}
		})
	})
}

func TestDescriptorsAreGivenBack(t *testing.T) {
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		n := 0
		for _, e := range entries {
			if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, "anon_inode:") {
				n++
			}
		}
		return n
	}
	before := descriptors()
	for i := range 20 {
		l, err := New(Options{Blocking: i%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		l.Stop()
		if err := l.Run(); err != nil {
			t.Fatal(err)
		}
	}
	if after := descriptors(); after > before {
		t.Errorf("descriptors after 20 loops = %d; want %d", after, before)
	}
}

// Interrupted waits are what profiling and preemption signals make of epoll_wait.
func TestSignalsDoNotDisturb(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		r.attach(ours, echo())
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Microsecond):
					_ = syscall.Kill(syscall.Getpid(), syscall.SIGURG) // ignored but for its interruption
				}
			}
		}()
		defer func() {
			close(stop)
			<-stopped
		}()
		peer.SetDeadline(time.Now().Add(patience))
		b := make([]byte, 1)
		for n := range 500 {
			if _, err := peer.Write(b); err != nil {
				t.Fatal(err)
			}
			if _, err := peer.Read(b); err != nil {
				t.Fatalf("echo %d under signals: %v", n, err)
			}
		}
	})
}

func TestIdleConnectionIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Conn{}); size >= 200 {
		t.Errorf("size of a Conn = %d bytes; want less than 200", size)
	}
}

func TestIdleConnectionsHoldNoBuffers(t *testing.T) {
	const count = 200
	r := run(t, Options{})
	var conns [count]net.Conn
	var probes [count]probe
	b := make([]byte, 4<<10)
	for i := range conns {
		conns[i], _ = pair(t, "unix")
		r.attach(conns[i], &probes[i])
	}
	use := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := use()
	r.on(func() {
		for i := range probes {
			probes[i].c.Write(b)
		}
	})
	grown := int64(use()) - int64(before)
	if grown > count*50 {
		t.Errorf("%d connections grew by %d bytes when they had been written to; want nothing a connection", count, grown)
	}
}

// What is ready already goes before what was held back.
func TestBeforeParkingLooksFirst(t *testing.T) {
	for _, o := range []Options{{}, {Blocking: true}} {
		r := run(t, o)
		first, peer := pair(t, "unix")
		second, other := pair(t, "unix")
		done := make(chan []string, 1)
		var order []string
		r.attach(first, &probe{data: func(*Conn, []byte) {
			order = append(order, "first")
			send(t, other, "x") // which the next look at the descriptors finds
			r.BeforeParking(func() { done <- append(order, "held back") })
		}})
		r.attach(second, &probe{data: func(*Conn, []byte) { order = append(order, "second") }})
		send(t, peer, "x")
		if got, want := wait(t, done, "what was held back"), []string{"first", "second", "held back"}; !slices.Equal(got, want) {
			t.Errorf("%+v: order = %q; want %q", o, got, want)
		}
	}
}
