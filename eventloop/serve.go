package eventloop

import "io"

// serve does for a connection what its events, or what was left of the turn before, call for: at most one write and one read.
func (l *Loop) serve(c *Conn) {
	c.queued = false
	if !c.closed && c.writable && c.out.len() > 0 {
		l.flush(c)
	}
	switch {
	case c.closed:
	case c.err != nil:
		l.finish(c)
	case c.eof:
		if c.failed {
			c.failed = false
			if err := c.socketError(); err != nil {
				c.gone(err)
			}
		}
	case c.paused:
		if c.hup && !c.hungUp {
			c.hungUp = true
			c.h.Hangup()
		}
	case c.readable:
		l.read(c)
	}
}

// flush writes pending output once. More waits for the next turn, so that a fast reader of a large reply does not keep the loop.
func (l *Loop) flush(c *Conn) {
	p := c.out.bytes()
	n, blocked, err := c.send(p[:min(len(p), maxWrite)])
	c.out.sent += n
	switch {
	case err != nil:
		c.err = err
		c.residue = residueReads
		c.out.release(&l.spare)
	case c.out.len() == 0:
		c.out.release(&l.spare)
		c.writable = false
		c.sent()
		if c.shut {
			c.shutdown()
		}
		c.h.Drained()
	case blocked:
		c.writable = false
		c.awaitSend()
	default:
		c.enqueue()
	}
}

// read reads once. Whether there is more is asked in the next turn, so that a connection that has much to say does not keep the loop.
func (l *Loop) read(c *Conn) {
	p, more, err := c.receive()
	switch {
	case len(p) > 0:
		l.stats.BytesIn += uint64(len(p))
		c.readable = more || c.hup
		if c.readable {
			c.enqueue()
		}
		c.h.Data(p)
	case err == nil:
		c.readable = false
	case err == io.EOF:
		c.readable = false
		c.eof = true
		c.h.EOF()
	default:
		c.gone(err)
	}
}

// finish tells of a failed write, after what the peer had sent before it was gone: it may say why.
func (l *Loop) finish(c *Conn) {
	if !c.paused && !c.eof && c.residue > 0 {
		c.residue--
		if p, _, _ := c.receive(); len(p) > 0 {
			l.stats.BytesIn += uint64(len(p))
			c.enqueue()
			c.h.Data(p)
			return
		}
	}
	c.gone(c.err)
}

// gone closes the connection and tells the handler why.
func (c *Conn) gone(err error) {
	c.Close()
	c.h.Closed(err)
}
