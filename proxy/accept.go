package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"redisgate/identity"
	"redisgate/policy"
	"redisgate/tlsfeed"
)

// doors counts what happens before there is a session.
type doors struct {
	accepted, deniedAddress, overLimit, proxyHeader, handshakeFailed, handshakeTimeout atomic.Uint64

	mu         sync.Mutex
	handshakes map[Handshake]uint64
	before     map[netip.Prefix]int // connections whose handshake is not done, by host or IPv6 /64
	waiting    map[net.Conn]source  // these connections
}

// enter counts a connection on its way to a handshake. One address may have only
// most of them, so that sockets that say nothing cannot keep everybody out.
func (d *doors) enter(nc net.Conn, from source, most int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.before == nil {
		d.before, d.waiting = map[netip.Prefix]int{}, map[net.Conn]source{}
	}
	n := network(from.addr)
	if d.before[n] >= most {
		return false
	}
	d.before[n]++
	d.waiting[nc] = from
	return true
}

func (d *doors) leave(nc net.Conn, a netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.waiting, nc)
	n := network(a)
	if d.before[n]--; d.before[n] <= 0 {
		delete(d.before, n)
	}
}

// judge closes connections on their way through a handshake whose address may not be
// here any more.
func (d *doors) judge(set *Settings) {
	d.mu.Lock() // who leaves meanwhile is judged by its loop
	defer d.mu.Unlock()
	for nc, from := range d.waiting {
		if !set.admits(from) {
			d.deniedAddress.Add(1)
			nc.Close()
		}
	}
}

// network is what counts as one address: who has an IPv6 host has a /64.
func network(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits) // fails only for the invalid address, which is counted as one
	return p
}

// Handshake is a kind of finished handshake.
type Handshake struct {
	Version string // "1.2" or "1.3"
	Resumed bool
}

// spareConnections get in beyond MaxConnections, for administrators.
const spareConnections = 16

// accept serves one listener until it is closed.
func (s *Server) accept(ctx context.Context, l net.Listener) error {
	plain := l.Addr().Network() == "unix"
	var backoff time.Duration
	for {
		nc, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
				return nil
			}
			// Out of descriptors, most likely: others may close some meanwhile.
			backoff = min(max(2*backoff, 5*time.Millisecond), time.Second)
			// One success between failures begins the back-off anew.
			if n, ok := s.logged.allow("accept", time.Now()); ok {
				s.o.Log.Error("accepting a connection failed", "error", err, "retry_in", backoff, "not_logged", n)
			}
			select {
			case <-time.After(backoff):
			case <-ctx.Done():
			}
			continue
		}
		backoff = 0
		s.admit(ctx, nc, plain)
	}
}

// admit decides on a connection by its address, before a byte of TLS is read.
func (s *Server) admit(ctx context.Context, nc net.Conn, plain bool) {
	set := s.settings.Load()
	if plain {
		if s.reserve(nc, netip.AddrPort{}, netip.AddrPort{}, set.MaxConnections) {
			s.doors.accepted.Add(1)
			s.assign(admitted{nc: nc})
		}
		return
	}
	tcp, ok := nc.RemoteAddr().(*net.TCPAddr)
	if !ok {
		nc.Close()
		return
	}
	peer := plainAddress(tcp.AddrPort())
	if set.Balancers.Contains(peer.Addr()) {
		// Who it is that connects is known only later, and may be an administrator.
		if s.reserve(nc, netip.AddrPort{}, peer, set.MaxConnections+spareConnections) {
			go s.passedOn(ctx, nc, peer)
		}
		return
	}
	if !policy.Admit(set.Allow, set.Deny, peer.Addr()) {
		s.doors.deniedAddress.Add(1)
		s.atDoors.turnedAway(peer, netip.AddrPort{}, turnedAddress)
		nc.Close()
		return
	}
	if s.reserve(nc, peer, netip.AddrPort{}, set.most(peer.Addr())) && s.begin(nc, peer, netip.AddrPort{}, set) {
		go s.handshake(ctx, nc, peer, netip.AddrPort{}, set.HandshakeTimeout)
	}
}

