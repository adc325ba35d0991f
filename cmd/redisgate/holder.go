package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"

	"redisgate/identity"
	"redisgate/users"
)

// readCertificate reads the first certificate of a PEM file; "" gives nil.
func readCertificate(path string) (*identity.Certificate, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, hinted("name the client's certificate, a PEM file", "--certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, hinted("name the client's certificate, a PEM file", "--certificate %s: holds no certificate in PEM", path)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("--certificate %s: %w", path, err)
	}
	return identity.Of(c), nil
}

// holder is the name of the user whose a certificate is, as far as its names say.
func holder(b *built, c *identity.Certificate) (string, error) {
	var names []string
	for _, u := range b.users.All() {
		for _, p := range u.Certificates {
			names = append(names, p.String())
		}
	}
	u, st := b.users.Certified(netip.Addr{}, c)
	if u == nil {
		return "", hinted(fmt.Sprintf("the certificates of users are %q", names), "the certificate logs nobody in: %s", st)
	}
	return u.Name, nil
}

// standing says what the question's certificate is worth.
func standing(b *built, q *question) string {
	u, st := b.users.Certified(q.from, q.cert)
	switch {
	case u == nil:
		return "logs nobody in: " + st.String()
	case u != q.user:
		return fmt.Sprintf("is of the user %q", u.Name)
	case q.any && st == users.Outside:
		return "logs the user in, from the user's addresses"
	case st.Refused():
		return "is of this user and logs nobody in: " + st.String()
	}
	return "logs the user in without AUTH; whether it is signed, valid and not revoked is not looked at"
}
