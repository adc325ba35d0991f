package gatetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"redisgate/tlsconf"
)

// Client makes a client's certificate of a template, which may be nil, signed by an
// authority, or by itself if that is nil. It is valid for an hour unless the template
// says otherwise. Clients send it whatever authorities the server names.
func Client(t testing.TB, ca *tlsconf.Authority, c *x509.Certificate) *tls.Certificate {
	t.Helper()
	if c == nil {
		c = &x509.Certificate{}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	must(t, err)
	if c.NotBefore.IsZero() {
		c.NotBefore = time.Now().Add(-time.Hour)
	}
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	parent, by := c, any(key)
	if ca != nil {
		parent, by = ca.Certificate, ca.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), by)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// Named is a template with a common name.
func Named(cn string) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: cn}}
}

// TLSWith is TLS for a client that has a certificate.
func (g *Gate) TLSWith(c *tls.Certificate) *tls.Config {
	conf := g.TLS()
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c, nil }
	return conf
}
