package upstream

import "bytes"

// maxHold bounds what is kept of a frame whose kind cannot be told yet: an error
// line, or the head of a message. Errors quote arguments, and a request on a shared
// pipeline has 64 KB.
const maxHold = 128 << 10

type frame uint8

const (
	frameReply frame = iota
	framePush        // out of band, for the owner
	frameMore        // cannot be told from so few bytes
	frameFatal       // must not be on this connection
)

// Data takes bytes from Redis.
func (c *Conn) Data(p []byte) {
	if c.tls == nil {
		c.data(p)
		return
	}
	c.tls.Feed(p, c.pool.loop.Now())
	c.decrypt()
}

func (c *Conn) data(p []byte) {
	if c.through {
		if c.owner != nil {
			c.owner.Push(p, true)
		}
		return
	}
	if len(c.hold) > 0 {
		p = append(c.hold, p...)
		c.hold = nil
	}
	for len(p) > 0 && c.state == open {
		if c.framer.Idle() {
			switch c.begins(p) {
			case frameMore:
				if len(p) > maxHold {
					c.fail("protocol", errPoisoned)
					return
				}
				c.hold = bytes.Clone(p)
				return
			case frameFatal:
				c.fail("protocol", errPoisoned)
				return
			case framePush:
				c.inPush = true
			default:
				if c.q.len() == 0 {
					c.fail("protocol", errUnasked)
					return
				}
			}
		}
		if c.inPush {
			p = p[c.push(p):]
		} else {
			p = p[c.reply(p):]
		}
	}
	if len(c.waiters) > 0 && !c.Full() {
		c.tellWaiters()
	}
	if c.retired && c.q.len() == 0 {
		c.end()
	}
}

func (c *Conn) push(p []byte) int {
	n, end, err := c.framer.Next(p)
	if err != nil {
		c.fail("protocol", err)
		return len(p)
	}
	c.inPush = !end
	if c.owner != nil {
		c.owner.Push(p[:n], end)
	}
	return n
}

// reply handles the entry at the front of the queue: as many of its replies as
// are in p go out in one delivery.
func (c *Conn) reply(p []byte) int {
	e := c.q.front()
	if e.drop != 0 {
		return c.swallow(e, p)
	}
	d := Delivery{Since: e.since}
	i := 0
	for i < len(p) && d.Ended < e.n {
		if c.framer.Idle() {
			if i > 0 && c.special(p[i]) {
				break
			}
			d.Began++
			d.Refused = e.many && p[i] == '-'
		}
		n, end, err := c.framer.Next(p[i:])
		if err != nil {
			c.fail("protocol", err)
			return len(p)
		}
		i += n
		if end {
			d.Ended++
			if d.Refused {
				break
			}
		}
	}
	if d.Refused && d.Ended > 0 {
		d.Began += e.n - d.Ended
		d.Ended = e.n
	}
	if c.shared && !c.framer.Idle() && c.framer.Size() > LargeReply {
		d.Large = true
		if !c.retired {
			c.retire()
		}
	}
	d.Data = p[:i]
	to := e.to
	if e.n -= d.Ended; e.n == 0 {
		c.q.pop()
	}
	to.Reply(d)
	return i
}

func (c *Conn) swallow(e *entry, p []byte) int {
	if e.drop < 0 {
		if p[0] != '+' {
			c.fail("protocol", errAborted)
			return len(p)
		}
		e.drop = -e.drop
	}
	n, end, err := c.framer.Next(p)
	if err != nil {
		c.fail("protocol", err)
		return len(p)
	}
	if end {
		e.drop--
	}
	return n
}

// special says that a frame beginning with b must be looked at by begins.
func (c *Conn) special(b byte) bool {
	return b == '>' || b == '-' || b == '*' && c.subscriber && c.key.Proto == 2
}

// begins tells what frame begins at p[0].
func (c *Conn) begins(p []byte) frame {
	if !c.special(p[0]) {
		return frameReply
	}
	if p[0] == '-' {
		if bytes.IndexByte(p, '\n') < 0 {
			return frameMore
		}
		// Both mean that this session is no longer what we made of it; Redis closes
		// it after the first, which on a dedicated connection is its client's to know.
		c.spent = c.spent || bytes.HasPrefix(p, []byte("-ERR Protocol error"))
		if c.spent && c.shared || bytes.HasPrefix(p, []byte("-NOAUTH ")) {
			return frameFatal
		}
		return frameReply
	}
	if !c.subscriber {
		return frameFatal // a push that nobody asked for
	}
	return c.message(p)
}

// message tells a message from a confirmation: `*3 $7 message ...` against
// `*3 $9 subscribe ...`, '>' instead of '*' in RESP3.
func (c *Conn) message(p []byte) frame {
	first := bytes.IndexByte(p, '\n') + 1
	if first == 0 {
		return frameMore
	}
	if first == len(p) {
		if p[0] == '*' && bytes.Equal(p, []byte("*0\r\n")) {
			return frameReply
		}
		return frameMore
	}
	second := bytes.IndexByte(p[first:], '\n') + 1
	if p[first] != '$' {
		return c.other(p[0])
	}
	if second == 0 {
		return frameMore
	}
	name := p[first+second:]
	end := bytes.IndexByte(name, '\r')
	if end < 0 {
		if len(name) < 16 {
			return frameMore
		}
		return c.other(p[0])
	}
	switch name = name[:end]; string(name) {
	case "message", "pmessage", "smessage":
		return framePush
	case "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe":
		if c.q.len() == 0 {
			return framePush // Redis took the subscription away by itself
		}
		return frameReply
	}
	return c.other(p[0])
}

func (c *Conn) other(b byte) frame {
	if b == '>' {
		return framePush
	}
	return frameReply
}
