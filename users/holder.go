package users

import (
	"net/netip"

	"redisgate/identity"
)

// Standing is what a client's certificate is worth as a log-in.
type Standing uint8

const (
	Nobody    Standing = iota // there is none, or it is nobody's
	Holder                    // it logs its user in
	Off                       // its user is off
	Outside                   // its user may not log in from the client's address
	Several                   // it is more than one user's
	Unclear                   // its names have no one reading
	standings                 // their number
)

var standingTexts = [standings]string{
	Nobody:  "it is nobody's",
	Holder:  "it logs in",
	Off:     "its user is off",
	Outside: "its user may not log in from this address",
	Several: "it is more than one user's",
	Unclear: "its names can be read in more than one way, as with several common names",
}

// String says it of the certificate.
func (st Standing) String() string {
	if st >= standings {
		return "unknown"
	}
	return standingTexts[st]
}

// Refused says that the certificate is somebody's, or may be, and logs nobody in.
func (st Standing) Refused() bool { return st > Holder }

// Certified says whose a certificate is, be he off or outside, and what it is worth
// at that address, which is invalid for a unix socket's client. c may be nil: none.
func (s *Set) Certified(addr netip.Addr, c *identity.Certificate) (u *User, st Standing) {
	if c == nil {
		return nil, Nobody
	}
	if c.Unclear {
		return nil, Unclear
	}
	owners := s.owners.Find(c)
	switch len(owners) {
	case 0:
		return nil, Nobody
	case 1:
	default:
		return nil, Several
	}
	switch u = owners[0]; {
	case !u.Enabled:
		return u, Off
	case !u.Admits(addr):
		return u, Outside
	}
	return u, Holder
}

// Initial gives the user as whom a client acts without AUTH: the one whose its
// certificate is, and nobody if that one may not be; default only if the certificate
// is nobody's.
func (s *Set) Initial(addr netip.Addr, c *identity.Certificate) (u *User, st Standing, ok bool) {
	if u, st = s.Certified(addr, c); st != Nobody {
		return u, st, st == Holder
	}
	u, ok = s.Anonymous(addr)
	return u, st, ok
}
