package tlsconf

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// now is when all of these tests happen, as far as Load is told. Handshakes look
// at the real clock, so it is today.
var now = time.Now().Truncate(time.Second)

const year = 365 * 24 * time.Hour

func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newAuthority(t testing.TB) *Authority {
	t.Helper()
	return must(NewAuthority("test authority", now, year))(t)
}

func (i *Issued) keyPEM(t testing.TB) []byte {
	t.Helper()
	return must(i.KeyPEM())(t)
}

// files writes each content, with mode 0600, and gives the paths.
type files struct {
	t   testing.TB
	dir string
}

func newFiles(t testing.TB) files { return files{t, t.TempDir()} }

func (f files) write(name string, content ...[]byte) string {
	f.t.Helper()
	var all []byte
	for _, c := range content {
		all = append(all, c...)
	}
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, all, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// trust is trust in that authority alone.
func (a *Authority) trust() *Trust { return NewTrust([]*x509.Certificate{a.Certificate}, nil) }
