package eventloop

import (
	"bytes"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const patience = 10 * time.Second

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
	return ours, peer
}

// each runs a test over TCP and over a unix socket.
func each(t *testing.T, f func(t *testing.T, network string)) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) { f(t, network) })
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

func (r *rig) attachHere(nc net.Conn, p *probe, first bool) {
	r.t.Helper()
	c, err := r.Attach(nc, p, first)
	if err != nil {
		r.t.Errorf("Attach() = %v; want no error", err)
		return
	}
	p.c = c
}

func echo() *probe {
	return &probe{
		data: func(c *Conn, b []byte) { c.Write(b) },
		eof:  func(c *Conn) { c.CloseWrite() },
	}
}

func TestEchoesWhatItIsSent(t *testing.T) {
	each(t, func(t *testing.T, network string) {
		r := run(t, Options{})
		ours, peer := pair(t, network)
		r.attach(ours, echo())
		for _, size := range []int{1, 100, 64 << 10, 64<<10 + 1, 3 << 20} {
			want := pattern(size)
			go peer.Write(want)
			got := make([]byte, size)
			if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("echo of %d bytes: %v; want the same bytes", size, err)
			}
		}
		peer.(interface{ CloseWrite() error }).CloseWrite()
		if n, err := peer.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("Read after half-closing = %d, %v; want 0, EOF", n, err)
		}
	})
}

func TestEchoesToManyConnections(t *testing.T) {
	each(t, func(t *testing.T, network string) {
		r := run(t, Options{ReadBuffer: 512, MaxEvents: 16})
		var wg sync.WaitGroup
		for i := range 100 {
			ours, peer := pair(t, network)
			r.attach(ours, echo())
			wg.Go(func() {
				want := bytes.Repeat([]byte{byte(i)}, 3000)
				got := make([]byte, len(want))
				for range 20 {
					if _, err := peer.Write(want); err != nil {
						t.Error(err)
						return
					}
					if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
						t.Errorf("connection %d: %v or bytes of another; want an echo", i, err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
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

func TestRunsPostedFunctionsBeforeItStops(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ran := false
	if !l.Post(func() { ran = true }) {
		t.Error("Post() before Run = false; want true")
	}
	l.Stop()
	l.Stop()
	if l.Post(func() {}) {
		t.Error("Post() after Stop = true; want false")
	}
	if err := l.Run(); err != nil || !ran {
		t.Errorf("Run() = %v, ran %v; want nil, true", err, ran)
	}
	if err := l.Run(); err != ErrStopped {
		t.Errorf("second Run() = %v; want %v", err, ErrStopped)
	}
	ours, peer := pair(t, "tcp")
	if _, err := l.Attach(ours, &probe{}, false); err != ErrStopped {
		t.Errorf("Attach() after Run = %v; want %v", err, ErrStopped)
	}
	if n, err := peer.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("Read of the peer = %d, %v; want 0, EOF", n, err)
	}
}
