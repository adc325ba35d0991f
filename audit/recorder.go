package audit

import (
	"sync/atomic"
	"time"
)

// Recorder has queues of its own for all classes. Each event loop takes one, so that
// loops do not wait for each other; its methods may be called from any goroutine.
type Recorder struct {
	trail  *Trail
	queues [Classes]queue
	spare  [Classes]batch // the writer's
}

// Record takes a copy of an event, and says whether there was room for it. An event
// that found none is counted as dropped. It does not wait.
func (r *Recorder) Record(e *Event) bool {
	t := r.trail
	if e.Time == 0 {
		e.Time = time.Now().UnixNano()
	}
	ok, half := r.queues[e.Class].put(e, int(t.most.Load()))
	if !ok {
		t.dropped[e.Class].Add(1)
		return false
	}
	t.wake()
	if half {
		t.hasten()
	}
	return true
}

// Reserve asks for room for an event with so many bytes of Packed, before what it
// tells of happens. ok is false if that must not happen unrecorded and there is no
// room; it is always true if events without room are to be dropped. If held is set
// either Record gets the event, with its field Held set, or Release is called.
func (r *Recorder) Reserve(class uint8, packed int) (held, ok bool) {
	t := r.trail
	if !t.refuse.Load() {
		return false, true
	}
	if !r.queues[class].reserve(packed, int(t.most.Load())) {
		t.dropped[class].Add(1)
		return false, false
	}
	return true, true
}

// Release gives up what Reserve has held.
func (r *Recorder) Release(class uint8, packed int) { r.queues[class].release(packed) }

// drops counts events by class that nobody will read.
type drops [Classes]atomic.Uint64