// plainAddress is an address as policies compare it.
func plainAddress(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// most is how many connections there may be with one of that address.
func (o *Settings) most(a netip.Addr) int {
	if o.Admin.Contains(a) {
		return o.MaxConnections + spareConnections
	}
	return o.MaxConnections
}

// reserve takes a place among the connections, or closes nc.
func (s *Server) reserve(nc net.Conn, peer, balancer netip.AddrPort, most int) bool {
	if s.connections.Add(1) > int64(most) {
		s.refuse(nc, peer, balancer)
		return false
	}
	return true
}

// begin counts a connection that has a place on its way to a handshake, or closes it.
func (s *Server) begin(nc net.Conn, peer, balancer netip.AddrPort, set *Settings) bool {
	if !s.addresses.take(peer.Addr()) {
		s.refuse(nc, peer, balancer)
		return false
	}
	if !s.doors.enter(nc, source{peer.Addr(), balancer.Addr()}, max(1, set.MaxConnections/2)) {
		s.addresses.give(peer.Addr())
		s.refuse(nc, peer, balancer)
		return false
	}
	s.doors.accepted.Add(1)
	return true
}

// refuse closes a connection for which there is no room.
func (s *Server) refuse(nc net.Conn, peer, balancer netip.AddrPort) {
	s.atDoors.turnedAway(peer, balancer, turnedLimit)
	s.doors.overLimit.Add(1)
	nc.Close()
	s.leave()
}

// handshake is for the client whose effective address is peer, as the load balancer has
// said, if there is one. It begins by the settings of its own beginning, and ends by
// those of its loop.
func (s *Server) handshake(ctx context.Context, nc net.Conn, peer, balancer netip.AddrPort, timeout time.Duration) {
	by := s.settings.Load().TLS
	feed, err := s.o.Slots.Handshake(ctx, nc, peer.Addr(), !s.throttle.Familiar(peer.Addr(), s.clock()), by.Config(), timeout)
	s.doors.leave(nc, peer.Addr())
	if err != nil {
		s.ended(peer.Addr())
		s.handshakeEnded(peer, balancer, err)
		return
	}
	state := feed.State()
	s.doors.mu.Lock()
	if s.doors.handshakes == nil {
		s.doors.handshakes = map[Handshake]uint64{}
	}
	s.doors.handshakes[Handshake{tlsVersion(state.Version), state.DidResume}]++
	s.doors.mu.Unlock()
	a := admitted{nc: nc, tls: feed, by: by, peer: peer, balancer: balancer, chains: state.VerifiedChains, version: tlsVersion(state.Version)}
	if len(a.chains) > 0 {
		a.cert = identity.Of(a.chains[0][0])
	}
	s.assign(a)
}

func (s *Server) handshakeEnded(peer, balancer netip.AddrPort, err error) {
	var he *tlsfeed.HandshakeError
	if errors.As(err, &he) && (he.Kind == tlsfeed.Vanished || he.Kind == tlsfeed.Cancelled) {
		return // a health check's connection, or our own end: counted as accepted, no news
	}
	if he != nil && he.Kind == tlsfeed.TimedOut {
		s.doors.handshakeTimeout.Add(1)
		s.atDoors.turnedAway(peer, balancer, turnedTimeout)
	} else {
		s.doors.handshakeFailed.Add(1)
		s.atDoors.turnedAway(peer, balancer, turnedHandshake)
	}
	if n, ok := s.logged.allow("handshake", time.Now()); ok {
		s.o.Log.Info("TLS handshake failed", "address", peer.Addr(), "reason", err.Error(), "not_logged", n)
	}
}

// assign gives a connection to the next worker.
func (s *Server) assign(a admitted) {
	w := s.workers[s.next.Add(1)%uint64(len(s.workers))]
	if !w.loop.Post(func() { w.adopt(a) }) {
		a.nc.Close()
		s.ended(a.peer.Addr())
	}
}

// ended gives back the place of a connection that had begun.
func (s *Server) ended(a netip.Addr) {
	s.addresses.give(a)
	s.leave()
}

func tlsVersion(v uint16) string {
	switch v {
	case 0x0303:
		return "1.2"
	case 0x0304:
		return "1.3"
	}
	return "other"
}

// logLimit lets one message of a kind a second through.
type logLimit struct {
	mu   sync.Mutex
	last map[string]time.Time
	held map[string]int
}

// allow says whether to log, and how many were held back since the last one.
func (l *logLimit) allow(kind string, now time.Time) (held int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		l.last, l.held = map[string]time.Time{}, map[string]int{}
	}
	if now.Sub(l.last[kind]) < time.Second {
		l.held[kind]++
		return 0, false
	}
	held = l.held[kind]
	l.last[kind], l.held[kind] = now, 0
	return held, true
}

func (s *Server) logUpstream(kind string, err error) {
	if n, ok := s.logged.allow("upstream "+kind, time.Now()); ok {
		s.o.Log.Warn("a connection to Redis failed", "kind", kind, "error", err.Error(), "not_logged", n)
	}
}
