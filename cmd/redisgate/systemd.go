package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// supervisor is what has started the process and wants to know how it is: systemd, or
// nobody, to whom saying something does nothing.
type supervisor struct {
	log   *slog.Logger
	drain func() time.Duration // listen.drain_timeout
	alive func(within time.Duration) bool
}

// drainGrace is what ending takes besides listen.drain_timeout.
const drainGrace = 5 * time.Second

func (s supervisor) say(state string) {
	if err := tell(state); err != nil {
		s.log.Warn("systemd cannot be told", "state", state, "error", err)
	}
}

// watch says that the process is ready, that it drains once drain ends, and until ctx
// ends that it is alive: each time that all event loops have answered. After STOPPING=1
// systemd waits for no further word.
func (s supervisor) watch(ctx, drain context.Context) {
	period, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("the watchdog of systemd is misconfigured", "error", err)
	}
	s.say(daemon.SdNotifyReady)
	var tick <-chan time.Time // nil: no watchdog
	if period > 0 {
		t := time.NewTicker(period / 3)
		defer t.Stop()
		tick = t.C
	}
	draining := drain.Done()
	for {
		select {
		case <-ctx.Done():
			return
		case <-draining:
			draining, tick = nil, nil // systemd has its own deadline for the end
			s.say(fmt.Sprintf("%s\nEXTEND_TIMEOUT_USEC=%d", daemon.SdNotifyStopping, (s.drain() + drainGrace).Microseconds()))
		case <-tick:
			if !s.alive(period / 3) {
				s.log.Error("an event loop does not answer; the watchdog is not told that all is well")
				continue
			}
			s.say(daemon.SdNotifyWatchdog)
		}
	}
}
