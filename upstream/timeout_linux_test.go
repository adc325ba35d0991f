package upstream

import (
	"context"
	"net"
	"syscall"
	"testing"
)

// A host that is gone, with all that was asked of it, is noticed within a minute. On the
// same machine there is no such thing, and a Redis that is busy for long may be.
func TestSilenceOfARemoteRedisIsBounded(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for remote, want := range map[bool]int{false: 0, true: 60_000} {
		d := &Dialer{Network: "tcp", Address: ln.Addr().String(), Timeout: patience, Remote: remote}
		nc, err := d.DialRaw(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		raw, err := nc.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var got int
		if err := raw.Control(func(fd uintptr) { got, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout) }); err != nil {
			t.Fatal(err)
		}
		if err != nil || got != want {
			t.Errorf("remote %v: what is sent may stay unacknowledged for %d ms, %v; want %d", remote, got, err, want)
		}
	}
}
