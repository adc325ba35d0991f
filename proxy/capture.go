package proxy

import (
	"redisgate/resp"
	"redisgate/upstream"
)

// capture takes one reply of Redis instead of the client.
type capture struct {
	reply   []byte
	most    int // bytes that the reply may have; 0: maxCapture
	over    bool
	*splice // takes the reply as it comes
	// done gets the reply whole, or nil and the text of an error in its place if it
	// was lost or too large, and says itself what the client gets. The reply is its
	// own during the call only. It may ask again, with another capture.
	done func(s *session, reply []byte, failed string)
}

func (s *session) captured(d upstream.Delivery) {
	c := s.capture
	if c.splice != nil {
		c.take(s, d.Data, d.Ended > 0)
		return
	}
	most := c.most
	if most == 0 {
		most = maxCapture
	}
	if c.over = c.over || len(c.reply)+len(d.Data) > most; c.over {
		s.uncapture()
		s.capture = c
	} else {
		c.reply = s.k.bufs.append(c.reply, d.Data)
	}
	if d.Ended == 0 {
		return
	}
	reply := c.reply
	s.capture, c.reply = nil, nil
	if c.over {
		c.done(s, nil, textTooLarge)
	} else {
		c.done(s, reply, "")
	}
	s.k.bufs.give(reply)
}

// uncapture forgets what was captured so far.
func (s *session) uncapture() {
	if c := s.capture; c != nil {
		s.k.bufs.give(c.reply)
		c.reply = nil
		if c.splice != nil {
			c.splice.give(s)
		}
		s.capture = nil
	}
}

// ask sends a request of redisgate's own on l and has its reply captured. Nothing
// may be owed.
func (s *session) ask(l link, most int, done func(s *session, reply []byte, failed string), args ...string) {
	s.capture = &capture{most: most, done: done}
	l.Send(s, resp.AppendCommand(nil, args...), true)
	s.sent++
}
