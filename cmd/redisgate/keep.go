package main

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"redisgate/config"
)

// keptName begins the names of sockets in systemd's store of descriptors.
const keptName = "redisgate-kept-"

// keeper has systemd keep listening sockets that redisgate has opened itself, so that they
// are still open while the service is started anew: clients then wait instead of being
// refused. A unit says by FileDescriptorStoreMax= whether systemd does.
type keeper struct {
	at  string // $NOTIFY_SOCKET; "": there is no systemd
	log *slog.Logger
}

// keep gives systemd a socket that was opened for e.
func (k keeper) keep(e config.Endpoint, ln net.Listener) {
	if k.at == "" || strings.HasSuffix(e.Address, ":0") {
		return // any port: the next start would not know it again
	}
	if unix, ok := ln.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false) // its file is needed as long as the socket
	}
	name := keptName + strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == ':' { // what a name may not have
			return '_'
		}
		return r
	}, ln.Addr().String())
	if err := k.send("FDSTORE=1\nFDNAME="+name, ln); err != nil {
		k.log.Warn("systemd cannot be given a socket to keep", "address", ln.Addr(), "error", err)
	}
}

// send is tell with a descriptor.
func (k keeper) send(state string, of any) error {
	has, ok := of.(syscall.Conn)
	if !ok {
		return errors.New("it has no descriptor")
	}
	raw, err := has.SyscallConn()
	if err != nil {
		return err
	}
	// Not DialUnix: package net sends descriptors on unconnected sockets of datagrams only.
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram"})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetWriteDeadline(time.Now().Add(notifyTimeout)); err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) {
		_, _, inner = c.WriteMsgUnix([]byte(state), syscall.UnixRights(int(fd)), &net.UnixAddr{Name: k.at, Net: "unixgram"})
	})
	return errors.Join(err, inner)
}

// drop has systemd forget sockets that it has kept, closes them, and returns when that is
// done: others may be opened at addresses that they would be in the way of.
func (k keeper) drop(outdated inherited) {
	outdated.close()
	for _, in := range outdated {
		k.log.Info("a socket that systemd has kept is not needed any more", "address", in.Addr())
		if err := tell("FDSTOREREMOVE=1\nFDNAME=" + in.name); err != nil {
			k.log.Warn("systemd cannot be told", "error", err)
		}
	}
	if len(outdated) == 0 || k.at == "" {
		return
	}
	if err := k.barrier(); err != nil {
		k.log.Warn("systemd does not say that it has closed the sockets", "error", err)
	}
}

// barrierTimeout is that of sd_notify_barrier in systemd's own programs.
const barrierTimeout = 5 * time.Second

// barrier waits until systemd has heard all that was said: it closes the descriptor then.
func (k keeper) barrier() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	err = k.send("BARRIER=1", w)
	w.Close()
	if err != nil {
		return err
	}
	if err := r.SetReadDeadline(time.Now().Add(barrierTimeout)); err != nil {
		return err
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func newKeeper(log *slog.Logger) keeper { return keeper{os.Getenv("NOTIFY_SOCKET"), log} }
