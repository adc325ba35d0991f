package e2e

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"redisgate/internal/process"
)

// binary is the redisgate of this tree, built once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "redisgate-e2e-")
	if err != nil {
		return "", err
	}
	return process.Build(dir)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// gate is a running redisgate, for one test.
type gate struct{ *process.Process }

// start runs redisgate until the end of the test. rules are those of the user
// app besides its password, "secret".
func start(t testing.TB, redis, rules string) gate {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p, err := process.Start(process.Options{Binary: path, Dir: t.TempDir(), Redis: redis, Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return gate{p}
}

func (g gate) dial(t testing.TB) net.Conn {
	t.Helper()
	nc, err := tls.Dial("tcp", g.Addr, g.TLS())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

func (g gate) metric(t testing.TB, series string) float64 {
	t.Helper()
	v, err := g.Metric(series)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (g gate) resident(t testing.TB) int64 {
	t.Helper()
	n, err := g.Resident()
	if err != nil {
		t.Fatal(err)
	}
	return n
}
