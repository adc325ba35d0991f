package main

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWhoIsNotHeardDoesNotWait has a supervisor that is there and reads nothing: its socket
// has room for some messages. A reload that waited for it would be the last one.
func TestWhoIsNotHeardDoesNotWait(t *testing.T) {
	dir, err := os.MkdirTemp("", "rg") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := filepath.Join(dir, "notify")
	deaf, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	fill, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: at, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer fill.Close()
	for err == nil {
		_ = fill.SetWriteDeadline(time.Now().Add(time.Second))
		_, err = fill.Write([]byte("READY=1"))
	}
	t.Setenv("NOTIFY_SOCKET", at)
	var said strings.Builder
	log := slog.New(slog.NewTextHandler(&said, nil))
	done := make(chan struct{})
	go func() {
		defer close(done)
		sayReloading(log)
		_ = newKeeper(log).barrier()
	}()
	select {
	case <-done:
		if !strings.Contains(said.String(), "systemd cannot be told") {
			t.Errorf("the log says %q; want that nobody was told", said.String())
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it waits for who does not read")
	}
}
