package upstream

import (
	"io"

	"redisgate/tlsfeed"
)

const (
	// maxPlain is how much is encrypted at a time: with its record headers it fits one
	// write of 64 KB.
	maxPlain = 63 << 10
	// maxRecord is the most plaintext of one TLS record (RFC 8446, 5.1).
	maxRecord = 16 << 10
)

// scratch is what a pool's connections encrypt into and decrypt from, in turns.
type scratch struct{ plain, cipher []byte }

// decrypt takes all that TLS has; bytes left inside raise no event. What it hands on
// may make other connections, and this one, write, so the buffer for ciphertext is
// emptied before.
func (c *Conn) decrypt() {
	b := &c.pool.scratch
	if b.plain == nil {
		b.plain = make([]byte, 64<<10+maxRecord)
	}
	n, err := 0, error(nil)
	for c.state == open {
		var m int
		c.tls.SetOutput(&b.cipher)
		m, err = c.tls.Read(b.plain[n:])
		c.tls.SetOutput(nil)
		c.sendCipher()
		n += m
		if n > 0 && (err != nil || len(b.plain)-n < maxRecord) {
			c.data(b.plain[:n])
			n = 0
		}
		if err != nil {
			break
		}
	}
	switch {
	case c.state != open || err == tlsfeed.ErrWouldBlock:
	case err == io.EOF:
		c.lost()
	default:
		c.fail("lost", err)
	}
}

// encrypt writes what is to go out. false means that the connection has ended.
func (c *Conn) encrypt() bool {
	b := &c.pool.scratch
	for p := c.out; len(p) > 0; {
		n := min(len(p), maxPlain)
		c.tls.SetOutput(&b.cipher)
		err := c.tls.Write(p[:n])
		c.tls.SetOutput(nil)
		if err != nil {
			b.cipher = b.cipher[:0]
			c.fail("lost", err)
			return false
		}
		c.sendCipher()
		p = p[n:]
	}
	return true
}

// closeNotify says that nothing more is asked, as a half-close does below TLS.
func (c *Conn) closeNotify() {
	b := &c.pool.scratch
	c.tls.SetOutput(&b.cipher)
	c.tls.Close()
	c.tls.SetOutput(nil)
	c.sendCipher()
}

func (c *Conn) sendCipher() {
	b := &c.pool.scratch
	if len(b.cipher) > 0 {
		c.ec.Write(b.cipher)
		b.cipher = b.cipher[:0]
	}
}
