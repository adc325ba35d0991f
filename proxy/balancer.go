package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"redisgate/proxyheader"
)

// passedOn is admit for a connection that a load balancer passes on: its header says
// who connects. It has a place already, and waits for the header on a goroutine of its
// own, no longer than BalancerTimeout.
func (s *Server) passedOn(ctx context.Context, nc net.Conn, balancer netip.AddrPort) {
	began := time.Now()
	h, err := readHeader(ctx, nc, s.settings.Load().BalancerTimeout)
	if err != nil || h.Local {
		nc.Close()
		s.leave()
		if err != nil {
			s.headerRefused(ctx, balancer, err)
		}
		return
	}
	peer := plainAddress(h.Source)
	set, from := s.settings.Load(), source{peer.Addr(), balancer.Addr()} // the settings may have changed meanwhile
	if !set.admits(from) {
		s.doors.deniedAddress.Add(1)
		s.atDoors.turnedAway(peer, balancer, turnedAddress)
		nc.Close()
		s.leave()
		return
	}
	if s.connections.Load() > int64(set.most(peer.Addr())) {
		s.refuse(nc, peer, balancer)
		return
	}
	if left := set.HandshakeTimeout - time.Since(began); s.begin(nc, peer, balancer, set) {
		s.handshake(ctx, nc, peer, balancer, left)
	}
}

// readHeader reads the header and not a byte behind it, which is TLS's.
func readHeader(ctx context.Context, nc net.Conn, timeout time.Duration) (proxyheader.Header, error) {
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	if err := nc.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return proxyheader.Header{}, err
	}
	h, err := proxyheader.Read(nc)
	if err == nil {
		err = nc.SetReadDeadline(time.Time{})
	}
	return h, err
}

func (s *Server) headerRefused(ctx context.Context, balancer netip.AddrPort, err error) {
	if err == io.EOF || ctx.Err() != nil {
		return // the balancer has looked whether somebody listens, or this is our own end
	}
	s.doors.proxyHeader.Add(1)
	s.atDoors.turnedAway(netip.AddrPort{}, balancer, turnedHeader)
	if n, ok := s.logged.allow("proxy header", time.Now()); ok {
		s.o.Log.Warn("a connection from a load balancer was refused", "address", balancer.Addr(), "reason", headerReason(err), "not_logged", n)
	}
}

// headerReason says why in words that nobody else chose.
func headerReason(err error) string {
	for _, known := range [...]error{proxyheader.ErrMissing, proxyheader.ErrMalformed, proxyheader.ErrTooLong, proxyheader.ErrUnsupported} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "no whole PROXY header in time"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ended inside the PROXY header"
	}
	return "the connection broke"
}
