package status

import (
	"slices"
	"time"

	"redisgate/metrics"
)

// files lists what ends, the first first.
func (v *view) files(now time.Time, s metrics.Snapshot) {
	var all []ending
	for _, k := range kinds {
		for _, c := range k.of(s) {
			all = append(all, ending{c, k})
		}
	}
	slices.SortStableFunc(all, func(a, b ending) int { return a.Expiry.Compare(b.Expiry) })
	for i, e := range all {
		if i == rows {
			v.MoreFiles = number(len(all)-rows) + " more files end later."
			break
		}
		r := row{Name: name(e.File), Note: e.kind.what, More: e.Expiry.UTC().Format("2006-01-02"), Value: "in " + span(e.Expiry.Sub(now))}
		r.Level, r.Word = e.judge(now)
		if !e.Expiry.After(now) {
			r.Value = span(now.Sub(e.Expiry)) + " ago"
		}
		v.Files = append(v.Files, r)
	}
}

// about is what is served, by which redisgate and configuration.
func (v *view) about(p *Page, now time.Time, s metrics.Snapshot) {
	f := p.o.Facts()
	add := func(what, value, note string) {
		v.About = append(v.About, row{Name: what, Value: value, Note: note})
	}
	for i, l := range f.Listeners {
		if i == rows {
			add("", number(len(f.Listeners)-rows)+" more", "")
			break
		}
		what := ""
		if i == 0 {
			what = "Listens on"
		}
		add(what, name(l), "")
	}
	add("Redis at", name(f.Redis), "")
	add("Configuration", "generation "+number(s.ConfigGeneration), "since "+moment(s.ConfigLastSuccess))
	add("Reloads", number(s.Reloads.OK)+" of the configuration, "+number(s.TLSReloads.OK)+" of TLS files", "")
	if n := s.Reloads.Failed + s.TLSReloads.Failed; n > 0 {
		add("Reloads refused", number(n), "")
	}
	add("Buffers", size(float64(s.BufferBytes)), "of "+size(float64(s.BufferCapacityBytes)))
	add("Version", name(p.o.Build.Version), name(p.o.Build.GoVersion))
	add("Runs for", span(now.Sub(p.began)), "")
}
