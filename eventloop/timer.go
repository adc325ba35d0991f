package eventloop

import (
	"math/bits"
	"time"
)

// Timer calls a function on the loop at a time. It may be embedded; set F before use. The zero value is not armed.
// An armed timer is referenced by the loop.
type Timer struct {
	F func()

	next, prev *Timer // the other timers of the slot, in a ring
	due        int64  // the tick at which it fires
	tick       int64  // the tick at which the wheel looks at it: not after due, as arming it for later leaves it where it is
	level      uint8
	slot       uint8
	armed      bool
}

// SetTimer arms t, or arms it anew, to fire once when d has passed since the beginning of this turn. It never fires early, and late by about
// 4 ms and whatever the turn takes. F may arm it again. Arming an armed timer for a later time costs a comparison and a store.
func (l *Loop) SetTimer(t *Timer, d time.Duration) {
	l.wheel.set(t, l.now+max(int64(d), 0))
}

// StopTimer disarms t; it will not fire. A timer that is not armed stays so.
func (l *Loop) StopTimer(t *Timer) {
	if t.armed {
		l.wheel.remove(t)
	}
}

// The wheel has levels of 64 slots. A slot of the lowest is one tick, a slot of any other spans all slots of the level beneath.
// A timer stands on the level of the highest bit in which its tick differs from the current one, so whatever is on a lower level is
// due earlier, no level ever wraps round, and the nearest timer is found by the lowest bit of the lowest level that has one.
// The alternative is a heap: re-arming thousands of timers costs the depth of the heap each, here it is constant.
const (
	tickShift  = 22 // 4.2 ms
	slotBits   = 6
	slotCount  = 1 << slotBits
	levelCount = (63 - tickShift + slotBits - 1) / slotBits

	never    = int64(1<<63 - 1)
	farthest = never - 1<<tickShift // 292 years; tickAfter must not overflow
)

type wheel struct {
	tick     int64 // everything due until this tick has fired
	floor    int64 // earlier ticks are not for arming, so that a timer that arms itself fires once a turn
	occupied [levelCount]uint64
	slots    [levelCount][slotCount]*Timer
}

func (w *wheel) set(t *Timer, when int64) {
	if when < 0 || when > farthest { // below zero: the sum overflowed
		when = farthest
	}
	t.due = max(tickAfter(when), w.floor)
	if t.armed {
		if t.due >= t.tick {
			return // expire moves it
		}
		w.remove(t)
	}
	w.insert(t)
}

// tickAfter is the first tick that begins at or after the time.
func tickAfter(when int64) int64 {
	return (when + 1<<tickShift - 1) >> tickShift
}

func (w *wheel) insert(t *Timer) {
	level := (bits.Len64(uint64(t.due^w.tick)|1) - 1) / slotBits
	slot := t.due >> (level * slotBits) & (slotCount - 1)
	t.tick, t.level, t.slot, t.armed = t.due, uint8(level), uint8(slot), true
	head := &w.slots[level][slot]
	if *head == nil {
		*head, t.next, t.prev = t, t, t
		w.occupied[level] |= 1 << slot
		return
	}
	t.next, t.prev = *head, (*head).prev
	t.prev.next, t.next.prev = t, t
}

func (w *wheel) remove(t *Timer) {
	head := &w.slots[t.level][t.slot]
	switch {
	case t.next == t:
		*head = nil
		w.occupied[t.level] &^= 1 << t.slot
	case *head == t:
		*head = t.next
	}
	t.prev.next, t.next.prev = t.next, t.prev
	t.next, t.prev, t.armed = nil, nil, false
}

// nearest is the tick at which the wheel has to be looked at next: that of a timer or of a slot whose timers move down a level.
func (w *wheel) nearest() (tick int64, level int, ok bool) {
	for level, occupied := range w.occupied {
		if occupied != 0 {
			shift := level * slotBits
			tick := w.tick>>(shift+slotBits)<<(shift+slotBits) | int64(bits.TrailingZeros64(occupied))<<shift
			return tick, level, true
		}
	}
	return 0, 0, false
}

// next is the time at which expire has something to do, or never.
func (w *wheel) next() int64 {
	tick, _, ok := w.nearest()
	if !ok {
		return never
	}
	return tick << tickShift
}

// expire fires the timers that are due, in the order of their ticks.
func (w *wheel) expire(now int64) {
	last := now >> tickShift
	w.floor = last + 1
	for {
		tick, level, ok := w.nearest()
		if !ok || tick > last {
			break
		}
		w.tick = tick
		head := &w.slots[level][tick>>(level*slotBits)&(slotCount-1)]
		for *head != nil {
			t := *head
			w.remove(t)
			if t.due > tick { // it comes from a higher level, or has been armed for later
				w.insert(t)
			} else {
				t.F()
			}
		}
	}
	w.tick = max(w.tick, last)
}
