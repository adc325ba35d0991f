package eventloop

import (
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

const (
	patience     = 10 * time.Second
	socketBuffer = 128 << 10
)

// rig is a loop that runs for the time of a test.
type rig struct {
	*Loop
	t    testing.TB
	done chan error
}

func run(t testing.TB, o Options) *rig {
	t.Helper()
	l, err := New(o)
	if err != nil {
		t.Fatalf("New(%+v) = %v; want no error", o, err)
	}
	r := &rig{Loop: l, t: t, done: make(chan error, 1)}
	go func() { r.done <- l.Run() }()
	t.Cleanup(func() {
		l.Stop()
		select {
		case err := <-r.done:
			if err != nil {
				t.Errorf("Run() = %v; want nil", err)
			}
		case <-time.After(patience):
			t.Error("Run has not returned after Stop")
		}
	})
	return r
}

// on calls f on the loop and waits for it.
func (r *rig) on(f func()) {
	r.t.Helper()
	done := make(chan struct{})
	if !r.Post(func() { defer close(done); f() }) {
		r.t.Fatal("Post() = false; want true")
	}
	wait(r.t, done, "a posted function")
}

func wait[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s has not happened in %v", what, patience)
		panic("unreachable")
	}
}

// pair makes the two ends of a connection: ours and the peer's.
func pair(t testing.TB, network string) (ours, peer net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer, err = net.Dial(network, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	// Fixed sizes, so that the kernel does not make room for megabytes when a test wants a full socket.
	err = errors.Join(
		ours.(interface{ SetWriteBuffer(int) error }).SetWriteBuffer(socketBuffer),
		peer.(interface{ SetReadBuffer(int) error }).SetReadBuffer(socketBuffer))
	if err != nil {
		t.Fatal(err)
	}
	return ours, peer
}

// each runs a test over TCP and over a unix socket, and where there are two ways to wait in both.
func each(t *testing.T, f func(t *testing.T, network string, o Options)) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) { f(t, network, Options{}) })
		if onEpoll {
			t.Run(network+", blocking", func(t *testing.T) { f(t, network, Options{Blocking: true}) })
		}
	}
}

// probe is a handler made of functions; those that are nil do nothing.
type probe struct {
	c       *Conn
	data    func(c *Conn, p []byte)
	eof     func(c *Conn)
	hangup  func(c *Conn)
	drained func(c *Conn)
	closed  func(c *Conn, err error)
}

func (p *probe) Data(b []byte) {
	if p.data != nil {
		p.data(p.c, b)
	}
}

func (p *probe) EOF() {
	if p.eof != nil {
		p.eof(p.c)
	}
}

func (p *probe) Hangup() {
	if p.hangup != nil {
		p.hangup(p.c)
	}
}

func (p *probe) Drained() {
	if p.drained != nil {
		p.drained(p.c)
	}
}

func (p *probe) Closed(err error) {
	if p.closed != nil {
		p.closed(p.c, err)
	}
}

// attach attaches p from any goroutine.
func (r *rig) attach(nc net.Conn, p *probe) *Conn {
	r.t.Helper()
	r.on(func() { r.attachHere(nc, p, false) })
	return p.c
}

// attachHere attaches p on the loop.
func (r *rig) attachHere(nc net.Conn, p *probe, first bool) {
	r.t.Helper()
	c, err := r.Attach(nc, p, first)
	if err != nil {
		r.t.Errorf("Attach() = %v; want no error", err)
		return
	}
	p.c = c
}

// hold keeps the loop busy until release is called.
func (r *rig) hold() (release func()) {
	r.t.Helper()
	return r.holdThen(func() {})
}

// holdThen keeps the loop busy until release is called, and calls f before the turn ends.
func (r *rig) holdThen(f func()) (release func()) {
	r.t.Helper()
	held, released := make(chan struct{}), make(chan struct{})
	r.Post(func() {
		close(held)
		<-released
		f()
	})
	wait(r.t, held, "the hold")
	return func() { close(released) }
}

// arrived waits until n bytes are there to be read by c, while the loop is held.
func arrived(t testing.TB, c *Conn, n int) {
	t.Helper()
	until(t, func() bool { return waiting(c) >= n }, "the arrival of bytes")
}

func until(t testing.TB, done func() bool, what string) {
	t.Helper()
	for start := time.Now(); !done(); runtime.Gosched() {
		if time.Since(start) > patience {
			t.Fatalf("%s has not happened in %v", what, patience)
		}
	}
}

// send writes as the peer.
func send(t testing.TB, peer net.Conn, s string) {
	t.Helper()
	if _, err := peer.Write([]byte(s)); err != nil {
		t.Fatalf("Write(%q) of the peer = %v; want no error", s, err)
	}
}

func echo() *probe {
	return &probe{
		data: func(c *Conn, b []byte) { c.Write(b) },
		eof:  func(c *Conn) { c.CloseWrite() },
	}
}

// pattern is n bytes in which a displaced piece shows.
func pattern(n int) []byte {
	p := make([]byte, n)
	x := uint32(1)
	for i := range p {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
	}
	return p
}
