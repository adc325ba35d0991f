package proxy

import (
	"net/netip"

	"redisgate/identity"
	"redisgate/policy/command"
)

// Audit takes what is to be audited. Its methods are called from many goroutines.
type Audit interface {
	// Wants is the set of classes that are audited at this moment, bit 1<<class for
	// each. When that has changed, Server.AuditChanged is to be called.
	Wants() uint8
	// Recorder makes one for an event loop, or for all that happens on none.
	Recorder() AuditRecorder
}

// AuditRecorder records events. None of its methods may wait.
type AuditRecorder interface {
	// Pack appends to dst what is to be known of a request's arguments. keys are the
	// first of its keys, and more is how many there are besides. cmd is as the table of
	// commands has it.
	Pack(dst []byte, cmd string, args, keys [][]byte, more int) []byte
	// Reserve keeps room for an event of so many bytes of Packed. ok is false if what
	// it tells of must not happen, since it could not be recorded; held says that
	// either Record, with an event that says Held, or Release has to follow.
	Reserve(class uint8, packed int) (held, ok bool)
	Release(class uint8, packed int)
	// Record records an event, of which it keeps strings but no bytes, or drops it.
	Record(e *AuditEvent) bool
}

// Classes of events.
const (
	AuditAuth uint8 = iota
	AuditDenied
	AuditAdmin
	AuditConfig
	AuditConnection
	AuditCommand
)

// AuditEvent is what has happened. Fields that do not apply are empty.
type AuditEvent struct {
	Class       uint8
	Time        int64  // Unix nanoseconds; 0: now
	Client      uint64 // 0: no session has begun
	Address     netip.AddrPort
	Unix        bool // it has none
	Balancer    netip.AddrPort
	TLS         string // "1.2" or "1.3"
	Certificate string // a name, as patterns are spelled; of the client's choice, if the authority lets it
	User        string // as configured, or "unknown"
	Method      string // of a log-in
	Command     string // as the table has it, or "unknown"; empty: it is about none
	Database    int    // of the command
	Packed      []byte // by AuditRecorder.Pack; valid during the call
	Verdict     string // fixed words
	Reason      string // fixed words
	Duration    int64  // nanoseconds; negative: there is none
	Generation  uint64 // always 0 here
	Held        bool   // room is reserved

	// Grounds knows the rule that has decided, and may be asked at any time from any
	// goroutine; nil: no rule has.
	Grounds interface {
		RuleFor(command string, selector int) string
	}
	Selector int
}

// unknownCommand stands for the names of commands that the table does not have.
const unknownCommand = "unknown"

// What has become of that which an event tells of.
const (
	auditAllowed = "allowed"
	auditDenied  = "denied"
	auditQueued  = "queued"
	auditOK      = "ok"
	auditFailed  = "failed"
	auditChanged = "changed"
	auditOpened  = "opened"
	auditClosed  = "closed"
	auditRefused = "refused"
)

// How somebody has logged in.
const (
	methodPassword    = "password"
	methodCertificate = "certificate"
	methodNone        = "none"
)

// via is what a client's connection has come by, if that is more than an address.
type via struct {
	balancer    netip.AddrPort
	certificate string
}

func newVia(balancer netip.AddrPort, cert *identity.Certificate) *via {
	if !balancer.IsValid() && cert == nil {
		return nil
	}
	return &via{balancer, certificateName(cert)}
}

// from is the balancer's address, not valid if there is none.
func (v *via) from() netip.Addr {
	if v == nil {
		return netip.Addr{}
	}
	return v.balancer.Addr()
}

// maxCertificateName is how much of a name out of a certificate is told.
const maxCertificateName = 256

// certificateName is one name of a certificate, with its kind.
func certificateName(c *identity.Certificate) string {
	name := ""
	switch {
	case c == nil:
	case c.CommonName != "":
		name = "CN:" + c.CommonName
	case len(c.URIs) > 0:
		name = "URI:" + c.URIs[0]
	case len(c.DNS) > 0:
		name = "DNS:" + c.DNS[0]
	case len(c.Emails) > 0:
		name = "EMAIL:" + c.Emails[0]
	default:
		name = "SHA256:" + fingerprint(c)
	}
	return name[:min(len(name), maxCertificateName)]
}

func fingerprint(c *identity.Certificate) string {
	const digits = "0123456789abcdef"
	var out []byte
	for _, b := range c.Sum {
		out = append(out, digits[b>>4], digits[b&15])
	}
	return string(out)
}

// administrators are the commands whose use is an event of its own: those that no
// category reaches, and those of administrators or dangerous ones.
var administrators = func() (is [command.Total]bool) {
	for i := range is {
		c := command.ByID(i)
		is[i] = c.Flags.Has(command.FlagReserved) || c.Categories&(command.CategoryAdmin|command.CategoryDangerous) != 0
	}
	return is
}()

// AuditChanged has all that is audited looked up anew. It does not wait for that.
func (s *Server) AuditChanged() {
	if s.o.Audit == nil {
		return
	}
	wants := s.o.Audit.Wants()
	s.atDoors.on.Store(uint32(wants))
	if !s.started.Load() {
		return
	}
	for _, w := range s.workers {
		w.loop.Post(func() { w.kit.audit.on = wants })
	}
}
