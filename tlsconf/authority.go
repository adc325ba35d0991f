package tlsconf

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"time"
)

// skew is how far the clocks of clients may be behind.
const skew = time.Hour

// Authority signs certificates, for `redisgate demo` and `redisgate init`. Its key
// is in memory; whoever keeps it can impersonate every server that its users
// trust, so it should be moved away from the machine that serves.
type Authority struct {
	Issued
}

// Issued is a certificate and its key.
type Issued struct {
	Certificate *x509.Certificate
	Key         crypto.Signer // ECDSA P-256
}

// NewAuthority makes an authority of that name (its common name), valid from an
// hour before now for so long.
func NewAuthority(name string, now time.Time, lifetime time.Duration) (*Authority, error) {
	t := template(name, now, lifetime)
	t.IsCA = true
	t.MaxPathLenZero = true // it signs servers and clients, no other authorities
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	issued, err := issue(t, nil)
	if err != nil {
		return nil, err
	}
	return &Authority{*issued}, nil
}

// Server makes a server's certificate. It is good for localhost, 127.0.0.1, ::1 and
// the given names, which are host names or addresses. Its lifetime ends with the
// authority's at the latest.
func (a *Authority) Server(names []string, now time.Time, lifetime time.Duration) (*Issued, error) {
	t := template("redisgate", now, lifetime)
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	t.DNSNames = []string{"localhost"}
	t.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	for _, name := range names {
		if err := addName(t, name); err != nil {
			return nil, err
		}
	}
	return issue(t, a)
}

// Client makes a client's certificate with that common name.
func (a *Authority) Client(name string, now time.Time, lifetime time.Duration) (*Issued, error) {
	t := template(name, now, lifetime)
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return issue(t, a)
}

// Pool holds the authority alone, for verifying what it has signed.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate)
	return pool
}

// Pair is for [Material] and for clients.
func (i *Issued) Pair() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{i.Certificate.Raw}, PrivateKey: i.Key, Leaf: i.Certificate}
}

// CertPEM is the certificate as a file holds it.
func (i *Issued) CertPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: i.Certificate.Raw})
}

// KeyPEM is the key as a file of mode 0600 holds it (PKCS #8).
func (i *Issued) KeyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(i.Key)
	if err != nil {
		return nil, fmt.Errorf("encoding the key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: blockKey, Bytes: der}), nil
}

func template(name string, now time.Time, lifetime time.Duration) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(lifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
}

// issue makes a key and signs its certificate: by a, or by itself if a is nil.
func issue(t *x509.Certificate, a *Authority) (*Issued, error) {
	if a != nil && t.NotAfter.After(a.Certificate.NotAfter) {
		t.NotAfter = a.Certificate.NotAfter
	}
	if !t.NotAfter.After(t.NotBefore.Add(skew)) {
		return nil, fmt.Errorf("a certificate for %q would never be valid", t.Subject.CommonName)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("choosing a serial number: %w", err)
	}
	t.SerialNumber = serial.Add(serial, big.NewInt(1)) // RFC 5280, 4.1.2.2: positive, at most 20 bytes
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	parent, by := t, crypto.Signer(key)
	if a != nil {
		parent, by = a.Certificate, a.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), by)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate for %q: %w", t.Subject.CommonName, err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading back a certificate for %q: %w", t.Subject.CommonName, err)
	}
	return &Issued{Certificate: c, Key: key}, nil
}

// addName adds a host name or an address to the subject alternative names, once.
func addName(t *x509.Certificate, name string) error {
	if a, err := netip.ParseAddr(name); err == nil {
		ip := net.IP(a.Unmap().WithZone("").AsSlice())
		for _, have := range t.IPAddresses {
			if have.Equal(ip) {
				return nil
			}
		}
		t.IPAddresses = append(t.IPAddresses, ip)
		return nil
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if !hostName(name) {
		return fmt.Errorf("%q is neither a host name nor an address", name)
	}
	for _, have := range t.DNSNames {
		if have == name {
			return nil
		}
	}
	t.DNSNames = append(t.DNSNames, name)
	return nil
}

// hostName says whether s can stand in a certificate: labels of letters, digits,
// '-' and '_', the first of which may be "*".
func hostName(s string) bool {
	if len(s) > 253 {
		return false
	}
	labels := strings.Split(strings.TrimPrefix(s, "*."), ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}
