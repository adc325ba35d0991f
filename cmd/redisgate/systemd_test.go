package main

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"redisgate/config"
)

// TestTheWatchdogHearsNothingOfABusyLoop has loops of which none answers.
func TestTheWatchdogHearsNothingOfABusyLoop(t *testing.T) {
	words, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "n"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer words.Close()
	t.Setenv("NOTIFY_SOCKET", words.LocalAddr().String())
	t.Setenv("WATCHDOG_USEC", "30000")
	words.SetReadDeadline(time.Now().Add(20 * time.Second))
	asked := make(chan struct{}, 100)
	ctx, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		supervisor{log: slog.New(slog.DiscardHandler), alive: func(time.Duration) bool {
			select {
			case asked <- struct{}{}:
			default:
			}
			return false
		}}.watch(ctx, context.Background())
	}()
	for range 3 { // while no loop answers
		<-asked
	}
	end()
	<-done
	if _, err := daemon.SdNotify(false, "END"); err != nil {
		t.Fatal(err)
	}
	var heard []string
	for b := make([]byte, 100); ; {
		n, err := words.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if string(b[:n]) == "END" {
			break
		}
		heard = append(heard, string(b[:n]))
	}
	if got := strings.Join(heard, " "); got != "READY=1" {
		t.Errorf("systemd heard %q while no loop answered; want READY=1 alone", got)
	}
}

func TestInheritedSocketsAreTakenByTheirAddress(t *testing.T) {
	for _, test := range []struct {
		listen, configured string
		taken              bool
	}{
		{"127.0.0.1:0", "127.0.0.1:PORT", true},
		{"127.0.0.1:0", "localhost:PORT", true},
		{"127.0.0.1:0", "0.0.0.0:PORT", false},
		{"127.0.0.1:0", ":PORT", false},
		{"0.0.0.0:0", "0.0.0.0:PORT", true},
		{"127.0.0.1:0", "127.0.0.1:1", false},
	} {
		ln, err := net.Listen("tcp4", test.listen)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		given := inherited{{Listener: ln}}
		got, _ := given.take(config.Endpoint{Network: "tcp", Address: strings.Replace(test.configured, "PORT", port, 1)})
		if (got != nil) != test.taken || (given.unclaimed() == nil) != test.taken {
			t.Errorf("a socket at %s for %s is taken: %v, left: %v; want %v", test.listen, test.configured, got != nil, given.unclaimed(), test.taken)
		}
		if got, _ := given.take(config.Endpoint{Network: "unix", Address: ln.Addr().String()}); got != nil {
			t.Error("a TCP socket is taken for a unix one, which has no TLS")
		}
	}
}
