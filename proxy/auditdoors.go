package proxy

import (
	"net/netip"
	"sync/atomic"
)

// atDoors audits what happens before there is a session, on many goroutines.
type atDoors struct {
	on atomic.Uint32 // set of classes
	to AuditRecorder // nil: nothing is audited
}

// turnedAway audits a connection that gets no session. peer is not valid if nobody
// knows who it is.
func (d *atDoors) turnedAway(peer, balancer netip.AddrPort, reason string) {
	if d.on.Load()&(1<<AuditConnection) == 0 {
		return
	}
	d.to.Record(&AuditEvent{
		Class: AuditConnection, Address: peer, Unix: !peer.IsValid() && !balancer.IsValid(), Balancer: balancer, Verdict: auditRefused, Reason: reason, Duration: -1,
	})
}

// Why connections get no session.
const (
	turnedAddress   = "address"
	turnedLimit     = "limit"
	turnedHeader    = "proxy_header"
	turnedHandshake = "handshake"
	turnedTimeout   = "handshake_timeout"
)
