package eventloop

import (
	"net"
)

// Handler is told what happens on a connection, on the loop's goroutine. It may call anything of the loop and of any connection.
// Nothing is called after Conn.Close or after Closed.
type Handler interface {
	// Data gives bytes that the peer sent, in order. p is valid, and may be written to, only during the call.
	Data(p []byte)
	// EOF says that the peer will send no more, and that all it sent was delivered. Writing still works, and nothing is closed until Close.
	EOF()
	// Hangup says, at most once, that the peer has half-closed the connection or more while reading is paused, so unread bytes
	// may remain. EOF or Closed follow when reading is resumed and they have been read. The portable loop finds it out only if
	// fewer than Options.ReadBuffer bytes are unread.
	Hangup()
	// Drained says that the kernel has taken all bytes given to Write, after some of them had to wait.
	Drained()
	// Closed says that the connection failed and is gone; err is not nil. It is the last call, and never comes from within a method of
	// Conn. Bytes that the peer had sent before a failure of writing are delivered first, unless reading is paused.
	Closed(err error)
}

// Conn is a connection that belongs to a loop. While nothing is pending it holds no buffer.
type Conn struct {
	// Static after Attach.
	loop  *Loop
	nc    net.Conn
	h     Handler
	first bool

	// Owned by the loop's goroutine.
	out        pending
	err        error // writing has failed: Closed is owed
	link       link
	slot       uint32
	generation uint32
	residue    uint8 // reads left of what the peer sent before it was gone
	queued     bool  // on an agenda of the loop
	readable   bool  // there may be something to read, though no event may come
	writable   bool  // pending output may make progress
	hup        bool  // the peer has half-closed at least
	failed     bool  // the socket has an error to tell
	hungUp     bool  // Hangup was called
	eof        bool  // EOF was called
	paused     bool
	shut       bool // CloseWrite was called
	closed     bool
}

// residueReads bounds what is read of a connection to which writing has failed.
const residueReads = 64

// Attach gives nc to the loop, which closes it in the end, also when it returns an error. Nothing but the returned Conn may read, write or
// set deadlines any more, and no deadline may be set. Input of a connection attached as first is delivered before that of the others in
// the same turn. On Linux nc has to be what package net made of a non-blocking stream socket.
func (l *Loop) Attach(nc net.Conn, h Handler, first bool) (*Conn, error) {
	if l.ended {
		nc.Close()
		return nil, ErrStopped
	}
	c := &Conn{loop: l, nc: nc, h: h, first: first}
	l.slots.add(c)
	if err := c.attach(); err != nil {
		l.slots.remove(c)
		c.closed = true
		nc.Close()
		return nil, err
	}
	return c, nil
}

// NetConn is what was attached, for its addresses.
func (c *Conn) NetConn() net.Conn {
	return c.nc
}

// Write sends p, which may be reused at return. What the socket does not take is copied and sent later; Drained follows then.
// An error is reported through Closed. After CloseWrite, Close or an error it does nothing.
func (c *Conn) Write(p []byte) {
	if c.closed || c.shut || c.err != nil {
		return
	}
	if c.out.len() == 0 {
		for len(p) > 0 {
			n, blocked, err := c.send(p[:min(len(p), maxWrite)])
			p = p[n:]
			if err != nil {
				c.fail(err)
				return
			}
			if blocked {
				break
			}
		}
		if len(p) == 0 {
			return
		}
		c.out.append(p, &c.loop.spare)
		c.awaitSend()
		return
	}
	c.out.append(p, &c.loop.spare)
}

// Pending is the number of bytes given to Write that the kernel has not taken.
func (c *Conn) Pending() int {
	return c.out.len()
}

// Pause stops reading: neither Data nor EOF is called until Resume.
func (c *Conn) Pause() {
	c.paused = true
}

// Resume starts reading again, in the next turn also of what came meanwhile.
func (c *Conn) Resume() {
	c.paused = false
	if c.readable {
		c.enqueue()
	}
}

// CloseWrite tells the peer that no more will come, once pending output is in the kernel. Reading goes on.
func (c *Conn) CloseWrite() {
	if c.closed || c.shut || c.err != nil {
		return
	}
	c.shut = true
	if c.out.len() == 0 {
		c.shutdown()
	}
}

// shutdown half-closes the socket. Its error is not of interest: it says that the connection is gone, which reading finds out.
func (c *Conn) shutdown() {
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// Close closes the connection at once and drops pending output. No call of the handler follows. If the peer has sent what was
// not read, the kernel resets the connection, and the peer may lose what was written last.
func (c *Conn) Close() {
	if c.closed {
		return
	}
	c.closed = true
	c.out.release(&c.loop.spare)
	c.loop.slots.remove(c)
	c.detach()
	_ = c.nc.Close()
}

// enqueue has c served in the next turn.
func (c *Conn) enqueue() {
	if !c.closed {
		c.loop.later.add(c)
	}
}

// fail is for errors of writing: the handler is told from the loop, not from within its own call.
func (c *Conn) fail(err error) {
	c.err = err
	c.residue = residueReads
	c.out.release(&c.loop.spare)
	c.enqueue()
}
