package identity

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"strings"
)

// Certificate is what a client's certificate says of its owner. It is immutable.
type Certificate struct {
	CommonName string // the subject's, or empty

	DNS    []string // subject alternative names, in lower case
	URIs   []string // as they are spelled
	Emails []string // as they are spelled, the host in lower case

	Sum [sha256.Size]byte // of the whole certificate, its fingerprint

	// Unclear says that the names have no one reading, as several common names, of
	// which some programs take the first and some the last.
	Unclear bool
}

// Of reads the names of a certificate.
func Of(c *x509.Certificate) *Certificate {
	out := &Certificate{Sum: sha256.Sum256(c.Raw)}
	seen := false
	for _, a := range c.Subject.Names {
		if !a.Type.Equal(oidCommonName) {
			continue
		}
		s, ok := a.Value.(string)
		out.CommonName = s
		out.Unclear = out.Unclear || seen || !ok
		seen = true
	}
	// crypto/x509 gives URIs parsed, and what is parsed has more than one spelling.
	for _, e := range c.Extensions {
		if e.Id.Equal(oidAlternativeNames) && !out.alternatives(e.Value) {
			out.Unclear = true
		}
	}
	return out
}

var (
	oidCommonName       = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidAlternativeNames = asn1.ObjectIdentifier{2, 5, 29, 17}
)

// Tags of GeneralName (RFC 5280, 4.2.1.6).
const (
	tagEmail = 1
	tagDNS   = 2
	tagURI   = 6
)

// alternatives reads a list of names, or says that it cannot.
func (c *Certificate) alternatives(der []byte) bool {
	var list asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &list); err != nil || len(rest) > 0 || !list.IsCompound || list.Tag != asn1.TagSequence {
		return false
	}
	for rest := list.Bytes; len(rest) > 0; {
		var name asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &name); err != nil {
			return false
		}
		if name.Class != asn1.ClassContextSpecific {
			return false
		}
		s := string(name.Bytes)
		switch name.Tag {
		case tagEmail:
			if local, host, ok := cutLast(s, '@'); ok {
				s = local + "@" + strings.ToLower(host)
			}
			c.Emails = append(c.Emails, s)
		case tagDNS:
			c.DNS = append(c.DNS, strings.ToLower(s))
		case tagURI:
			c.URIs = append(c.URIs, s)
		}
	}
	return true
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}
