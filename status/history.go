package status

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"redisgate/metrics"
)

const (
	points   = 61 // ten minutes of them
	mostKept = 64 // kinds of denials of one point; the rest is added up
)

// point is what was counted at one moment, and the denials since the point before.
type point struct {
	at      time.Time
	clients int64
	totals
	denied denials
}

// totals are counts since the start of the process.
type totals struct {
	commands, denied, handshakes uint64
	received, sent               uint64
	alerts                       uint64
	results                      metrics.ConnectionResults
	auth                         metrics.AuthResults
	reloads, tlsReloads          metrics.ReloadResults
	upstream, ended              map[string]uint64 // fixed words, so they are few
	duration                     metrics.Histogram
}

func total(s metrics.Snapshot) totals {
	t := totals{
		received: s.ReceivedBytes, sent: s.SentBytes, alerts: s.Alerts, results: s.Results, auth: s.Auth,
		reloads: s.Reloads, tlsReloads: s.TLSReloads,
		duration: metrics.Histogram{Bounds: s.Duration.Bounds, Counts: slices.Clone(s.Duration.Counts)}, // the source's until its next call
		upstream: map[string]uint64{}, ended: map[string]uint64{},
	}
	for _, c := range s.Commands {
		t.commands += c.Allowed + c.Denied
	}
	for _, d := range s.Denied {
		t.denied += d.Count
	}
	for _, h := range s.Handshakes {
		t.handshakes += h.Count
	}
	for _, e := range s.UpstreamErrors {
		t.upstream[e.Kind] = e.Count
	}
	for _, e := range s.Ended {
		t.ended[e.Reason] = e.Count
	}
	return t
}

// failed are the log-ins that did not succeed.
func (t totals) failed() uint64 {
	return t.auth.Failed + t.auth.Throttled + t.auth.Busy + t.auth.CertificateRefused
}

// kind of denials.
type kind struct{ user, reason string }

// denials are counts by kind.
type denials struct {
	of    map[kind]uint64
	other uint64 // of kinds that are not kept
}

// history is the last ten minutes: a ring of points. The zero value is empty.
type history struct {
	ring   [points]point
	next   int
	n      int
	denied map[kind]uint64 // totals at the last point, as many as the metrics have
}

// add takes down a moment, and forgets the oldest one if there are too many.
func (h *history) add(at time.Time, s metrics.Snapshot) {
	p := point{at: at, clients: s.Connections, totals: total(s)}
	if h.n > 0 {
		p.denied = h.since(s).frequent(mostKept)
	}
	h.denied = make(map[kind]uint64, len(s.Denied))
	for _, d := range s.Denied {
		h.denied[kind{d.User, d.Reason}] = d.Count
	}
	h.ring[h.next] = p
	h.next = (h.next + 1) % points
	h.n = min(h.n+1, points)
}

// get returns the point i from the oldest on.
func (h *history) get(i int) *point { return &h.ring[(h.next-h.n+i+points)%points] }

// ago returns the newest point that is at least that old, else the oldest; nil if
// there is none.
func (h *history) ago(now time.Time, d time.Duration) *point {
	if h.n == 0 {
		return nil
	}
	for i := h.n - 1; i > 0; i-- {
		if p := h.get(i); now.Sub(p.at) >= d {
			return p
		}
	}
	return h.get(0)
}

// since are the denials after the last point.
func (h *history) since(s metrics.Snapshot) denials {
	d := denials{of: map[kind]uint64{}}
	for _, c := range s.Denied {
		k := kind{c.User, c.Reason}
		if n := less(c.Count, h.denied[k]); n > 0 {
			d.of[k] = n
		}
	}
	return d
}

// window are the denials since the oldest point.
func (h *history) window(s metrics.Snapshot) denials {
	if h.n == 0 {
		return denials{}
	}
	d := h.since(s)
	for i := 1; i < h.n; i++ { // those of the oldest are from before it
		p := h.get(i)
		for k, n := range p.denied.of {
			d.of[k] += n
		}
		d.other += p.denied.other
	}
	return d
}

// frequent keeps the most frequent kinds.
func (d denials) frequent(most int) denials {
	if len(d.of) <= most {
		return d
	}
	for _, k := range d.sorted()[most:] {
		d.other += d.of[k]
		delete(d.of, k)
	}
	return d
}

// sorted gives the kinds, the most frequent first.
func (d denials) sorted() []kind {
	return slices.SortedFunc(maps.Keys(d.of), func(a, b kind) int {
		return cmp.Or(cmp.Compare(d.of[b], d.of[a]), cmp.Compare(a.user, b.user), cmp.Compare(a.reason, b.reason))
	})
}

// less is a-b of counters, or 0.
func less(a, b uint64) uint64 {
	if a < b {
		return 0
	}
	return a - b
}
