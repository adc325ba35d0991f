package resp

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/redcon"
)

// Why there is a parser here at all. Each test shows a fault of the reader of
// redcon v1.6.2, and that Parser does not have it. One is not shown, since no
// test survives it: a value that drips in makes readCommands call itself once a
// read, until the stack overflows, which recover cannot catch. A test that fails
// here says that redcon has been mended, not that something is wrong with resp.

// redconReads gives in to redcon's connection reader. It returns the commands as
// they are printed, what it panicked with, and the error behind the last.
func redconReads(in string) (got []string, panicked any, err error) {
	defer func() { panicked = recover() }()
	rd := redcon.NewReader(strings.NewReader(in))
	for {
		cmd, err := rd.ReadCommand()
		if err != nil {
			return got, nil, err
		}
		got = append(got, string(bytes.Join(cmd.Args, []byte{' '})))
	}
}

func refuses(t *testing.T, in, want string) {
	t.Helper()
	var p Parser
	if n, err := p.Next([]byte(in), testLimits()); n != 0 || verdictOf(err) != want {
		t.Errorf("Next(%q) = %d, %v; want %q", in, n, err, want)
	}
}

func TestRedconPanicsOnALengthThatOverflows(t *testing.T) {
	in := fmt.Sprintf("*1\r\n$%d\r\nabc\r\n", math.MaxInt)
	if _, panicked, _ := redconReads(in); panicked == nil {
		t.Errorf("redcon's reader on %q did not panic", in)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Errorf("ReadNextCommand(%q) did not panic", in)
			}
		}()
		_, _, _, _, _ = redcon.ReadNextCommand([]byte(in), nil)
	}()
	refuses(t, in, "invalid bulk length")
}

func TestRedconAcceptsLengthsThatRedisRefuses(t *testing.T) {
	for _, c := range []struct{ in, want, ours string }{
		{"*1\r\n$18446744073709551617\r\nA\r\n", "A", "invalid bulk length"},
		{"*18446744073709551617\r\n$4\r\nPING\r\n", "PING", "invalid multibulk length"},
		{"*1\r\n$04\r\nPING\r\n", "PING", "invalid bulk length"},
		{"*01\r\n$4\r\nPING\r\n", "PING", "invalid multibulk length"},
		{"*1\r\n$\r\n\r\n", "", "invalid bulk length"},
		{"*1\r\n$-0\r\n\r\n", "", "invalid bulk length"},
	} {
		got, panicked, err := redconReads(c.in)
		if len(got) != 1 || got[0] != c.want || err != io.EOF || panicked != nil {
			t.Errorf("redcon on %q = %q, %v, %v; want it to accept %q", c.in, got, err, panicked, c.want)
		}
		refuses(t, c.in, c.ours)
	}
}

// A count alone keeps redcon's reader counting: it walks to the claimed count
// although there are no bytes, and does so again with each read. 2,000,000 stand
// in for the 2,000,000,000 that cost seconds.
func TestRedconWalksToAClaimedCount(t *testing.T) {
	elapsed := func(in string) time.Duration {
		best := time.Hour
		for range 5 {
			start := time.Now()
			_, _, _ = redconReads(in)
			best = min(best, time.Since(start))
		}
		return best
	}
	few, many := elapsed("*2\r\n"), elapsed("*2000000\r\n")
	if many < 20*few {
		t.Errorf("redcon takes %v for *2 and %v for *2000000; want the latter out of proportion", few, many)
	}
	refuses(t, "*2000000000\r\n", "invalid multibulk length")
}

// redcon answers what Redis passes over in silence, and passes over what Redis
// answers, so that a proxy between them counts replies wrongly.
func TestRedconCountsRepliesDifferently(t *testing.T) {
	if _, _, err := redconReads("*0\r\n*1\r\n$4\r\nPING\r\n"); err == nil || err == io.EOF {
		t.Errorf("redcon's reader on *0 = %v; want an error, where Redis goes on", err)
	}
	var p Parser
	got, err := feed(&p, []byte("*0\r\n*1\r\n$4\r\nPING\r\n"), testLimits(), atOnce)
	if err != nil || len(got) != 2 || len(got[0].args) != 0 || len(got[1].args) != 1 {
		t.Errorf("Parser on *0 and PING = %+v, %v; want nothing and PING", got, err)
	}

	// ReadNextCommand reads `$5 ...` as Tile38's protocol; Redis reads a line.
	_, args, kind, _, err := redcon.ReadNextCommand([]byte("$4 PING\r\n"), nil)
	if kind != redcon.Tile38 || len(args) != 1 || err != nil {
		t.Errorf("ReadNextCommand($4 PING) = %q, %v, %v; want Tile38 and PING", args, kind, err)
	}
	if _, err := p.Next([]byte("$4 PING\r\n"), testLimits()); err != nil || len(p.Args()) != 2 {
		t.Errorf("Next($4 PING) = %q, %v; want two words", p.Args(), err)
	}
}

// Each command is copied, and the buffer doubles for as long as a client sends.
func TestRedconsReaderCopies(t *testing.T) {
	in := AppendCommand(nil, "SET", "key", strings.Repeat("v", 4096))
	rd := redcon.NewReader(&repeat{in: in})
	if n := testing.AllocsPerRun(100, func() { _, _ = rd.ReadCommand() }); n < 2 {
		t.Errorf("redcon's reader allocates %v times a command; want 2 or more", n)
	}

	const sent = 8 << 20
	unfinished := io.MultiReader(strings.NewReader("*1\r\n$536870912\r\n"), io.LimitReader(&repeat{in: []byte("v")}, sent))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := redcon.NewReader(unfinished).ReadCommand()
	runtime.ReadMemStats(&after)
	if cost := after.TotalAlloc - before.TotalAlloc; err == nil || cost < sent {
		t.Errorf("redcon buffers %d of %d bytes that nobody has judged (%v); want all", cost, sent, err)
	}
}

// repeat is a reader of the same bytes for ever.
type repeat struct {
	in   []byte
	rest []byte
}

func (r *repeat) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(r.rest) == 0 {
			r.rest = r.in
		}
		k := copy(p[n:min(len(p), n+64<<10)], r.rest)
		r.rest = r.rest[k:]
		n += k
	}
	return n, nil
}
