package eventloop

import "sync"

// queue holds the functions that other goroutines post to the loop.
type queue struct {
	wake func() // ends a wait of the loop; called with mu held, so never after end

	mu      sync.Mutex
	posted  []func()
	parked  bool // the loop waits or is about to: the next post has to wake it
	stopped bool

	taken []func() // owned by the loop: the batch that is being run, kept for its memory
}

func (q *queue) post(f func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return false
	}
	q.posted = append(q.posted, f)
	q.signal()
	return true
}

func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.stopped {
		q.stopped = true
		q.signal()
	}
}

// signal wakes the loop if it is parked, once for all that is posted until it is awake.
func (q *queue) signal() {
	if q.parked {
		q.parked = false
		q.wake()
	}
}

// park says whether the loop may park: nothing is posted, nor has the loop been stopped. From then on the next post wakes it.
func (q *queue) park() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.parked = len(q.posted) == 0 && !q.stopped
	return q.parked
}

// take removes what is posted, and says whether the queue was stopped, so that nothing will follow. The loop is awake from then on.
// The slice is valid until the next call; its elements are the caller's to clear.
func (q *queue) take() (posted []func(), stopped bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.parked = false
	q.taken, q.posted = q.posted, q.taken[:0]
	return q.taken, q.stopped
}

// end refuses further functions and wake-ups: the poller may be closed afterwards.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	q.parked = false
}
