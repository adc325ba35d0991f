package status

import (
	"slices"
	"time"

	"redisgate/metrics"
)

const day = 24 * time.Hour

// fileKind is what files that end are, and how long before one is worth a look. The
// times are those of the alerts.
type fileKind struct {
	what         string
	of           func(metrics.Snapshot) []metrics.Certificate
	soon, urgent time.Duration
	alert        string
	urgentAlert  string
}

var kinds = []*fileKind{
	{"certificate", func(s metrics.Snapshot) []metrics.Certificate { return s.Certificates }, 21 * day, 3 * day, "RedisgateCertificateExpires", "RedisgateCertificateExpiresSoon"},
	{"revocation list", func(s metrics.Snapshot) []metrics.Certificate { return s.RevocationLists }, day, day, "RedisgateRevocationListExpires", "RedisgateRevocationListExpires"},
	{"OCSP response", func(s metrics.Snapshot) []metrics.Certificate { return s.Staples }, 12 * time.Hour, 0, "RedisgateStapleExpires", "RedisgateStapleExpires"},
}

// ending is a file that ends.
type ending struct {
	metrics.Certificate
	kind *fileKind
}

func (e ending) judge(now time.Time) (level, word string) {
	switch left := e.Expiry.Sub(now); {
	case left <= 0:
		return "bad", "ended"
	case left < e.kind.urgent:
		return "bad", "urgent"
	case left < e.kind.soon:
		return "warn", "soon"
	}
	return "good", "fine"
}

// judge lists what somebody should look at, by the bounds of the alerts that have a
// meaning without Prometheus, and gives the word for all.
func (v *view) judge(now time.Time, s metrics.Snapshot, t totals, first *point, ready bool) {
	bad := func(text, alert string) { v.Notices = append(v.Notices, notice{"bad", "Urgent", text, alert}) }
	warn := func(text, alert string) { v.Notices = append(v.Notices, notice{"warn", "Notice", text, alert}) }
	grown := func(kind string) uint64 { return less(t.upstream[kind], first.upstream[kind]) }
	if !s.UpstreamUp {
		bad("Redis does not answer. Commands get an error and are not sent.", "RedisgateRedisDown")
	} else if !ready {
		bad("No clients are taken: redisgate starts, or lets them finish and ends.", "")
	}
	if n := grown("auth"); n > 0 {
		bad("Redis has refused redisgate's password.", "RedisgateRedisRefusesPassword")
	}
	if t.alerts > first.alerts {
		bad("Many addresses guess at a user's password. The log says whose.", "RedisgatePasswordGuessing")
	}
	v.judgeFiles(now, s, bad, warn)
	if s.ConnectionsCapacity > 0 && s.Connections*5 >= s.ConnectionsCapacity*4 {
		warn("Nearly as many clients are connected as may be.", "RedisgateConnectionsNearLimit")
	}
	if first.results.OverLimit < t.results.OverLimit {
		warn("Connections beyond a limit were closed.", "RedisgateConnectionsRefused")
	}
	for _, l := range s.Limits {
		if l.User != "" && l.Capacity > 0 && l.Current*10 >= l.Capacity*9 {
			warn("User "+name(l.User)+" has nearly as many connections as it may.", "RedisgateUserAtItsLimit")
		}
	}
	if s.UpstreamDedicatedCapacity > 0 && s.UpstreamDedicated*5 >= s.UpstreamDedicatedCapacity*4 {
		warn("Nearly as many dedicated connections to Redis are in use as may be.", "RedisgateRedisConnectionsNearLimit")
	}
	if n := grown("busy"); n > 0 {
		warn("Requests were refused since no connection to Redis was free.", "RedisgateRedisConnectionsBusy")
	}
	if n := grown("protocol"); n > 0 {
		warn("Redis has sent what nobody asked for. Those connections were closed.", "RedisgateRedisOutOfStep")
	}
	if s.BufferCapacityBytes > 0 && s.BufferBytes*5 >= s.BufferCapacityBytes*4 {
		warn("The memory for buffers is nearly used up.", "RedisgateMemoryNearLimit")
	}
	if less(t.ended["memory"], first.ended["memory"]) > 0 {
		warn("Sessions were cut since there was no memory left for buffers.", "RedisgateSessionsCutForMemory")
	}
	if first.auth.Busy < t.auth.Busy {
		warn("Log-ins with slow hashes were refused untried.", "RedisgateLoginsBusy")
	}
	if first.reloads.Failed < t.reloads.Failed {
		warn("A new configuration has errors. The old one stays in force.", "RedisgateReloadFailed")
	}
	if first.tlsReloads.Failed < t.tlsReloads.Failed {
		warn("New certificates have errors. The old ones stay in force.", "RedisgateCertificateReloadFailed")
	}
	slices.SortStableFunc(v.Notices, func(a, b notice) int { // "bad" before "warn"
		switch {
		case a.Level < b.Level:
			return -1
		case a.Level > b.Level:
			return 1
		}
		return 0
	})
	v.conclude(s.UpstreamUp, ready)
	if more := len(v.Notices) - rows; more > 0 {
		v.Notices = append(v.Notices[:rows:rows], notice{"warn", "Notice", number(more) + " more.", ""})
	}
}

func (v *view) judgeFiles(now time.Time, s metrics.Snapshot, bad, warn func(text, alert string)) {
	for _, k := range kinds {
		for _, c := range k.of(s) {
			e := ending{c, k}
			text := "The " + k.what + " " + name(c.File) + " ends in " + span(c.Expiry.Sub(now)) + "."
			switch level, word := e.judge(now); {
			case word == "ended":
				bad("The "+k.what+" "+name(c.File)+" has ended.", k.urgentAlert)
			case level == "bad":
				bad(text, k.urgentAlert)
			case level == "warn":
				warn(text, k.alert)
			}
		}
	}
}

// conclude says in a line how it is.
func (v *view) conclude(up, ready bool) {
	v.State = notice{Level: "good", Word: "Serving", Text: "Redis answers and nothing needs a look."}
	switch n := len(v.Notices); {
	case !up:
		v.State = notice{Level: "bad", Word: "Redis is away", Text: "Clients are connected, and their commands get an error."}
	case !ready:
		v.State = notice{Level: "bad", Word: "Not taking clients", Text: "redisgate starts, or lets its clients finish and ends."}
	case n == 1:
		v.State = notice{Level: v.Notices[0].Level, Word: "Needs a look", Text: "Clients are served. One thing is listed below."}
	case n > 1:
		v.State = notice{Level: v.Notices[0].Level, Word: "Needs a look", Text: "Clients are served. " + number(n) + " things are listed below."}
	}
}
