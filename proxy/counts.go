package proxy

import (
	"time"

	"redisgate/policy/command"
	"redisgate/users"
)

// Counts is what one worker has counted since it started. A worker's counts are
// touched by its loop alone; Server.Counts adds up copies.
type Counts struct {
	Allowed, Denied []uint64 // by command ID; the last one is for unknown commands
	Refused         map[Refusal]uint64
	Auth            map[string]uint64 // by result: ok, failed, throttled, busy, certificate, certificate_refused
	Certificates    map[string]uint64 // log-ins by certificate, by user
	Passwords       map[Password]uint64
	Upstream        map[string]uint64 // errors by kind; "busy": no connection was free
	Closed          map[string]uint64 // sessions ended by redisgate, by reason

	// Durations counts, in bucket i, the commands that took at most
	// DurationBounds[i], not cumulated; the last one is for all that took longer.
	// Commands that block on purpose are not in it, nor are reserved ones.
	Durations       [len(DurationBounds) + 1]uint64
	DurationSeconds float64

	BytesIn, BytesOut uint64 // plaintext, from and to clients
}

// Refusal is why a command of a user was denied.
type Refusal struct {
	User   string // as configured, or "" before authentication
	Reason string
}

// Password is one of several that a user has.
type Password struct {
	User string
	Slot int // its place among those of the user's rules, from 0; PasswordSlots for all from there on
}

// PasswordSlots is how many passwords of a user are counted one by one.
const PasswordSlots = 16

// password counts a log-in by a password; a user without one has none to count.
func (c *Counts) password(u *users.User, slot int) {
	if slot >= 0 {
		c.Passwords[Password{u.Label, min(slot, PasswordSlots)}]++
	}
}

// DurationBounds are the upper bounds of the histogram of command durations.
var DurationBounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, 2500 * time.Millisecond,
}

func newCounts() Counts {
	return Counts{
		Allowed: make([]uint64, command.Count()+1), Denied: make([]uint64, command.Count()+1),
		Refused: map[Refusal]uint64{}, Passwords: map[Password]uint64{}, Auth: map[string]uint64{}, Certificates: map[string]uint64{}, Upstream: map[string]uint64{}, Closed: map[string]uint64{},
	}
}

func (c *Counts) observe(d int64, n int) {
	i := 0
	for i < len(DurationBounds) && d > int64(DurationBounds[i]) {
		i++
	}
	c.Durations[i] += uint64(n)
	c.DurationSeconds += float64(n) * float64(d) * (1 / float64(time.Second)) // no division
}

func (c *Counts) verdict(cmd *command.Command, allowed bool) {
	id := len(c.Allowed) - 1
	if cmd != nil {
		id = cmd.ID
	}
	if allowed {
		c.Allowed[id]++
	} else {
		c.Denied[id]++
	}
}

func (c *Counts) refused(u *users.User, reason string) {
	name := ""
	if u != nil {
		name = u.Label
	}
	c.Refused[Refusal{name, reason}]++
}

// add adds d to c; both must have the same commands.
func (c *Counts) add(d *Counts) {
	for i := range c.Allowed {
		c.Allowed[i] += d.Allowed[i]
		c.Denied[i] += d.Denied[i]
	}
	for r, n := range d.Refused {
		c.Refused[r] += n
	}
	for p, n := range d.Passwords {
		c.Passwords[p] += n
	}
	addMap(c.Auth, d.Auth)
	addMap(c.Certificates, d.Certificates)
	addMap(c.Upstream, d.Upstream)
	addMap(c.Closed, d.Closed)
	for i := range c.Durations {
		c.Durations[i] += d.Durations[i]
	}
	c.DurationSeconds += d.DurationSeconds
	c.BytesIn += d.BytesIn
	c.BytesOut += d.BytesOut
}

func addMap(to, from map[string]uint64) {
	for k, n := range from {
		to[k] += n
	}
}
