package upstream

// entry is a run of requests of one receiver that await their replies.
type entry struct {
	to    Receiver
	since int64  // loop time of sending
	off   uint64 // offset in the connection's output of its first byte
	drop  int    // replies to swallow before those of n; negative: the next of them must be +OK
	n     int    // replies for the receiver
	many  bool   // they answer one request
}

// queue is a ring of entries, oldest first. It gives back a ring that one
// burst has made large as soon as it is empty.
type queue struct {
	ring       []entry
	head, size int
}

const queueKeep = 256 // entries that an empty ring may keep

func (q *queue) len() int { return q.size }

func (q *queue) at(i int) *entry { return &q.ring[(q.head+i)&(len(q.ring)-1)] }

func (q *queue) front() *entry {
	if q.size == 0 {
		return nil
	}
	return q.at(0)
}

func (q *queue) back() *entry {
	if q.size == 0 {
		return nil
	}
	return q.at(q.size - 1)
}

func (q *queue) push(e entry) {
	if q.size == len(q.ring) {
		grown := make([]entry, max(16, 2*len(q.ring)))
		for i := range q.size {
			grown[i] = *q.at(i)
		}
		q.ring, q.head = grown, 0
	}
	q.size++
	*q.at(q.size - 1) = e
}

func (q *queue) pop() {
	*q.at(0) = entry{}
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.size--
	if q.size == 0 && len(q.ring) > queueKeep {
		q.ring, q.head = nil, 0
	}
}
