package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"redisgate/config"
)

// listening is a configuration with these addresses and without metrics.
func listening(mode os.FileMode, addresses ...string) *config.Config {
	cfg := config.Default()
	cfg.Listen.Address, cfg.Listen.UnixMode, cfg.Metrics.Address = addresses, config.Mode(mode), ""
	return cfg
}

func TestUnixListenersHaveTheirModeAndReplaceStaleSockets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	for _, mode := range []os.FileMode{0o600, 0o660, 0o666} {
		// What a killed process leaves: a socket that nobody listens on.
		stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
		if err != nil {
			t.Fatal(err)
		}
		stale.SetUnlinkOnClose(false)
		stale.Close()
		cfg := listening(mode, "unix://"+path)
		lns, _, err := listenAll(cfg)
		if err != nil {
			t.Fatalf("listenAll over a stale socket = %v; want no error", err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("the socket has mode %v, %v; want %v", info.Mode(), err, mode)
		}
		if _, _, err := listenAll(cfg); err == nil || !strings.Contains(err.Error(), "somebody listens there already") {
			t.Errorf("a second listenAll = %v; want that somebody listens already", err)
		}
		closeAll(lns, nil)
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("the socket is still there after Close (%v)", err)
		}
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := listenAll(listening(0o600, "unix://"+path)); err == nil {
		t.Error("listenAll over a file = nil error; want one")
	}
	if data, _ := os.ReadFile(path); string(data) != "mine" {
		t.Errorf("the file holds %q after listenAll; want it untouched", data)
	}
}

func TestListenOpensAllOrNothingAndSaysWhatToDo(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	dir := t.TempDir()
	socket, file := filepath.Join(dir, "s"), filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := listening(0o600, "unix://"+socket, taken, "unix:///nowhere/at/all", "192.0.2.1:6380", "unix://"+file, "unix://"+file+"/s")
	cfg.Metrics.Address = taken
	_, _, err = listenAll(cfg)
	var got config.Problems
	if !errors.As(err, &got) {
		t.Fatalf("listenAll = %v; want Problems", err)
	}
	want := config.Problems{
		{Path: "listen.address[1]", Text: "cannot listen on " + taken + ": address already in use", Hint: "another program"},
		{Path: "listen.address[2]", Text: "cannot listen on /nowhere/at/all: no such file or directory", Hint: "make the directory"},
		{Path: "listen.address[3]", Text: "cannot listen on 192.0.2.1:6380: cannot assign requested address", Hint: "does not have that address"},
		{Path: "listen.address[4]", Text: "cannot listen on " + file + ": there is a file, which is no socket", Hint: "move it away"},
		{Path: "listen.address[5]", Text: "cannot listen on " + file + "/s: not a directory", Hint: "write to the directory"},
		{Path: "metrics.address", Text: "cannot listen on " + taken + ": address already in use", Hint: "another program"},
	}
	if len(got) != len(want) {
		t.Fatalf("listenAll = %v; want %d problems", err, len(want))
	}
	for i, w := range want {
		if g := got[i]; g.Path != w.Path || g.Text != w.Text || !strings.Contains(g.Hint, w.Hint) {
			t.Errorf("problem %d = %+v; want %+v", i, g, w)
		}
	}
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("the first listener is still open (%v)", err)
	}
}

func TestAnAddressOfIPv4IsNoneOfIPv6(t *testing.T) {
	cfg := listening(0o600, "0.0.0.0:0")
	cfg.Metrics.Address = "0.0.0.0:0"
	clients, metricsAt, err := listenAll(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(clients, metricsAt)
	for _, ln := range append(clients, metricsAt) {
		if a := ln.Addr().(*net.TCPAddr); a.IP.To4() == nil {
			t.Errorf("0.0.0.0 listens on %v; want IPv4 only", a)
		}
	}
}
