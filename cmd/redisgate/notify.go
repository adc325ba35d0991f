package main

import (
	"log/slog"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
)

// sayReloading tells systemd, if it is there, that a reload begins; the time lets it know
// which of several reloads that was asked for. sayReady says that it is over, well or not.
func sayReloading(log *slog.Logger) {
	supervisor{log: log}.say(daemon.SdNotifyReloading + "\n" + strings.TrimSpace(daemon.SdNotifyMonotonicUsec()))
}

func sayReady(log *slog.Logger) { supervisor{log: log}.say(daemon.SdNotifyReady) }
