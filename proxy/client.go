package proxy

import (
	"crypto/x509"
	"io"
	"net/netip"
	"sync"
	"time"

	"redisgate/eventloop"
	"redisgate/tlsfeed"
	"redisgate/upstream"
	"redisgate/users"
)

// client joins a session to its socket: ciphertext in, plaintext to the session,
// the session's output to ciphertext and out. It is its session's host.
type client struct {
	session
	w    *worker
	conn *eventloop.Conn
	tls  *tlsfeed.Conn // nil on a unix socket

	chains [][]*x509.Certificate // what the handshake has verified; shared with tls

	remote, local netip.AddrPort // not valid on a unix socket
	version       string         // of TLS, or empty
	via           *via           // nil: no balancer and no certificate

	timer   eventloop.Timer
	timerAt int64
	ownUser int // whose dedicated connection it has, as users.User.Index

	woken    bool // on the loop's ready list
	flushing bool // on the worker's output list
	paused   bool // the socket is not read
	peerDone bool // the client will send no more
	hungUp   bool // and what it has sent was not all read
	leftAt   int64
	closing  bool // close_notify is out; what still comes is dropped
	closed   bool
	lingered int

	awaitsAck bool // something was read, and nothing was acknowledged by force since
}

const (
	// maxPlain is how much is encrypted at a time: with its four record headers
	// it fits one write of 64 KB.
	maxPlain = 63 << 10
	// turnOutput is the most that one client is sent in a turn.
	turnOutput = 256 << 10
	// After its last word redisgate reads on for a moment: closing a socket with
	// unread input sends RST, which would destroy that word.
	lingerBytes = 64 << 10
	lingerTime  = time.Second
	// rateOfWhoLeft is for how long somebody who has closed the connection, or its half, may
	// go on to wait for a rate: a few could fill all places with what they do not wait for.
	rateOfWhoLeft = 10 * time.Second
)

// Data, EOF, Hangup, Drained and Closed make a client an eventloop.Handler.

// Data takes bytes from the socket.
func (c *client) Data(p []byte) {
	if c.closing {
		if c.lingered += len(p); c.lingered > lingerBytes {
			c.close()
		}
		return
	}
	c.spent = 0
	before := c.k.counts.BytesIn
	if c.tls == nil {
		c.Input(p)
	} else {
		c.tls.Feed(p, c.now())
		c.decrypt()
	}
	if c.closed {
		return
	}
	c.awaitsAck = true
	if c.k.counts.BytesIn == before {
		c.acknowledge() // a TLS record is not whole
	}
	c.settleInput()
}

// acknowledge what was read last at once, since the rest of the request is behind that:
// Nagle, RFC 896.
func (c *client) acknowledge() {
	if c.awaitsAck {
		c.awaitsAck = false
		c.conn.QuickAck()
	}
}

// decrypt hands the session all that TLS has; bytes left inside raise no event.
func (c *client) decrypt() {
	w := c.w
	c.tls.SetOutput(&w.cipher)
	n, err := 0, error(nil)
	for !c.closed {
		var m int
		m, err = c.tls.Read(w.plain[n:])
		n += m
		if n > 0 && (err != nil || len(w.plain)-n < maxRecord) {
			c.Input(w.plain[:n])
			n = 0
		}
		if err != nil {
			break
		}
	}
	c.tls.SetOutput(nil)
	if c.closed {
		w.cipher = w.cipher[:0]
		return
	}
	c.sendCipher()
	switch err {
	case tlsfeed.ErrWouldBlock:
	case io.EOF:
		c.EOF()
	default:
		c.gone("tls")
	}
}

// maxRecord is the most plaintext of one TLS record (RFC 8446, 5.1).
const maxRecord = 16 << 10

func (c *client) sendCipher() {
	if len(c.w.cipher) > 0 {
		c.conn.Write(c.w.cipher)
		c.w.cipher = c.w.cipher[:0]
	}
}

// EOF is the client's half-close.
func (c *client) EOF() {
	if c.closing {
		c.close()
		return
	}
	c.peerDone = true
	c.leaves()
	c.eof()
	c.settleInput()
}

// Hangup is a half-close seen behind input that is not read for now.
func (c *client) Hangup() {
	c.hungUp = true
	c.leaves()
	c.settleInput()
}

func (c *client) leaves() {
	if c.leftAt == 0 {
		c.leftAt = max(c.now(), 1)
	}
}

// Closed is the end of the socket.
func (c *client) Closed(error) {
	if c.closing {
		c.close()
		return
	}
	c.gone("client")
}

// Drained is room in the socket.
func (c *client) Drained() { c.flush() }

// Run is the session's turn to go on with input that it has.
func (c *client) Run() {
	c.woken = false
	if c.closed {
		return
	}
	c.spent = 0
	c.run()
	if c.peerDone && !c.closed {
		c.eof()
	}
	c.settleInput()
}

