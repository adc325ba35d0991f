package audit

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"time"
)

const (
	// gather is how long events are gathered before they are written: a write, and a
	// change of goroutines, for many.
	gather = 20 * time.Millisecond
	// chunk is how many bytes of lines are written at once.
	chunk = 64 << 10
	// After a failure the log is tried again soon, and then less often.
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
	// complainEvery is how often failures are logged.
	complainEvery = 10 * time.Second
	// groupTime is for how long repeats are gathered, and maxGroups of how many kinds;
	// repeats of others have a line each.
	groupTime = int64(time.Second)
	maxGroups = 4096
	// maxRules is how many pairs of user and command are remembered with their rule.
	maxRules = 4096
)

// writer makes lines of events and writes them. It belongs to its goroutine.
type writer struct {
	t      *Trail
	to     sink // nil: there is none
	scribe *scribe
	moved  bool // to was opened anew, or is another

	order  []waiting
	out    []byte
	groups map[groupKey]*group
	rules  map[ruleKey]string
	ending bool

	complained time.Time
	failures   int // since then
	broken     bool
}

// waiting is an event with its text.
type waiting struct {
	*entry
	text []byte
}

// groupKey is what repeats have in common.
type groupKey struct {
	class                          uint8
	unix                           bool
	address                        netip.Addr
	database                       int
	user, command, verdict, reason string
}

// group is a kind of event that has been written, and may be repeated.
type group struct {
	until int64
	n     int // repeats that have no line yet
	last  Event
}

type ruleKey struct {
	grounds  any
	command  string
	selector int
}

func (w *writer) run() {
	defer close(w.t.done)
	tick := time.NewTicker(time.Duration(groupTime))
	tick.Stop()
	ticks := false
	for {
		select {
		case <-w.t.signal:
			w.pause(gather)
		case f := <-w.t.commands:
			f()
			continue
		case <-tick.C:
		case <-w.t.closing:
			w.ending = true
		}
		w.t.signalled.Store(false)
		w.moved = false
		w.drain()
		w.repeated(time.Now().UnixNano())
		w.write()
		if w.ending {
			if w.to != nil {
				_ = w.to.Close()
			}
			return
		}
		if some := len(w.groups) > 0; some != ticks {
			if ticks = some; some {
				tick.Reset(time.Duration(groupTime))
			} else {
				tick.Stop()
			}
		}
	}
}

// pause waits for more events, but not until there is no room for them.
func (w *writer) pause(d time.Duration) {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-w.t.hurry:
	case <-w.t.closing:
	}
}

// drain makes lines of all that waits, in the order of time.
func (w *writer) drain() {
	w.t.mu.Lock()
	recorders := w.t.recorders
	w.t.mu.Unlock()
	w.order = w.order[:0]
	for _, r := range recorders {
		for class := range r.queues {
			b := &r.spare[class]
			r.queues[class].take(b)
			for i := range b.events {
				e := &b.events[i]
				w.order = append(w.order, waiting{e, b.text[e.from:e.to]})
			}
		}
	}
	slices.SortStableFunc(w.order, func(a, b waiting) int { return cmp.Compare(a.Time, b.Time) })
	for i := range w.order {
		w.one(&w.order[i].Event, w.order[i].text)
		if len(w.out) >= chunk {
			w.write()
		}
	}
	clear(w.order)
}

// one writes the line of an event, unless it is a repeat.
func (w *writer) one(e *Event, text []byte) {
	if repeatable(e) {
		k := groupKey{e.Class, e.Unix, e.Address.Addr(), e.Database, e.User, e.Command, e.Verdict, e.Reason}
		g := w.groups[k]
		if g != nil && e.Time < g.until {
			g.n++
			g.last = *e
			return
		}
		if g == nil && len(w.groups) < maxGroups {
			g = &group{}
			w.groups[k] = g
		}
		if g != nil {
			w.tell(g)
			g.until = e.Time + groupTime
		}
	}
	w.out = w.scribe.append(w.out, e, text, w.rule(e), 0)
}

// repeatable says that an event can come in floods and tells the same each time.
func repeatable(e *Event) bool {
	switch e.Class {
	case Denied:
		return true
	case Auth, Connection:
		return e.Verdict != "ok" && e.Verdict != "changed" && e.Verdict != "opened" && e.Verdict != "closed"
	}
	return false
}

// repeated writes the lines of groups whose time is over.
func (w *writer) repeated(now int64) {
	for k, g := range w.groups {
		if now < g.until && !w.ending {
			continue
		}
		if g.n == 0 {
			delete(w.groups, k)
			continue
		}
		w.tell(g)
		g.until = now + groupTime
		if len(w.out) >= chunk {
			w.write()
		}
	}
}

// tell writes how many repeats of a group have had no line, with what they have in
// common.
func (w *writer) tell(g *group) {
	if g.n == 0 {
		return
	}
	e := &g.last
	e.Client, e.Balancer, e.TLS, e.Certificate, e.Method, e.Duration = 0, netip.AddrPort{}, "", "", "", -1
	e.Address = netip.AddrPortFrom(e.Address.Addr(), 0)
	w.out = w.scribe.append(w.out, e, nil, w.rule(e), g.n)
	g.n, g.last = 0, Event{}
}

// rule is the one that has decided on a command, which takes its time to find out.
func (w *writer) rule(e *Event) string {
	if e.Grounds == nil {
		return ""
	}
	k := ruleKey{e.Grounds, e.Command, e.Selector}
	rule, ok := w.rules[k]
	if !ok {
		if len(w.rules) >= maxRules {
			clear(w.rules)
		}
		rule = e.Grounds.RuleFor(e.Command, e.Selector)
		w.rules[k] = rule
	}
	return rule
}

// write writes the lines that were made, and does not give up before the end: what
// comes meanwhile waits in the queues, as far as these have room.
func (w *writer) write() {
	done, retry := 0, firstRetry
	for done < len(w.out) && w.to != nil {
		n, err := w.to.Write(w.out[done:])
		done += n
		if err == nil {
			w.recovered()
			break
		}
		if w.complain(err); done == len(w.out) {
			break // what failed was something else
		}
		if w.ending {
			w.t.lose(w.out[done:])
			break
		}
		wait := time.NewTimer(retry)
		select {
		case <-wait.C:
		case f := <-w.t.commands:
			f()
		case <-w.t.closing:
			w.ending = true
		}
		wait.Stop()
		retry = min(2*retry, lastRetry)
		if w.moved {
			w.moved, retry = false, firstRetry
			done = bytes.LastIndexByte(w.out[:done], '\n') + 1 // no half a line in another file
		}
	}
	w.out = w.out[:0]
	if cap(w.out) > 4*chunk {
		w.out = nil
	}
}

func (w *writer) complain(err error) {
	w.broken = true
	w.failures++
	if now := time.Now(); now.Sub(w.complained) >= complainEvery {
		w.t.log.Error("the audit log cannot be written; it is tried again, and events wait as far as there is room", "error", err, "failures", w.failures)
		w.complained, w.failures = now, 0
	}
}

func (w *writer) recovered() {
	if w.broken {
		w.broken, w.complained = false, time.Time{}
		w.t.log.Info("the audit log is written again")
	}
}
