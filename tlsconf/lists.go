package tlsconf

import (
	"crypto/x509"
	"fmt"
	"time"
)

// lists reads a file of revocation lists. One that has an authority's name must be
// signed by it; others are for authorities that clients send along.
func (l *loader) lists(file string, authorities []*x509.Certificate) []*List {
	data, ok := l.read(KeyCRL, file, maxLists)
	if !ok {
		return nil
	}
	lists, err := parseLists(data)
	if err != nil {
		l.failParse(KeyCRL, file, err)
		return nil
	}
	e := Expiry{File: file, NotAfter: lists[0].NextUpdate, Kind: KindList}
	for i, list := range lists {
		if list.NextUpdate.Before(e.NotAfter) {
			e.NotAfter = list.NextUpdate
		}
		if l.now.After(list.NextUpdate) {
			l.warn(KeyCRL, file, "has expired at "+list.NextUpdate.UTC().Format(time.RFC3339),
				"fetch the authority's latest list; until then clients with its certificates are refused")
		}
		named, signed := false, false
		for _, c := range authorities {
			if string(c.RawSubject) == list.issuer {
				named = true
				signed = signed || list.signedBy(c)
			}
		}
		if named && !signed {
			l.fail(KeyCRL, file, fmt.Sprintf("list %d in it is not signed by the authority whose name it has", i+1),
				"fetch it again from the authority; an authority that was made anew with another key has another list")
		}
	}
	l.expiries = append(l.expiries, e)
	return lists
}

// unlisted warns of authorities without a current list: what they have signed is
// refused.
func (l *loader) unlisted(o Options, authorities []*x509.Certificate, lists []*List) {
	if len(o.CRL) == 0 {
		return
	}
next:
	for _, c := range authorities {
		for _, list := range lists {
			if string(c.RawSubject) == list.issuer && list.signedBy(c) {
				continue next
			}
		}
		l.warn(KeyCRL, o.ClientCA, fmt.Sprintf("there is no revocation list of authority number %s", c.SerialNumber),
			"add its list to crl, be it empty; until then clients with its certificates are refused")
	}
}
