package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"golang.org/x/crypto/ocsp"
)

// staple reads an OCSP response about a certificate and adds it, as long as it is
// current: clients may refuse one that is not. The signature is checked if what signs
// the certificate follows it in its file; clients check it in any case.
func (l *loader) staple(key, file string, pair *tls.Certificate, certs []*x509.Certificate) {
	if file == "" || len(pair.Certificate) == 0 {
		return
	}
	data, ok := l.read(key, file, maxFile)
	if !ok {
		return
	}
	var issuer *x509.Certificate
	if len(certs) > 1 {
		issuer = certs[1]
	}
	r, err := ocsp.ParseResponseForCert(data, certs[0], issuer)
	switch {
	case err != nil:
		l.fail(key, file, "is not an OCSP response about the certificate: "+err.Error(), "`openssl ocsp -respout` writes one, in DER")
		return
	case r.Status != ocsp.Good:
		l.fail(key, file, "does not say that the certificate is good", "replace the certificate, or the response")
		return
	}
	if !r.NextUpdate.IsZero() {
		l.expiries = append(l.expiries, Expiry{File: file, NotAfter: r.NextUpdate, Kind: KindStaple})
		if l.now.After(r.NextUpdate) {
			l.warn(key, file, "has expired at "+r.NextUpdate.UTC().Format(time.RFC3339)+" and is not sent", "fetch the latest response")
			return
		}
		if l.until.IsZero() || r.NextUpdate.Before(l.until) {
			l.until = r.NextUpdate
		}
	}
	pair.OCSPStaple = data
}
