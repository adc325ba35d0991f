package proxy

import (
	"strconv"
	"time"

	"redisgate/eventloop"
	"redisgate/policy"
	"redisgate/policy/command"
)

// pause is CLIENT PAUSE as one worker's sessions see it.
type pause struct {
	on     bool
	writes bool // only what may change something waits
	timer  eventloop.Timer
}

// maxPause is the longest CLIENT PAUSE.
const maxPause = 24 * time.Hour

// clientPause is CLIENT PAUSE milliseconds [WRITE|ALL], for a user who may do
// everything, since it is everybody who waits.
func (s *session) clientPause(cmd *command.Command, args [][]byte, _ []byte) bool {
	if !s.mayPause(cmd) {
		return true
	}
	if len(args) > 4 {
		s.failSyntax(cmd, args)
		return true
	}
	ms, err := strconv.ParseInt(string(args[2]), 10, 64)
	writes := len(args) > 3 && equalFold(args[3], "write")
	switch {
	case len(args) == 4 && !writes && !equalFold(args[3], "all"):
		s.fail("ERR CLIENT PAUSE mode must be WRITE or ALL")
	case err != nil:
		s.fail("ERR timeout is not an integer or out of range")
	case ms < 0:
		s.fail("ERR timeout is negative")
	default:
		s.h.hold(time.Duration(min(ms, maxPause.Milliseconds()))*time.Millisecond, writes)
		s.sayOK()
	}
	return true
}

func (s *session) clientUnpause(cmd *command.Command, _ [][]byte, _ []byte) bool {
	if s.mayPause(cmd) {
		s.h.hold(0, false)
		s.sayOK()
	}
	return true
}

func (s *session) mayPause(cmd *command.Command) bool {
	if !s.user.AllPowerful() {
		d := policy.Decision{Reason: policy.ReasonCommand, Selector: -1}
		s.denied(cmd, nil, d)
		s.deny(cmd, d)
		return false
	}
	return true
}

// paused says that a permitted request has to wait for the end of a pause. What
// redisgate answers itself does not.
func (s *session) paused(cmd *command.Command) bool {
	exec := cmd.Name == "exec" && s.multi != nil
	switch {
	case cmd.Route == command.RouteLocal && !exec:
		return false
	case !s.k.pause.writes:
		return true
	case exec:
		return s.multi.writes
	}
	return mayChange(cmd)
}

// mayChange says that a command may change data, or what scripts do (server.c,
// is_may_replicate_command).
func mayChange(cmd *command.Command) bool {
	return cmd.Flags.Has(command.FlagWrite) || cmd.Flags.Has(command.FlagScript) || cmd.Name == "publish" || cmd.Name == "spublish" || cmd.Name == "pfcount"
}

// hold begins a pause of all sessions of the worker, or ends it.
func (w *worker) hold(d time.Duration, writes bool) {
	p := &w.kit.pause
	w.loop.StopTimer(&p.timer)
	if d > 0 {
		p.on, p.writes = true, writes
		p.timer.F = func() { w.hold(0, false) }
		w.loop.SetTimer(&p.timer, d)
		return
	}
	p.on = false
	for c := range w.clients {
		c.proceed()
	}
}

func (c *client) hold(d time.Duration, writes bool) {
	for _, w := range c.w.srv.workers {
		if w == c.w {
			w.hold(d, writes) // what comes in this turn is to wait, too
			continue
		}
		w.loop.Post(func() { w.hold(d, writes) })
	}
}
