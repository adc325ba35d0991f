package proxy_test

import (
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/resp"
)

// Handshakes from addresses from which nobody has logged in are paced while sessions have
// work done, and no longer.
func TestStrangersArePacedWhileSessionsWork(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Users: map[string]string{"app": "on >secret ~* +@all"}})
	good := secure(t, g, from(t, "127.0.0.3", g.TCP))
	good.login()
	for addr, want := range map[string]bool{"127.0.0.3": true, "127.0.0.66": false} {
		if got := g.Server.Familiar(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is familiar: %v; want %v", addr, got, want)
		}
	}
	until := func(what string, done func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !done(); {
			if time.Now().After(end) {
				t.Fatalf("after a minute: not %s", what)
			}
			secure(t, g, from(t, "127.0.0.66", g.TCP)).nc.Close()
		}
	}
	stop := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		batch := []byte(strings.Repeat(string(resp.AppendCommand(nil, "ECHO", "x")), 1000))
		for {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if _, err := good.nc.Write(batch); err != nil {
				ended <- err
				return
			}
			if _, err := io.CopyN(io.Discard, good.r, 1000*int64(len("$1\r\nx\r\n"))); err != nil {
				ended <- err
				return
			}
		}
	}()
	until("paced while sessions have work done", g.Server.Paced)
	close(stop)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	until("free again", func() bool { return !g.Server.Paced() })
}
