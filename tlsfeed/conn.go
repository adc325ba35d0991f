package tlsfeed

import (
	"crypto/tls"
	"io"
)

// Conn is the server's side of a TLS connection whose handshake is done. It is
// made by [Slots.Handshake] and belongs to one goroutine at a time. It holds
// nothing but its tls.Conn and a few words while its client is idle.
type Conn struct {
	tls   *tls.Conn
	lower feed
	err   error // final: every further Read says it
	dry   bool  // tls.Conn has nothing to give and nothing was fed since
	even  bool  // tls.Conn has said would-block once: what the handshake had read ahead is used up
}

// Feed lends ciphertext that was just read from the socket. now is the time in
// nanoseconds on any clock that does not run backwards; it dates the writes that
// TLS does by itself.
//
// p must stay as it is until Read has said ErrWouldBlock or another error, or
// until Hold was called. Bytes fed earlier and not yet used up are kept: then
// both are copied.
func (c *Conn) Feed(p []byte, now int64) {
	f := &c.lower
	f.now = now
	if len(p) == 0 || c.err != nil {
		return
	}
	c.dry = false
	if len(f.in) == 0 {
		f.in = p
		return
	}
	joined := make([]byte, 0, len(f.in)+len(p))
	f.in = append(append(joined, f.in...), p...)
}

// Hold copies the fed bytes that Read has not used up, so that the buffer given
// to Feed may be used for something else although Read has not said
// ErrWouldBlock. It returns their number, which is at most what was fed.
func (c *Conn) Hold() int {
	f := &c.lower
	if len(f.in) > 0 {
		f.in = append(make([]byte, 0, len(f.in)), f.in...)
	}
	return len(f.in)
}

// Read puts plaintext into dst. It returns n > 0 with a nil error, or 0 with an
// error: ErrWouldBlock when all fed bytes are used up, io.EOF after the client's
// close_notify (writing still works then), anything else when the connection is
// broken. All but ErrWouldBlock are final.
//
// It must be called until it says ErrWouldBlock, since bytes inside tls.Conn
// raise no event; for the same reason it must be called once after the
// handshake, whose last read may have taken bytes that followed it. Whoever
// stops earlier calls it again without waiting for input.
//
// A Read may write: answers to key updates, and alerts. They are in the lent
// output when it returns, with an error too. No more than 32 a minute are
// allowed (ErrUnasked), and no more than one record's worth of ciphertext
// without data in it (ErrStarved).
func (c *Conn) Read(dst []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.dry || len(dst) == 0 {
		return 0, ErrWouldBlock
	}
	f := &c.lower
	f.reading = true
	n, err := c.tls.Read(dst)
	f.reading = false
	if f.unasked > maxUnasked {
		n, err = 0, ErrUnasked
	}
	if n > 0 {
		f.starved = 0
	}
	switch err {
	case nil:
		// tls.Conn has given all of one record, and was handed nothing beyond its end.
		// So if nothing more was fed, asking again would give would-block, for one
		// of crypto/tls's allocations and a third of the time that a small request
		// and its reply take here (BenchmarkTurn: 1295 ns, this way 836).
		c.dry = c.even && n < len(dst) && len(f.in) == 0
	case ErrWouldBlock:
		c.dry, c.even = true, true
	default:
		// Not everything that is fatal stays so in crypto/tls: it forgets a
		// refused renegotiation.
		c.err = err
		f.in = nil
	}
	if n > 0 {
		// TLS 1.2 gives data together with the error of the alert behind it.
		return n, nil
	}
	return 0, err
}

// Write encrypts p and appends the records to the lent output. An error is
// final. The output grows by about len(p) + 29 bytes for each 16 KB or part of
// it, so the caller decides how much p is given at a time.
func (c *Conn) Write(p []byte) error {
	if c.err != nil && c.err != io.EOF {
		return c.err
	}
	_, err := c.tls.Write(p)
	if err != nil && c.err == nil {
		c.err = err
		c.lower.in = nil
	}
	return err
}

// Close appends close_notify to the lent output, once, and nothing if the
// connection is broken. It closes no socket; Write fails afterwards.
func (c *Conn) Close() {
	if c.err != nil && c.err != io.EOF {
		return
	}
	_ = c.tls.CloseWrite() // cannot fail: the feed takes everything
}

// SetOutput lends the buffer to whose end ciphertext is appended, until it is
// called again; nil takes it back. The pointer lets the buffer grow, and many
// connections use the same one in turn. A worker lends one before it calls
// Read, Write or Close, then writes what is in it to the socket, all at once.
//
// What is written while no buffer is lent is kept and appended to the next one.
func (c *Conn) SetOutput(buf *[]byte) {
	c.lower.out = buf
	if buf != nil && len(c.lower.spill) > 0 {
		*buf = append(*buf, c.lower.spill...)
		c.lower.spill = nil
	}
}

// State tells what the handshake has agreed on.
func (c *Conn) State() tls.ConnectionState { return c.tls.ConnectionState() }
