package main

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"

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

// send is daemon.SdNotify with a descriptor.
func (k keeper) send(state string, ln net.Listener) error {
	has, ok := ln.(syscall.Conn)
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
	var inner error
	err = raw.Control(func(fd uintptr) {
		_, _, inner = c.WriteMsgUnix([]byte(state), syscall.UnixRights(int(fd)), &net.UnixAddr{Name: k.at, Net: "unixgram"})
	})
	return errors.Join(err, inner)
}

// drop has systemd forget the kept sockets that are in no configuration any more.
func (k keeper) drop(left inherited) {
	for _, in := range left {
		if in.from != ofStore {
			continue
		}
		k.log.Info("a socket that systemd has kept is not needed any more", "address", in.Addr())
		if _, err := daemon.SdNotify(false, "FDSTOREREMOVE=1\nFDNAME="+in.name); err != nil {
			k.log.Warn("systemd cannot be told", "error", err)
		}
	}
}

func newKeeper(log *slog.Logger) keeper { return keeper{os.Getenv("NOTIFY_SOCKET"), log} }
