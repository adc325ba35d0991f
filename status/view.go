package status

import (
	"cmp"
	"math"
	"slices"
	"time"

	"redisgate/metrics"
)

// rows bounds each table of the page.
const rows = 20

// recently is what a rate at this moment is of, at least; latencies are of a minute.
const (
	recently = Every
	minute   = time.Minute
)

// view is what the template shows, all of it as text that is escaped there.
type view struct {
	State   notice // of all
	Notices []notice
	Time    string // of day
	Stamp   string // the same for programs
	Window  string // "the last 10 minutes"
	Tiles   []tile

	Users     []row // name, connections, bound
	MoreUsers string
	Denials   []row // user, what, how often
	MoreDeny  string
	Doors     []row // what, how often
	Redis     []row // what, how much
	Files     []row // file, kind, when, in
	MoreFiles string
	About     []row // what, value
}

// notice is something to look at. Alert is its name in the run-book.
type notice struct{ Level, Word, Text, Alert string }

// tile is one number, and what it was.
type tile struct {
	Name, Value, Unit, Note string
	Spark                   string // points of a line
}

// row is one of a table. Part is 0 to 100, of a bar beside the number.
type row struct {
	Name, Value, Note, More string
	Level, Word             string
	Part                    int
	Bar                     bool
	Faint                   bool
}

// view puts together what is shown of s, which is of now. p.mu is held.
func (p *Page) view(now time.Time, s metrics.Snapshot) *view {
	v := &view{Time: now.UTC().Format("15:04:05"), Stamp: now.UTC().Format(time.RFC3339), Window: "the last 10 minutes"}
	t := total(s)
	first := p.past.ago(now, points*Every)
	if first == nil {
		first = &point{at: now, totals: t}
	}
	if d := now.Sub(first.at); d < (points-2)*Every {
		v.Window = "the last " + span(max(d, time.Second))
	}
	v.denials(p.past.window(s))
	v.tiles(&p.past, now, s, t)
	v.users(s)
	v.doors(t, first)
	v.redis(s, t, first)
	v.files(now, s)
	v.about(p, now, s)
	v.judge(now, s, t, first, p.o.Ready())
	return v
}

func (v *view) tiles(h *history, now time.Time, s metrics.Snapshot, t totals) {
	before, earlier := h.ago(now, recently), h.ago(now, minute)
	if before == nil {
		before = &point{at: now, totals: t}
		earlier = before
	}
	line := func(of func(totals) uint64) string {
		var values []float64
		for i := 1; i < h.n; i++ {
			a, b := h.get(i-1), h.get(i)
			values = append(values, persecond(of(a.totals), of(b.totals), b.at.Sub(a.at)))
		}
		return spark(values)
	}
	speed := func(name, unit string, of func(totals) uint64, show func(float64) string) tile {
		return tile{Name: name, Unit: unit, Value: show(persecond(of(before.totals), of(t), now.Sub(before.at))), Spark: line(of)}
	}
	var clients, medians []float64
	for i := range h.n {
		clients = append(clients, float64(h.get(i).clients))
		if i > 0 {
			m := quantile(0.5, h.get(i-1).duration, h.get(i).duration)
			if math.IsNaN(m) || math.IsInf(m, 0) {
				m = 0
			}
			medians = append(medians, m)
		}
	}
	slow := quantile(0.99, earlier.duration, s.Duration)
	if math.IsNaN(slow) {
		slow = 0
	}
	median := tile{Name: "Median latency", Value: latency(quantile(0.5, earlier.duration, s.Duration)), Note: "99 % within " + latency(slow), Spark: spark(medians)}
	if slow == 0 {
		median.Note = "no command in the last minute"
	}
	v.Tiles = []tile{
		{Name: "Clients", Value: number(s.Connections), Note: "of " + number(s.ConnectionsCapacity), Spark: spark(clients)},
		speed("Commands", "/s", func(t totals) uint64 { return t.commands }, rate),
		median,
		speed("Refused commands", "/s", func(t totals) uint64 { return t.denied }, rate),
		speed("Failed log-ins", "/s", totals.failed, rate),
		speed("TLS handshakes", "/s", func(t totals) uint64 { return t.handshakes }, rate),
		speed("From clients", "/s", func(t totals) uint64 { return t.received }, size),
		speed("To clients", "/s", func(t totals) uint64 { return t.sent }, size),
	}
}

// persecond is how fast a counter went. It says nothing of less than a second.
func persecond(a, b uint64, d time.Duration) float64 {
	if d < time.Second {
		return math.NaN()
	}
	return float64(less(b, a)) / d.Seconds()
}

