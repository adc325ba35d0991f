package proxy

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fuzzEvents are what may come about besides requests.
var fuzzEvents = []struct {
	name   string
	weight int
	do     func(f *fuzz, m *model)
}{
	{"Redis answers some", 8, func(f *fuzz, _ *model) {
		if l := f.link((*fakeLink).isAsked); l != nil {
			l.redis.answer(l, 1+f.tape.pick(8))
		}
	}},
	{"Redis answers all", 3, func(f *fuzz, _ *model) {
		for _, l := range f.w.links() {
			l.redis.answer(l, 1<<30)
		}
	}},
	{"Redis answers at once, or no more", 2, func(f *fuzz, _ *model) { f.w.auto = !f.w.auto }},
	{"Redis refuses", 1, func(f *fuzz, _ *model) {
		if l := f.link((*fakeLink).isAsked); l != nil {
			l.refuse()
		}
	}},
	{"Redis refuses a stream", 1, func(f *fuzz, _ *model) {
		if l := f.link((*fakeLink).mayRefuseStream); l != nil {
			l.inbox = append(l.inbox, frames{p: []byte("-ERR Protocol error: invalid bulk length\r\n")})
		}
	}},
	{"connection lost", 2, func(f *fuzz, _ *model) {
		if l := f.link((*fakeLink).isOpen); l != nil {
			l.unreached = f.tape.pick(2) == 0
			l.lose()
		}
	}},
	{"connection full", 1, func(f *fuzz, _ *model) {
		if l := f.link((*fakeLink).isOpen); l != nil {
			l.full = true
		}
	}},
	{"connection has room", 2, func(f *fuzz, _ *model) {
		if l := f.link((*fakeLink).isFull); l != nil {
			l.room()
		}
	}},
	{"message", 3, func(f *fuzz, _ *model) {
		if l := f.link((*fakeLink).hasChannel); l != nil {
			f.pushes++
			text := strconv.Itoa(f.pushes) + strings.Repeat(" ", f.tape.pick(200)*(1+5000*(f.tape.pick(8)/7)))
			channel := choose(&f.tape, slices.Sorted(maps.Keys(l.redis.subs[0]))...)
			l.inbox = append(l.inbox, frames{push: true, p: l.redis.message(channel, text)})
		}
	}},
	{"busy, or no more", 1, func(f *fuzz, _ *model) { f.w.busy = !f.w.busy }},
	{"down, or no more", 1, func(f *fuzz, _ *model) { f.w.down = !f.w.down }},
	{"time passes", 2, func(f *fuzz, _ *model) {
		f.w.pass(choose(&f.tape, time.Millisecond, 250*time.Millisecond, 250*time.Millisecond, 11*time.Second, 61*time.Second))
	}},
	{"other users", 3, func(f *fuzz, _ *model) {
		sets := fuzzSets()
		f.w.set = choose(&f.tape, sets[0], sets[0], sets[0], sets[1], sets[1], sets[2], sets[2], sets[3])
	}},
	{"client reads, or no more", 1, func(_ *fuzz, m *model) { m.p.blind = !m.p.blind }},
	{"blind client reads a little", 1, func(f *fuzz, m *model) {
		if n := choose(&f.tape, 1000, 100_000); !m.p.closed && m.p.blind {
			m.p.take(n)
		}
	}},
	{"client sends a part", 2, func(f *fuzz, m *model) {
		m.p.quota = choose(&f.tape, -1, -1, 1, 10, 100, 1000, 70000, 70010)
	}},
	{"client may leave", 1, func(f *fuzz, m *model) { m.p.leaving = m.p.leaving || f.tape.pick(8) == 0 }},
	{"session may go, or drain", 1, func(f *fuzz, m *model) {
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
	all := 0
	for _, e := range fuzzEvents {
		all += e.weight
	}
	n := f.tape.pick(all)
	for _, e := range fuzzEvents {
		if n -= e.weight; n < 0 {
			m.logf("event: %s, client %s", e.name, m.name)
			e.do(f, m)
			return
		}
	}
}

// link returns one of the connections that are so, or nil.
func (f *fuzz) link(so func(*fakeLink) bool) *fakeLink {
	all := slices.DeleteFunc(f.w.links(), func(l *fakeLink) bool { return !so(l) })
	if len(all) == 0 {
		return nil
	}
	l := choose(&f.tape, all...)
	f.models[0].logf("on %s", l.name)
	return l
}

func (l *fakeLink) isOpen() bool     { return !l.closed }
func (l *fakeLink) isFull() bool     { return l.full }
func (l *fakeLink) isAsked() bool    { return !l.closed && len(l.redis.asked) > 0 }
func (l *fakeLink) hasChannel() bool { return !l.closed && l.owner != nil && len(l.redis.subs[0]) > 0 }

// mayRefuseStream says that a request of which Redis has not seen the end is all
// that it is asked for.
func (l *fakeLink) mayRefuseStream() bool {
	s, ok := l.owner.(*session)
	return ok && !l.closed && s.stream.owed && len(l.redis.asked) == 0 && len(l.inbox) == 0 && len(l.q) == 1 && len(l.redis.in) > 0
}
