package tlsfeed

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"
)

// maxHandshakeBytes bounds what one client may send before its handshake is
// done. A hello with ML-KEM has 2 KB and a chain of client certificates rarely
// 10; crypto/tls alone would take messages of 256 KB.
const maxHandshakeBytes = 64 << 10

// Handshake runs the server's side of a handshake on the calling goroutine,
// which must not be a loop's, and returns the connection ready to be fed by hand.
// nc is then in blocking state with no deadline set, and the caller's. On an
// error nc is closed and the error is a [*HandshakeError].
//
// addr is the client's effective address, by which unfinished handshakes are
// counted: at most 1,000 in all and 512 an address (IPv4 host or IPv6 /64, v4-mapped
// addresses as IPv4). An invalid address (a unix socket) counts only in all. A
// handshake is one from its first byte on: a client that has sent nothing costs a
// goroutine and holds no place, and one beyond the bounds waits for its turn.
// A stranger is of an address from which nobody has logged in: see [Slots.Pace].
// timeout is for the whole of it, all waiting included; ctx cancels it. cfg must
// not be changed afterwards.
func (s *Slots) Handshake(ctx context.Context, nc net.Conn, addr netip.Addr, stranger bool, cfg *tls.Config, timeout time.Duration) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	key := network(addr)
	sh := &shake{nc: nc, slots: s, ctx: ctx, key: key, stranger: stranger}
	defer sh.giveBack()

	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	err := sh.begin()
	if err != nil {
		stop()
		_ = nc.Close()
		if ctx.Err() != nil {
			err = ctx.Err() // and not that we closed the connection because of it
		}
		return nil, handshakeError(ctx, sh, err)
	}
	kind, entered := s.enter(ctx, key)
	stop() // from here on tls.Conn closes nc when ctx ends
	if !entered {
		_ = nc.Close()
		if errors.Is(ctx.Err(), context.Canceled) {
			kind = Cancelled
		}
		return nil, &HandshakeError{Kind: kind, Err: ctx.Err()}
	}
	defer s.leave(key)

	c := &Conn{lower: feed{under: sh}}
	c.tls = tls.Server(&c.lower, cfg)
	err = c.tls.HandshakeContext(ctx)
	if err == nil {
		err = nc.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = nc.Close()
		return nil, handshakeError(ctx, sh, err)
	}
	// The context's function was stopped, so nobody else looks at the feed.
	c.lower.under = nil
	return c, nil
}

// shake is the socket during the handshake. It holds a permit except while it
// waits for the client.
type shake struct {
	nc       net.Conn
	slots    *Slots
	ctx      context.Context //nolint:containedctx // it lives as long as one call of Handshake
	key      netip.Prefix
	stranger bool
	held     bool // permit
	permit   permit
	taken    bool    // a permit was had before
	got      int     // bytes read
	first    [1]byte // read ahead
	ahead    bool
}

// begin waits for the client's first byte, without a permit or a place.
func (s *shake) begin() error {
	n, err := s.nc.Read(s.first[:])
	s.got = n
	s.ahead = n > 0
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	if n > 0 {
		return nil
	}
	return err
}

func (s *shake) raw() net.Conn { return s.nc }

func (s *shake) Read(p []byte) (int, error) {
	if s.ahead && len(p) > 0 {
		s.ahead = false
		return copy(p, s.first[:]), nil
	}
	room := maxHandshakeBytes - s.got
	if room <= 0 {
		return 0, errTooLong
	}
	s.giveBack()
	n, err := s.nc.Read(p[:min(len(p), room)])
	s.got += n
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	return n, s.take(err)
}

// Write gives the permit back too: a client with a tiny window can make it block.
func (s *shake) Write(p []byte) (int, error) {
	s.giveBack()
	n, err := s.nc.Write(p)
	return n, s.take(err)
}

// take takes the permit again, unless the handshake is over anyway.
func (s *shake) take(err error) error {
	if err != nil {
		return err
	}
	p, aerr := s.slots.acquire(s.ctx, s)
	if aerr != nil {
		return errors.Join(errGone, aerr)
	}
	s.held, s.taken, s.permit = true, true, p
	return nil
}

func (s *shake) giveBack() {
	if s.held {
		s.held = false
		s.slots.release(s.permit)
	}
}