func (v *view) users(s metrics.Snapshot) {
	bounds := map[string]int64{}
	for _, l := range s.Limits {
		if l.User != "" {
			bounds[l.User] = l.Capacity
		}
	}
	users := slices.Clone(s.Users)
	slices.SortStableFunc(users, func(a, b metrics.UserConnections) int { return cmp.Compare(b.Current, a.Current) })
	strangers, more, others := s.Connections, int64(0), 0
	for _, u := range users {
		strangers -= u.Current
		switch {
		case u.Current <= 0:
		case len(v.Users) == rows:
			more += u.Current
			others++
		default:
			r := row{Name: name(u.User), Value: number(u.Current)}
			if most := bounds[u.User]; most > 0 {
				r.Bar, r.Part, r.Note = true, share(u.Current, most), "of "+number(most)
			}
			v.Users = append(v.Users, r)
		}
	}
	if strangers > 0 {
		v.Users = append(v.Users, row{Name: "(not logged in)", Value: number(strangers), Faint: true})
	}
	if others > 0 {
		v.MoreUsers = number(others) + " more users have " + number(more) + "."
	}
}

// share is a of b in percent.
func share(a, b int64) int {
	if b <= 0 {
		return 0
	}
	return int(min(max(100*float64(a)/float64(b), 0), 100))
}

func (v *view) denials(d denials) {
	rest := d.other
	for i, k := range d.sorted() {
		if i >= rows {
			rest += d.of[k]
			continue
		}
		v.Denials = append(v.Denials, row{Name: name(k.user), Note: meaning(k.reason), Value: number(d.of[k])})
	}
	if rest > 0 {
		v.MoreDeny = number(rest) + " more, of other users or for other reasons."
	}
}

// meanings says what the reasons of policy, and that of the limits on rates, are.
var meanings = map[string]string{
	"command":         "command not permitted",
	"reserved":        "reserved command",
	"unknown":         "unknown command",
	"keyless":         "command that sees all keys",
	"sort":            "SORT of keys that are not permitted",
	"key":             "key not permitted",
	"channel":         "channel not permitted",
	"database":        "database not permitted",
	"script":          "script not permitted",
	"syntax":          "arguments that do not parse",
	"unauthenticated": "command before a log-in",
	"rate":            "over a rate",
}

func meaning(reason string) string {
	if m := meanings[reason]; m != "" {
		return m
	}
	return name(reason)
}

func (v *view) doors(t totals, first *point) {
	a, b := first.results, t.results
	x, y := first.auth, t.auth
	for _, r := range []struct {
		what string
		n    uint64
	}{
		{"Address not admitted", less(b.DeniedAddress, a.DeniedAddress)},
		{"Over the number of connections", less(b.OverLimit, a.OverLimit)},
		{"PROXY header missing or malformed", less(b.ProxyHeader, a.ProxyHeader)},
		{"TLS handshake failed", less(b.HandshakeFailed, a.HandshakeFailed)},
		{"TLS handshake not finished in time", less(b.HandshakeTimeout, a.HandshakeTimeout)},
		{"No log-in in time", less(b.AuthTimeout, a.AuthTimeout)},
		{"Wrong user or password", less(y.Failed, x.Failed)},
		{"Log-in refused after too many failures", less(y.Throttled, x.Throttled)},
		{"Log-in refused while too many were tried", less(y.Busy, x.Busy)},
		{"Certificate of a user logged nobody in", less(y.CertificateRefused, x.CertificateRefused)},
	} {
		if r.n > 0 {
			v.Doors = append(v.Doors, row{Name: r.what, Value: number(r.n)})
		}
	}
}

func (v *view) redis(s metrics.Snapshot, t totals, first *point) {
	state := row{Name: "Health", Value: "answers", Level: "good"}
	if !s.UpstreamUp {
		state.Value, state.Level = "does not answer", "bad"
	}
	of := func(what string, n, most int64) row {
		return row{Name: what, Value: number(n), Note: "of " + number(most), Bar: true, Part: share(n, most)}
	}
	v.Redis = []row{
		state,
		of("Shared connections", s.UpstreamShared, s.UpstreamSharedCapacity),
		of("Dedicated connections", s.UpstreamDedicated, s.UpstreamDedicatedCapacity),
	}
	well := true
	for _, k := range []struct{ kind, what string }{
		{"dial", "Connections not made"},
		{"lost", "Connections lost"},
		{"auth", "Password refused"},
		{"protocol", "Replies out of step"},
		{"busy", "Requests without a connection"},
	} {
		if n := less(t.upstream[k.kind], first.upstream[k.kind]); n > 0 {
			v.Redis = append(v.Redis, row{Name: k.what, Value: number(n)})
			well = false
		}
	}
	if well {
		v.Redis = append(v.Redis, row{Name: "Failures", Value: "none", Faint: true})
	}
}
