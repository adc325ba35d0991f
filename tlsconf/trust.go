package tlsconf

import (
	"crypto/x509"
	"time"
)

// Trust says which client certificates hold: the authorities that may sign them and
// the lists of those that were revoked. It is immutable and may be used from any
// goroutine.
type Trust struct {
	pool    *x509.CertPool
	anchors map[anchor]struct{}
	lists   map[string][]*List // by the issuer's name, as it is encoded
	checks  bool               // whether lists are to be looked at
}

// anchor is what RFC 5280, 6.1.1, trusts: a name and a key. An authority that is
// renewed with its key stays the same.
type anchor struct{ name, key string }

func anchorOf(c *x509.Certificate) anchor {
	return anchor{string(c.RawSubject), string(c.RawSubjectPublicKeyInfo)}
}

// NewTrust trusts authorities. If lists is not nil each certificate below one of them
// must be on a current list of its issuer as not revoked; an empty list of lists
// refuses all but the authorities themselves.
func NewTrust(authorities []*x509.Certificate, lists []*List) *Trust {
	t := &Trust{pool: x509.NewCertPool(), anchors: make(map[anchor]struct{}), lists: make(map[string][]*List), checks: lists != nil}
	for _, c := range authorities {
		t.pool.AddCert(c)
		t.anchors[anchorOf(c)] = struct{}{}
	}
	for _, l := range lists {
		t.lists[l.issuer] = append(t.lists[l.issuer], l)
	}
	return t
}

// CertificateError says why a client certificate that was verified does not hold. Its
// text is fixed words.
type CertificateError string

// The reasons.
const (
	ErrUntrusted CertificateError = "the client's certificate is not signed by a known authority any more"
	ErrExpired   CertificateError = "the client's certificate, or one that signs it, has expired"
	ErrMissing   CertificateError = "the client has no certificate, and one is required"
	ErrRevoked   CertificateError = "the client's certificate is revoked"
	ErrUnlisted  CertificateError = "there is no current revocation list of the client certificate's issuer"
)

func (e CertificateError) Error() string { return string(e) }

// HandshakeReason lets the text be logged.
func (e CertificateError) HandshakeReason() string { return string(e) }

// Judge says whether a client's certificate holds at a moment: chains are those that
// a handshake has verified, each from the client's certificate to an authority, now or
// when the session was begun that has been resumed. nil means that it does. The error
// is a CertificateError.
//
// One chain must still be whole. A certificate that is revoked in any whole chain does
// not hold, and neither does one of whose issuer there is no current list.
func (t *Trust) Judge(chains [][]*x509.Certificate, now time.Time) error {
	why, whole := ErrUntrusted, false
	for _, chain := range chains {
		if len(chain) == 0 {
			continue
		}
		if _, known := t.anchors[anchorOf(chain[len(chain)-1])]; !known {
			continue
		}
		if expired(chain, now) {
			why = ErrExpired
			continue
		}
		whole = true
		if !t.checks {
			continue
		}
		for i, c := range chain[:len(chain)-1] {
			if err := t.status(c, chain[i+1], now); err != nil {
				return err
			}
		}
	}
	if !whole {
		return why
	}
	return nil
}

func expired(chain []*x509.Certificate, now time.Time) bool {
	for _, c := range chain {
		if now.Before(c.NotBefore) || now.After(c.NotAfter) {
			return true
		}
	}
	return false
}

// status looks a certificate up in its issuer's lists.
func (t *Trust) status(c, issuer *x509.Certificate, now time.Time) error {
	current := false
	for _, l := range t.lists[string(issuer.RawSubject)] {
		if !l.signedBy(issuer) {
			continue
		}
		if l.has(c) {
			return ErrRevoked // by an old list too: it does not end
		}
		current = current || !now.After(l.NextUpdate)
	}
	if !current {
		return ErrUnlisted
	}
	return nil
}
