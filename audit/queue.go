package audit

import (
	"sync"
)

// queueText is how many bytes of arguments and keys an event may have in the mean: a
// queue for n events holds n times that.
const queueText = 256

// queue holds events of one class until they are written. It never waits: what finds
// no room is dropped. Two of its kind take turns, so that nothing is allocated once
// they have grown.
type queue struct {
	mu     sync.Mutex
	events []entry
	text   []byte
	held   int // events that Reserve has promised room
	hold   int // and bytes of their text
}

// entry is an event whose Packed is text[from:to] of its queue.
type entry struct {
	Event
	from, to int
}

// room says whether another event fits. It is called under mu.
func (q *queue) room(most, text int) bool {
	return len(q.events)+q.held < most && len(q.text)+q.hold+text <= most*queueText
}

// put takes an event in, if there is room. half says that half of the room is taken now,
// of events or of text, and was not before.
func (q *queue) put(e *Event, most int) (ok, half bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.Held {
		q.held--
		q.hold -= len(e.Packed)
	} else if !q.room(most, len(e.Packed)) {
		return false, false
	}
	was := q.half(most)
	from := len(q.text)
	q.text = append(q.text, e.Packed...)
	q.events = append(q.events, entry{*e, from, len(q.text)})
	q.events[len(q.events)-1].Packed = nil
	return true, !was && q.half(most)
}

// half says that half of the room is taken. It is called under mu.
func (q *queue) half(most int) bool {
	return len(q.events) >= (most+1)/2 || len(q.text) >= most*queueText/2
}

// reserve keeps room for an event, or says that there is none.
func (q *queue) reserve(text, most int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.room(most, text) {
		return false
	}
	q.held++
	q.hold += text
	return true
}

// release gives back what reserve has kept.
func (q *queue) release(text int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held--
	q.hold -= text
}

// batch is what take has taken out.
type batch struct {
	events []entry
	text   []byte
}

// take exchanges what waits for an empty batch, whose room is used on.
func (q *queue) take(b *batch) {
	clear(b.events)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.events, b.events = b.events[:0], q.events
	q.text, b.text = b.text[:0], q.text
}
