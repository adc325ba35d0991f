package eventloop

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestPendingKeepsTheOrderOfBytes(t *testing.T) {
	var s spare
	var b pending
	rnd := rand.New(rand.NewPCG(3, 4))
	source := pattern(1 << 20)
	in, out := 0, 0
	for out < len(source) {
		n := min(rnd.IntN(20000), len(source)-in)
		p := append([]byte(nil), source[in:in+n]...)
		b.append(p, &s)
		clear(p)
		in += n
		n = rnd.IntN(min(b.len(), 15000) + 1)
		if in == len(source) {
			n = b.len()
		}
		if got := b.bytes()[:n]; !bytes.Equal(got, source[out:out+n]) {
			t.Fatalf("bytes %d to %d differ", out, out+n)
		}
		b.sent += n
		out += n
		if b.len() != in-out {
			t.Fatalf("len() = %d; want %d", b.len(), in-out)
		}
		if b.len() == 0 {
			b.release(&s)
		}
		if s.held != cap(b.buf) {
			t.Fatalf("%d bytes are counted; want %d", s.held, cap(b.buf))
		}
	}
	if cap(b.buf) != 0 {
		t.Errorf("a drained buffer holds %d bytes; want 0", cap(b.buf))
	}
}

// What stays of a long queue that always moves on is of the size of what waits, not of what has gone through.
func TestPendingDoesNotGrowWithWhatHasBeenSent(t *testing.T) {
	var s spare
	var b pending
	p := make([]byte, 1000)
	b.append(p, &s)
	for range 100_000 {
		b.append(p, &s)
		b.sent += len(p)
	}
	if b.len() != len(p) || cap(b.buf) > 8*spareSmall {
		t.Errorf("%d bytes wait in %d; want %d in a few times as much", b.len(), cap(b.buf), len(p))
	}
}

func TestSpareMemoryIsBounded(t *testing.T) {
	var s spare
	for range 1000 {
		s.give(make([]byte, 0, 10_000))
	}
	s.give(make([]byte, 0, spareLarge+1))
	size := 0
	for _, buf := range s.bufs {
		size += cap(buf)
	}
	if size > spareSize || size != s.size {
		t.Errorf("spare memory = %d bytes, counted as %d; want at most %d", size, s.size, spareSize)
	}
	for _, n := range []int{1, 5000, 10_000, 10_001, 300_000} {
		if buf := s.take(n); cap(buf) < n || len(buf) != 0 {
			t.Errorf("take(%d) has length %d and room for %d", n, len(buf), cap(buf))
		}
	}
	for size = 0; len(s.bufs) > 0; size++ {
		s.take(5000)
	}
	if s.size != 0 || size == 0 {
		t.Errorf("size after %d taken = %d; want 0", size, s.size)
	}
}
