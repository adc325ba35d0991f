//go:build portable || !linux

package eventloop

import (
	"sync"
	"syscall"
)

// link is a connection's end at its goroutines: one that reads until Options.ReadBuffer bytes wait for the loop, and one that writes
// while output is pending. Reading ahead while the loop has paused is the only way to learn of the peer's end with the standard library.
type link struct {
	raw syscall.RawConn // static after attach; nil if the connection has none

	// Guarded by poller.mu.
	room   sync.Cond // to read more
	in     []byte    // read, and not yet taken by the loop
	end    error     // of reading
	noted  bool      // on the poller's list
	closed bool
	// Writing, in this order: pending output is being written; it has been, and this came of it.
	writing bool
	wrote   bool
	n       int
	err     error
}

// readChunk is the most that one read takes. Each connection's goroutine holds so much.
const readChunk = 16 << 10

func (c *Conn) attach() error {
	p := &c.loop.poller
	c.link.room.L = &p.mu
	if sc, ok := c.nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.link.raw = raw
		}
	}
	p.goroutines.Go(func() { p.read(c) })
	return nil
}

// read is the goroutine that reads.
func (p *poller) read(c *Conn) {
	buf := make([]byte, min(readChunk, p.limit))
	room := len(buf)
	for room > 0 {
		n, err := c.nc.Read(buf[:room])
		room = p.deliver(c, buf[:n], err)
	}
}

// deliver hands over what was read, waits until the loop has taken enough of it, and says how much may be read now: 0 in the end.
func (p *poller) deliver(c *Conn, in []byte, end error) (room int) {
	f := &c.link
	p.mu.Lock()
	defer p.mu.Unlock()
	f.in = append(f.in, in...)
	f.end = end
	p.note(c)
	for len(f.in) >= p.limit && !f.closed && end == nil {
		f.room.Wait()
	}
	if f.closed || end != nil {
		return 0
	}
	return min(readChunk, p.limit-len(f.in))
}

// detach has the goroutines end, once the connection is closed.
func (c *Conn) detach() {
	p := &c.loop.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	c.link.closed = true
	c.link.in = nil
	c.link.room.Signal()
}

// receive takes what was read. No bytes and no error: nothing was. more: there is more to tell, as far as is known.
func (c *Conn) receive() (in []byte, more bool, err error) {
	c.loop.stats.Reads++
	p := &c.loop.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	f := &c.link
	if len(f.in) == 0 {
		return nil, false, f.end
	}
	in, f.in = f.in, nil
	f.room.Signal()
	return in, f.end != nil, nil
}

// send writes once, or tells what came of the goroutine's write. blocked: the socket is full.
func (c *Conn) send(b []byte) (n int, blocked bool, err error) {
	p, f := &c.loop.poller, &c.link
	p.mu.Lock()
	writing, wrote := f.writing, f.wrote
	n, err = f.n, f.err
	f.wrote, f.n, f.err = false, 0, nil
	p.mu.Unlock()
	switch {
	case writing:
		return 0, true, nil
	case !wrote && f.raw == nil:
		return 0, true, nil
	case !wrote:
		c.loop.stats.Writes++
		n, err = sendNow(f.raw, b)
		blocked = n < len(b) && err == nil
	}
	c.loop.stats.BytesOut += uint64(n)
	return n, blocked, err
}

// awaitSend has a goroutine write the beginning of what is pending. It gets a copy, as the original may move meanwhile.
func (c *Conn) awaitSend() {
	p, f := &c.loop.poller, &c.link
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.writing || f.wrote {
		return
	}
	f.writing = true
	c.loop.stats.Writes++
	b := c.out.bytes()
	b = append([]byte(nil), b[:min(len(b), maxWrite)]...)
	p.goroutines.Go(func() {
		n, err := c.nc.Write(b)
		p.mu.Lock()
		defer p.mu.Unlock()
		f.writing, f.wrote, f.n, f.err = false, true, n, err
		p.note(c)
	})
}

// sent says that nothing is pending any more.
func (c *Conn) sent() {}

// socketError is not known here: a reset after the peer's end shows when writing.
func (c *Conn) socketError() error { return nil }

// QuickAck has the kernel acknowledge what it has received now rather than up to 40 ms later, for a peer whose Nagle algorithm waits
// for that. TCP on Linux only; elsewhere, as here, it does nothing.
func (c *Conn) QuickAck() { c.loop.stats.Acks++ }
