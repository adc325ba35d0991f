package eventloop

// pending is output that the kernel has not taken yet. It holds memory only while there is some.
type pending struct {
	buf  []byte
	sent int // buf[:sent] has been taken
}

func (b *pending) len() int {
	return len(b.buf) - b.sent
}

// bytes is what is to be sent next; valid until the next call of append or release.
func (b *pending) bytes() []byte {
	return b.buf[b.sent:]
}

// append copies p to the end. What was sent already makes room only when memory is taken anew, so a byte is moved a bounded number of times.
func (b *pending) append(p []byte, s *spare) {
	if len(p) > cap(b.buf)-len(b.buf) {
		rest := b.bytes()
		buf := s.take(len(rest) + max(len(p), len(rest)/2))
		old := b.buf
		b.buf, b.sent = append(buf, rest...), 0
		s.give(old)
	}
	b.buf = append(b.buf, p...)
}

func (b *pending) release(s *spare) {
	s.give(b.buf)
	*b = pending{}
}

// spare keeps a little memory of drained output for the next connection whose socket is full.
type spare struct {
	bufs [][]byte
	size int
	held int // bytes of capacity that are taken and not given back
}

const (
	spareSize  = 1 << 20   // of a loop, in all
	spareLarge = 256 << 10 // larger buffers are not kept
	spareSmall = 4 << 10   // no smaller ones are made
)

// take gives an empty slice with room for n bytes.
func (s *spare) take(n int) []byte {
	for i := len(s.bufs) - 1; i >= 0; i-- {
		if buf := s.bufs[i]; cap(buf) >= n && cap(buf) <= 4*max(n, spareSmall) {
			last := len(s.bufs) - 1
			s.bufs[i], s.bufs[last] = s.bufs[last], nil
			s.bufs = s.bufs[:last]
			s.size -= cap(buf)
			s.held += cap(buf)
			return buf
		}
	}
	buf := make([]byte, 0, max(n, spareSmall))
	s.held += cap(buf)
	return buf
}

func (s *spare) give(buf []byte) {
	s.held -= cap(buf)
	if cap(buf) == 0 || cap(buf) > spareLarge || s.size+cap(buf) > spareSize {
		return
	}
	s.size += cap(buf)
	s.bufs = append(s.bufs, buf[:0])
}
