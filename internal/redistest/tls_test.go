package redistest

import (
	"context"
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisgate/tlsconf"
)

func TestStartListensWithTLS(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	ca, err := tlsconf.NewAuthority("test", now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	issued, err := ca.Server(nil, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	key, err := issued.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	files := TLS{Cert: filepath.Join(dir, "crt"), Key: filepath.Join(dir, "key"), CA: filepath.Join(dir, "ca")}
	for path, data := range map[string][]byte{files.Cert: issued.CertPEM(), files.Key: key, files.CA: ca.CertPEM()} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := Start(t, Options{TCP: true, TLS: &files})
	if s.Addr() == s.TLSAddr() || s.TLSAddr() == "" {
		t.Errorf("Addr() = %q, TLSAddr() = %q; want two addresses", s.Addr(), s.TLSAddr())
	}
	c := NewClient(t, &redis.Options{Addr: s.TLSAddr(), TLSConfig: &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"}})
	if got, err := c.Ping(context.Background()).Result(); err != nil || got != "PONG" {
		t.Errorf("PING over TLS = %q, %v; want PONG", got, err)
	}
}
