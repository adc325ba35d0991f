package proxy

// buffers hands out byte slices in size classes, so that a session holds memory
// only while it holds bytes. It belongs to one worker.
type buffers struct {
	free [len(classes)][][]byte
	held int64 // bytes of capacity that sessions have at this moment

	copied uint64 // bytes ever appended, or moved to make room
}

// classes are the capacities of slices that are kept for reuse; anything larger
// is left to the garbage collector.
var classes = [...]int{2 << 10, 16 << 10, 64 << 10, 256 << 10}

// keepFree is how many bytes of each class wait for reuse: enough for 512 clients
// with small replies in one turn.
const keepFree = 1 << 20

// take returns an empty slice of at least n bytes of capacity.
func (b *buffers) take(n int) []byte {
	for i, size := range classes {
		if n > size {
			continue
		}
		var p []byte
		if last := len(b.free[i]) - 1; last >= 0 {
			p, b.free[i][last] = b.free[i][last], nil
			b.free[i] = b.free[i][:last]
		} else {
			p = make([]byte, 0, size)
		}
		b.held += int64(size)
		return p
	}
	b.held += int64(n)
	return make([]byte, 0, n)
}

// give takes p back; the caller must not use it any more. nil is fine.
func (b *buffers) give(p []byte) {
	if cap(p) == 0 {
		return
	}
	b.held -= int64(cap(p))
	for i, size := range classes {
		if cap(p) == size && len(b.free[i])*size < keepFree {
			b.free[i] = append(b.free[i], p[:0])
			return
		}
	}
}

// append appends q to p, which came from take or is nil, moving to a larger
// slice where needed.
func (b *buffers) append(p, q []byte) []byte {
	if len(q) == 0 {
		return p
	}
	if need := len(p) + len(q); need > cap(p) {
		size := need
		if cap(p) >= classes[len(classes)-1] {
			size = max(need, cap(p)+cap(p)/2)
		} else if cap(p) > 0 {
			size = max(need, 2*cap(p))
		}
		grown := append(b.take(size), p...)
		b.copied += uint64(len(p))
		b.give(p)
		p = grown
	}
	b.copied += uint64(len(q))
	return append(p, q...)
}
