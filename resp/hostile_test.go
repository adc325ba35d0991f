package resp

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestHostileInputHasItsVerdictHoweverItIsCut(t *testing.T) {
	for _, c := range hostile {
		for _, lim := range []*Limits{preAuth(), testLimits()} {
			want := c.want
			if c.auth != "" && !lim.Unauthenticated {
				want = c.auth
			}
			var p Parser
			whole, err := feed(&p, []byte(c.in), lim, atOnce)
			if got := verdictOf(err); got != want {
				t.Errorf("%s: %.60q (unauthenticated %v) = %q; want %q", c.name, c.in, lim.Unauthenticated, got, want)
			}
			for cut, piece := range map[string]func() int{"bytes": byteByByte, "pieces": pieces(1, 4000)} {
				if cut == "bytes" && len(c.in) > 5000 {
					continue
				}
				var p Parser
				got, err := feed(&p, []byte(c.in), lim, piece)
				if d := sameRequests(whole, got); d != "" || verdictOf(err) != want {
					t.Errorf("%s: %.60q in %s = %q %s; want %q as at once", c.name, c.in, cut, verdictOf(err), d, want)
				}
			}
			for cut, piece := range map[string]func() int{"at once": atOnce, "bytes": byteByByte, "pieces": pieces(2, 4000)} {
				var s Stream
				got, err := feedStream(&s, []byte(c.in), lim, piece)
				if len(got) != len(whole) || verdictOf(err) != want {
					t.Errorf("%s: Stream of %.60q %s = %d, %q; want %d, %q", c.name, c.in, cut, len(got), verdictOf(err), len(whole), want)
				}
			}
		}
	}
}

func TestHostileInputCostsLittle(t *testing.T) {
	const (
		mostBytes = 1 << 20
		mostTime  = time.Millisecond
	)
	for _, c := range hostile {
		for _, lim := range []*Limits{preAuth(), testLimits()} {
			elapsed := time.Hour
			cost := uint64(1 << 62)
			// The best of some, since other programs use the processor too. The race
			// detector makes each byte ten times dearer.
			for try := 0; try == 0 || try < 200 && elapsed >= mostTime && !raceDetector; try++ {
				cost = min(cost, allocated(func() {
					start := time.Now()
					var p Parser
					for in := []byte(c.in); len(in) > 0; {
						n, err := p.Next(in, lim)
						if err != nil {
							break
						}
						in = in[n:]
					}
					elapsed = min(elapsed, time.Since(start))
				}))
			}
			if cost >= mostBytes || elapsed >= mostTime && !raceDetector {
				t.Errorf("%s: %.60q (unauthenticated %v) costs %d bytes and %v; want less than %d and %v",
					c.name, c.in, lim.Unauthenticated, cost, elapsed, mostBytes, mostTime)
			}
		}
	}
}

// allocated is how many bytes f allocates in all, garbage included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A parser that is given what it has seen as garbage, and only the newest byte as
// it is, cannot have looked at anything twice. So the work for a value that drips
// in is one step a byte. Once all is in, the headers are read again.
func TestDrippedRequestIsNotReadAgain(t *testing.T) {
	many := make([][]byte, 3000)
	for i := range many {
		many[i] = []byte("x")
	}
	for name, in := range map[string][]byte{
		"long value":     AppendRequest(nil, []byte("SET"), []byte("k"), make([]byte, 40000)),
		"many arguments": AppendRequest(nil, many...),
		"inline":         []byte("ECHO \"" + strings.Repeat("x", 20000) + "\"\r\n"),
	} {
		var p Parser
		buf := make([]byte, 0, len(in))
		cost := allocated(func() {
			for i, c := range in[:len(in)-1] {
				if i > 0 {
					buf[i-1] = '#'
				}
				buf = append(buf, c)
				if n, err := p.Next(buf, testLimits()); err != ErrIncomplete {
					t.Fatalf("%s: Next(%d of %d bytes) = %d, %v; want ErrIncomplete", name, i+1, len(in), n, err)
				}
			}
		})
		if cost > 4096 {
			t.Errorf("%s: %d bytes allocated before the last byte; want next to nothing", name, cost)
		}
		if n, err := p.Next(in, testLimits()); n != len(in) || err != nil {
			t.Errorf("%s: Next(all %d bytes) = %d, %v", name, len(in), n, err)
		}
	}
}
