package proxy

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"redisgate/policy"
	"redisgate/upstream"
)

// Settings are what a server can be given anew while it runs; see [Server.Reload]. They
// are read only from then on. Deny, Admin and Balancers may be left out.
type Settings struct {
	TLS       TLS // needed when there is a TCP listener; another one is judged by anew
	Allow     *policy.Networks
	Deny      *policy.Networks
	Admin     *policy.Networks // has spareConnections when there are MaxConnections
	Balancers *policy.Networks // whose PROXY header is required, and is who connects; Allow and Deny do not judge themselves
	Dialer    *upstream.Dialer // another pointer is another way to Redis
	Limits    Limits

	MaxConnections      int
	MaxPerAddress       int // connections of one host or IPv6 /64; 0: any number
	MaxShared           int
	MaxDedicated        int
	MaxDedicatedPerUser int
	HandshakeTimeout    time.Duration
	ProveTimeout        time.Duration // for a password that is tried against slow hashes, all waiting included
	FailFloor           time.Duration // the least that a failed log-in takes: DefaultFailFloor, but for tests
	BalancerTimeout     time.Duration // for a PROXY header, and part of HandshakeTimeout
	DrainDelay          time.Duration // for how long Run accepts, though not ready any more, before it drains
	DrainTimeout        time.Duration
}

func (o *Settings) check(listeners []net.Listener) error {
	switch {
	case o.Allow == nil || o.Dialer == nil:
		return errors.New("proxy: allowed networks and a dialer are needed")
	case o.MaxConnections < 1 || o.MaxShared < 1 || o.MaxDedicated < 1 || o.MaxDedicatedPerUser < 1:
		return errors.New("proxy: the numbers of connections must be at least 1")
	case o.Balancers.Len() > 0 && (o.BalancerTimeout <= 0 || o.BalancerTimeout > o.HandshakeTimeout):
		return errors.New("proxy: the PROXY header needs a time-out, no longer than the handshake's")
	case o.FailFloor <= 0:
		return errors.New("proxy: a failed log-in must take a while")
	case o.HandshakeTimeout <= 0 || o.ProveTimeout <= 0 || o.DrainTimeout < 0 || o.DrainDelay < 0:
		return errors.New("proxy: the handshake and the trial of a password need time-outs")
	}
	for _, l := range listeners {
		if l.Addr().Network() != "unix" && o.TLS == nil {
			return errors.New("proxy: a TCP listener needs TLS")
		}
	}
	return nil
}

// source is where a client comes from.
type source struct {
	addr netip.Addr // its effective address; not valid on a unix socket
	via  netip.Addr // the load balancer that has said so; not valid: none
}

// admits says whether a client from there may be here.
func (o *Settings) admits(from source) bool {
	if !from.addr.IsValid() {
		return true // by the file mode of the socket
	}
	if from.via.IsValid() && !o.Balancers.Contains(from.via) {
		return false // nobody believes it any more
	}
	return policy.Admit(o.Allow, o.Deny, from.addr)
}
