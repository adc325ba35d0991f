package process

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"redisgate/tlsconf"
)

// Certificate is a server's certificate for loopback with its authority, in files.
type Certificate struct {
	CA                        *tlsconf.Authority
	CAFile, CertFile, KeyFile string
}

// NewCertificate makes one, good for a day, and writes it into dir as ca.crt,
// server.crt and server.key.
func NewCertificate(dir string) (*Certificate, error) {
	c := &Certificate{
		CAFile: filepath.Join(dir, "ca.crt"), CertFile: filepath.Join(dir, "server.crt"), KeyFile: filepath.Join(dir, "server.key"),
	}
	const lifetime = 24 * time.Hour
	now := time.Now()
	var err error
	if c.CA, err = tlsconf.NewAuthority("test CA", now, lifetime); err != nil {
		return nil, err
	}
	server, err := c.CA.Server(nil, now, lifetime)
	if err != nil {
		return nil, err
	}
	key, err := server.KeyPEM()
	if err != nil {
		return nil, err
	}
	return c, errors.Join(
		os.WriteFile(c.CAFile, c.CA.CertPEM(), 0o600),
		os.WriteFile(c.CertFile, server.CertPEM(), 0o600),
		os.WriteFile(c.KeyFile, key, 0o600),
	)
}
