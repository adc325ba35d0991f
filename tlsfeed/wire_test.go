package tlsfeed

import (
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// wire is one direction of an in-memory connection that takes everything.
// Waiting on it is durable in a synctest bubble.
type wire struct {
	mu     sync.Mutex
	change sync.Cond
	data   []byte
	all    []byte // everything ever written
	eof    bool   // the writer has closed
	dead   bool   // the reader has closed
}

func newWire() *wire {
	w := &wire{}
	w.change.L = &w.mu
	return w
}

func (w *wire) put(p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.data = append(w.data, p...)
	w.all = append(w.all, p...)
	w.change.Broadcast()
}

// take empties the wire without waiting.
func (w *wire) take() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.data
	w.data = nil
	return p
}

func (w *wire) history() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.all)
}

func (w *wire) end(eof, dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.eof = w.eof || eof
	w.dead = w.dead || dead
	w.change.Broadcast()
}

// socket is one end of a connection made of two wires.
type socket struct {
	in, out *wire

	mu        sync.Mutex
	hold      bool   // keep what is written until the next Read or release
	held      []byte // what is kept
	deadline  time.Time
	deadlines int // calls of SetDeadline
	closed    bool
	block     chan struct{} // not nil: Write waits for it
}

func newSockets() (client, server *socket) {
	up, down := newWire(), newWire()
	return &socket{in: down, out: up}, &socket{in: up, out: down}
}

func (s *socket) Read(p []byte) (int, error) {
	s.release(nil)
	w := s.in
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.data) == 0 && !w.eof && !w.dead {
		w.change.Wait()
	}
	switch {
	case w.dead:
		return 0, net.ErrClosed
	case len(w.data) == 0:
		return 0, io.EOF
	}
	n := copy(p, w.data)
	w.data = w.data[n:]
	return n, nil
}

// release sends what was held back, and p in the same segment.
func (s *socket) release(p []byte) {
	s.mu.Lock()
	p = append(s.held, p...)
	s.held = nil
	s.mu.Unlock()
	if len(p) > 0 {
		s.out.put(p)
	}
}

func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return 0, net.ErrClosed
	}
	if s.hold {
		s.held = append(s.held, p...)
		s.mu.Unlock()
		return len(p), nil
	}
	block := s.block
	s.mu.Unlock()
	if block != nil {
		<-block
	}
	s.out.put(p)
	return len(p), nil
}

func (s *socket) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.in.end(false, true)
	s.out.end(true, false)
	return nil
}

func (s *socket) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *socket) SetDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	s.deadlines++
	return nil
}

func (s *socket) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (s *socket) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
func (s *socket) LocalAddr() net.Addr              { return memory{} }
func (s *socket) RemoteAddr() net.Addr             { return memory{} }

var local = netip.MustParseAddr("192.0.2.1")
