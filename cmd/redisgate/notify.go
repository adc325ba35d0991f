package main

import (
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// sayReloading tells systemd, if it is there, that a reload begins; the time lets it know
// which of several reloads that was asked for. sayReady says that it is over, well or not.
func sayReloading(log *slog.Logger) {
	supervisor{log: log}.say(daemon.SdNotifyReloading + "\n" + strings.TrimSpace(daemon.SdNotifyMonotonicUsec()))
}

func sayReady(log *slog.Logger) { supervisor{log: log}.say(daemon.SdNotifyReady) }

// notifyTimeout is how long somebody who has asked for words may take to have room for one.
const notifyTimeout = 5 * time.Second

// tell is daemon.SdNotify with a deadline: who has asked and does not read must not hold up
// a reload, or the end.
func tell(state string) error {
	at := os.Getenv("NOTIFY_SOCKET")
	if at == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: at, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetWriteDeadline(time.Now().Add(notifyTimeout)); err != nil {
		return err
	}
	_, err = c.Write([]byte(state))
	return err
}