// settleInput reads the socket, or does not, as the session wants it.
func (c *client) settleInput() {
	if c.closed || c.closing {
		return
	}
	if c.hungry || c.phase == streaming || c.phase == skipping {
		c.acknowledge() // now, or when what was read before is found to be a part
	}
	if c.hungUp && c.paused && (c.blocking || c.subs != nil || c.endless.cmd != nil) {
		c.gone("client") // a wait for nobody
		return
	}
	if c.leftAt != 0 && c.pace.until > c.leftAt+int64(rateOfWhoLeft) {
		c.gone("client")
		return
	}
	if want := c.wants(); want == c.paused {
		if c.paused = !want; c.paused {
			c.conn.Pause()
		} else {
			c.conn.Resume()
		}
	}
	if c.finished() {
		c.output()
	}
}

// flush sends what waits, as far as the socket takes it.
func (c *client) flush() {
	if c.closed || c.closing {
		return
	}
	sent := 0
	for c.waiting() > 0 && c.conn.Pending() == 0 && sent < turnOutput {
		p := c.pending(maxPlain)
		if c.tls != nil {
			c.tls.SetOutput(&c.w.cipher)
			err := c.tls.Write(p)
			c.tls.SetOutput(nil)
			if err != nil {
				c.w.cipher = c.w.cipher[:0]
				c.gone("tls")
				return
			}
			c.sendCipher()
		} else {
			c.conn.Write(p)
		}
		sent += len(p)
		c.drained(len(p))
		if c.closed {
			return
		}
	}
	switch {
	case c.conn.Pending() > 0:
		c.stuck()
	case c.waiting() > 0:
		c.w.again = append(c.w.again, c)
	default:
		c.unstuck()
		if c.finished() {
			c.shutdown()
		}
	}
}

// shutdown says the last word: close_notify, then FIN, then a moment of reading.
func (c *client) shutdown() {
	if c.tls != nil {
		c.tls.SetOutput(&c.w.cipher)
		c.tls.Close()
		c.tls.SetOutput(nil)
		c.sendCipher()
	}
	c.closing = true
	c.gone(c.reason)
	if c.closed {
		return
	}
	if c.peerDone && c.conn.Pending() == 0 {
		c.close()
		return
	}
	c.conn.CloseWrite()
	if c.paused {
		c.paused = false
		c.conn.Resume()
	}
	c.timerAt = 0
	c.deadline(c.now() + int64(lingerTime))
}

// close ends the socket.
func (c *client) close() {
	if !c.closed {
		c.closed = true
		c.w.loop.StopTimer(&c.timer)
		c.conn.Close()
		c.w.forget(c)
	}
}

func (c *client) fire() {
	c.timerAt = 0
	if c.closing {
		c.close()
		return
	}
	c.tick()
	c.settleInput()
}

// What follows makes a client its session's host.

func (c *client) now() int64               { return c.w.loop.Now() }
func (c *client) set() *users.Set          { return c.w.srv.users.Load() }
func (c *client) server() *upstream.Server { return c.w.srv.control.Server() }

func (c *client) shared(k upstream.Key) (link, error) {
	l, err := c.w.pool.Shared(k)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (c *client) dedicated(k upstream.Key) (link, error) {
	if !c.w.srv.perUser.take(c.user.Index, c.w.set.MaxDedicatedPerUser) {
		return nil, upstream.ErrBusy
	}
	l, err := c.w.pool.Dedicated(k, &c.session)
	if err != nil {
		c.w.srv.perUser.give(c.user.Index)
		return nil, err
	}
	c.ownUser = c.user.Index
	return l, nil
}

func (c *client) release(l link, clean bool) {
	c.w.srv.perUser.give(c.ownUser)
	c.w.pool.Release(l.(*upstream.Conn), clean)
}

func (c *client) wake() {
	if !c.woken {
		c.woken = true
		c.w.loop.Ready(c)
	}
}

func (c *client) offLoop(do func() []byte, done func([]byte)) {
	go func() {
		reply := do()
		c.w.loop.Post(func() {
			if !c.closed && c.phase != ended {
				done(reply)
				c.settleInput()
			}
		})
	}()
}

func (c *client) everybody(f func(*session, *sync.WaitGroup)) { c.w.srv.everybody(f) }

func (c *client) ends() (remote, local string) {
	if c.remote.IsValid() {
		return c.remote.String(), c.local.String()
	}
	return "unix:0", "unix:0"
}

func (c *client) describe(e *AuditEvent) {
	e.Address, e.Unix, e.TLS = c.remote, !c.remote.IsValid(), c.version
	if c.via != nil {
		e.Balancer, e.Certificate = c.via.balancer, c.via.certificate
	}
}

func (c *client) output() {
	if !c.flushing {
		c.flushing = true
		c.w.outputs = append(c.w.outputs, c)
	}
}

func (c *client) deadline(t int64) {
	if c.timerAt == 0 || t < c.timerAt {
		c.timerAt = t
		c.w.loop.SetTimer(&c.timer, time.Duration(t-c.now()))
	}
}

func (c *client) left() {
	if !c.closing {
		c.close()
	}
}
