package proxy

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"redisgate/upstream"
)

// fuzzEvents are what may come about besides requests. l is some connection.
var fuzzEvents = []struct {
	name   string
	weight int
	do     func(f *fuzz, m *model, l *fakeLink)
}{
	{"answers some", 7, func(f *fuzz, _ *model, l *fakeLink) { l.redis.answer(l, 1+f.tape.pick(8)) }},
	{"all answer", 2, func(f *fuzz, _ *model, _ *fakeLink) {
		for _, l := range f.w.links() {
			l.redis.answer(l, 1<<30)
		}
	}},
	{"lost", 2, func(f *fuzz, _ *model, l *fakeLink) {
		if unreached := f.tape.pick(2) == 0; !l.closed {
			l.unreached = unreached
			l.lose()
		}
	}},
	{"full", 1, func(_ *fuzz, _ *model, l *fakeLink) { l.full = !l.closed }},
	{"room", 2, func(_ *fuzz, _ *model, l *fakeLink) { l.room() }},
	{"time passes", 2, func(f *fuzz, _ *model, _ *fakeLink) {
		f.w.pass(choose(&f.tape, time.Millisecond, 250*time.Millisecond, 11*time.Second, 61*time.Second))
	}},
	{"answers at once, or no more", 2, func(f *fuzz, _ *model, _ *fakeLink) { f.w.auto = !f.w.auto }},
	{"other users", 3, func(f *fuzz, _ *model, _ *fakeLink) { f.w.set = choose(&f.tape, fuzzSets()...) }},
	{"client reads, or no more", 1, func(_ *fuzz, m *model, _ *fakeLink) { m.p.blind = !m.p.blind }},
	{"blind client reads a little", 1, func(f *fuzz, m *model, _ *fakeLink) {
		if !m.p.closed && m.p.blind {
			m.p.take(choose(&f.tape, 1000, 100_000))
		}
	}},
	{"message", 3, func(f *fuzz, _ *model, l *fakeLink) {
		if names := slices.Sorted(maps.Keys(l.redis.subs[0])); !l.closed && len(names) > 0 {
			f.pushes++
			text := strconv.Itoa(f.pushes) + strings.Repeat(" ", f.tape.pick(200))
			l.inbox = append(l.inbox, frames{push: true, p: l.redis.message(choose(&f.tape, names...), text)})
		}
	}},
	{"busy, or no more", 1, func(f *fuzz, _ *model, _ *fakeLink) { f.w.busy = !f.w.busy }},
	{"down, or no more", 1, func(f *fuzz, _ *model, _ *fakeLink) { f.w.down = !f.w.down }},
	{"client may leave", 1, func(f *fuzz, m *model, _ *fakeLink) { m.p.leaving = m.p.leaving || f.tape.pick(8) == 0 }},
	{"client sends a part", 2, func(f *fuzz, m *model, _ *fakeLink) {
		m.p.quota = choose(&f.tape, -1, -1, 1, 10, 100, 1000, 70000, 70010)
	}},
	{"refuses", 1, func(_ *fuzz, _ *model, l *fakeLink) { l.refuse() }},
	{"refuses a stream", 1, func(_ *fuzz, _ *model, l *fakeLink) {
		if o, ok := l.owner.(*session); ok && o.stream.owed && len(l.redis.asked) == 0 && len(l.inbox) == 0 && len(l.q) == 1 {
			l.inbox = append(l.inbox, frames{p: []byte("-ERR Protocol error: invalid bulk length\r\n")})
		}
	}},
	{"session may go, or drain", 1, func(f *fuzz, m *model, _ *fakeLink) {
		switch f.tape.pick(16) {
		case 0:
			m.p.s.gone("test")
		case 1:
			m.p.s.drain()
		}
	}},
}

// happen has something else come about.
func (f *fuzz) happen(m *model) {
	l := newFakeLink(f.w, "none", upstream.Key{Proto: 2})
	l.closed = true
	if links := f.w.links(); len(links) > 0 {
		l = choose(&f.tape, links...)
	}
	all := 0
	for _, e := range fuzzEvents {
		all += e.weight
	}
	n := f.tape.pick(all)
	for _, e := range fuzzEvents {
		if n -= e.weight; n < 0 {
			m.logf("event: %s; %s, client %s", e.name, l.name, m.name)
			e.do(f, m, l)
			return
		}
	}
}
