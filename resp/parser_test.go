package resp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestParserTakesRequestsOutOfAPipeline(t *testing.T) {
	in := AppendCommand(nil, "SET", "key", strings.Repeat("v", 300))
	in = append(in, "PING \"a b\"\r\n"...)
	in = AppendCommand(in, "MSET", strings.Repeat("k", 10), "", strings.Repeat("k", 99), "\r\n", strings.Repeat("k", 100), "\x00")
	in = append(in, "*0\r\n"...)
	in = AppendCommand(in, "")
	want := []string{
		`["SET" "key" "` + strings.Repeat("v", 300) + `"] false`,
		`["PING" "a b"] true`,
		fmt.Sprintf("%q false", []string{"MSET", strings.Repeat("k", 10), "", strings.Repeat("k", 99), "\r\n", strings.Repeat("k", 100), "\x00"}),
		`[] false`,
		`[""] false`,
	}
	for name, piece := range map[string]func() int{"at once": atOnce, "bytes": byteByByte, "pieces": pieces(3, 40)} {
		var p Parser
		got, err := feed(&p, in, testLimits(), piece)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, r := range got {
			if s := fmt.Sprintf("%q %v", r.args, r.inline); i >= len(want) || s != want[i] {
				t.Errorf("%s: request %d = %s; want %s", name, i, s, want[min(i, len(want)-1)])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d requests; want %d", name, len(got), len(want))
		}
	}
}

// Every length of a payload and every number of arguments around a change in the
// number of digits, whole and cut, since each has its own way through the code.
func TestParserReadsEveryWidthOfLength(t *testing.T) {
	for _, size := range []int{0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 9999, 10000, 99999, 100000, 1 << 20} {
		in := AppendRequest(nil, bytes.Repeat([]byte{'v'}, size))
		for _, piece := range []func() int{atOnce, pieces(4, 1+size/3)} {
			var p Parser
			got, err := feed(&p, in, testLimits(), piece)
			if err != nil || len(got) != 1 || len(got[0].args) != 1 || len(got[0].args[0]) != size {
				t.Errorf("a bulk of %d bytes = %d requests, %v; want one request of it", size, len(got), err)
			}
		}
	}
	for _, count := range []int{1, 9, 10, 11, 99, 100, 101, 1000, 4096, 4097, 100000} {
		in := AppendRequest(nil, make([][]byte, count)...)
		for _, piece := range []func() int{atOnce, pieces(5, 1+count)} {
			var p Parser
			got, err := feed(&p, in, testLimits(), piece)
			if err != nil || len(got) != 1 || len(got[0].args) != count {
				t.Errorf("%d arguments = %d requests, %v", count, len(got), err)
			}
		}
	}
}

func TestParserEnforcesLimits(t *testing.T) {
	lim := func(arguments int, bulk, request int64, unauthenticated bool) *Limits {
		return &Limits{Arguments: arguments, Bulk: bulk, Request: request, Unauthenticated: unauthenticated}
	}
	set := "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\n0123456789\r\n" // 37 bytes
	for _, c := range []struct {
		in   string
		lim  *Limits
		want string
	}{
		{set, lim(3, 10, 37, false), accepted},
		{set, lim(2, 10, 37, false), "invalid multibulk length"},
		{set, lim(2, 10, 37, true), "unauthenticated multibulk length"},
		{set, lim(3, 9, 37, false), "invalid bulk length"},
		{set, lim(3, 9, 37, true), "unauthenticated bulk length"},
		{set, lim(3, 10, 36, true), "too big request"},
		{set, lim(3, 10, 36, false), "too big request"},
		{set, lim(3, 10, 20, false), "too big request"},
		{set, lim(3, 10, 4, false), "too big request"},
		{set, lim(3, 10, 1, false), "too big request"},
		{set, lim(3, 1<<63-1, 1<<63-1, false), accepted},
		{set, lim(-1, -1, -1, false), "too big request"},
		{set, lim(-1, 10, 37, false), "invalid multibulk length"},
		{set, &Limits{}, "too big request"},
		{"*1\r\n$9223372036854775807\r\n", lim(3, 1<<63-1, 1<<63-1, false), "too big request"},
		{"*1\r\n$9223372036854775779\r\n", lim(3, 1<<63-1, 1<<63-1, false), incomplete},
		{"*0\r\n", lim(3, 10, 4, false), accepted},
		{"*0\r\n", lim(3, 10, 3, false), "too big request"},
		{"a b c\n", lim(3, 0, 6, true), accepted},
		{"a b c d\n", lim(3, 0, 8, true), "unauthenticated multibulk length"},
		{"a b c d\n", lim(3, 0, 8, false), "invalid multibulk length"},
		{"a b c\n", lim(3, 0, 5, true), "too big inline request"},
		{"\r\n", &Limits{Request: 2}, accepted},
	} {
		for name, piece := range map[string]func() int{"at once": atOnce, "bytes": byteByByte} {
			var p Parser
			_, err := feed(&p, []byte(c.in), c.lim, piece)
			if got := verdictOf(err); got != c.want {
				t.Errorf("%q within %+v %s = %q; want %q", c.in, *c.lim, name, got, c.want)
			}
			var s Stream
			if _, err := feedStream(&s, []byte(c.in), c.lim, piece); verdictOf(err) != c.want {
				t.Errorf("Stream of %q within %+v %s = %q; want %q", c.in, *c.lim, name, verdictOf(err), c.want)
			}
		}
	}
}

func TestParserTellsWhatIsKnownOfARequestInProgress(t *testing.T) {
	const in = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\n0123456789\r\n"
	for _, c := range []struct {
		end, declared int
		head          string
		needed        int64
	}{
		{1, 0, `[]`, 0},
		{3, 0, `[]`, 0},
		{4, 3, `[]`, 4},
		{6, 3, `[]`, 6},
		{8, 3, `[]`, 13},  // SET and its CRLF
		{10, 3, `[]`, 13}, // in SET
		{12, 3, `[]`, 13}, // behind its CR
		{13, 3, `["SET"]`, 13},
		{20, 3, `["SET" "k"]`, 20},
		{24, 3, `["SET" "k"]`, 24}, // $10\r
		{25, 3, `["SET" "k"]`, 37},
		{36, 3, `["SET" "k"]`, 37},
	} {
		for _, piece := range []int{c.end, 1, 7} {
			var p Parser
			for end := min(piece, c.end); ; end = min(end+piece, c.end) {
				if n, err := p.Next([]byte(in[:end]), testLimits()); err != ErrIncomplete {
					t.Fatalf("Next(%q) = %d, %v; want ErrIncomplete", in[:end], n, err)
				}
				if end == c.end {
					break
				}
			}
			head := fmt.Sprintf("%q", p.Head([]byte(in[:c.end])))
			if p.Declared() != c.declared || head != c.head || p.Needed() != c.needed {
				t.Errorf("behind %q by %d: declared %d, head %s, needed %d; want %d, %s, %d",
					in[:c.end], piece, p.Declared(), head, p.Needed(), c.declared, c.head, c.needed)
			}
			if n, err := p.Next([]byte(in), testLimits()); n != len(in) || err != nil || len(p.Args()) != 3 {
				t.Errorf("behind %q and its rest: %d, %v, %q", in[:c.end], n, err, p.Args())
			}
		}
	}
}

func TestHeadIsBoundedAndTakesLargeCounts(t *testing.T) {
	in := []byte("*1000000\r\n" + strings.Repeat("$4\r\nPING\r\n", 20))
	var p Parser
	if _, err := p.Next(in, testLimits()); err != ErrIncomplete {
		t.Fatalf("Next = %v; want ErrIncomplete", err)
	}
	if got := p.Head(in); len(got) != 8 || string(got[7]) != "PING" {
		t.Errorf("Head = %q; want the first 8", got)
	}
	if p.Declared() != 1000000 {
		t.Errorf("Declared = %d; want 1000000", p.Declared())
	}
}

func TestInlineRequestInProgressTellsNothing(t *testing.T) {
	var p Parser
	in := []byte("PING a")
	if _, err := p.Next(in, testLimits()); err != ErrIncomplete {
		t.Fatalf("Next = %v; want ErrIncomplete", err)
	}
	if !p.Inline() || p.Declared() != 0 || p.Needed() != 0 || len(p.Head(in)) != 0 {
		t.Errorf("inline %v, declared %d, needed %d, head %q; want true, 0, 0, []", p.Inline(), p.Declared(), p.Needed(), p.Head(in))
	}
}

func TestProtocolErrorStaysUntilReset(t *testing.T) {
	var p Parser
	bad, good := []byte("*x\r\n"), AppendCommand(nil, "PING")
	for range 2 {
		for _, in := range [][]byte{bad, good} {
			var want *ProtocolError
			if n, err := p.Next(in, testLimits()); n != 0 || !errors.As(err, &want) {
				t.Fatalf("Next(%q) behind an error = %d, %v; want the error", in, n, err)
			}
		}
	}
	p.Reset()
	if n, err := p.Next(good, testLimits()); n != len(good) || err != nil {
		t.Errorf("Next(%q) behind Reset = %d, %v", good, n, err)
	}
}

func TestResetForgetsARequestInProgress(t *testing.T) {
	var p Parser
	for _, in := range []string{"*2\r\n$3\r\nGET\r\n$1", "PING \"", "*3", "*1\r\n$4\r\nPI"} {
		if _, err := p.Next([]byte(in), testLimits()); err != ErrIncomplete {
			t.Fatalf("Next(%q) = %v; want ErrIncomplete", in, err)
		}
		p.Reset()
		if n, err := p.Next([]byte("*1\r\n$4\r\nPING\r\n"), testLimits()); n != 14 || err != nil || p.Inline() {
			t.Errorf("behind %q and Reset: %d, %v", in, n, err)
		}
	}
}

// An idle connection keeps nothing big and nothing that is not its own.
func TestResetLetsGoOfStorage(t *testing.T) {
	var p Parser
	lim := testLimits()
	for _, in := range [][]byte{
		AppendRequest(nil, make([][]byte, 3000)...),
		AppendCommand(nil, "SET", "a", "b", "c", "d"),
		[]byte("ECHO '" + strings.Repeat("a", 3000) + "'\n"),
		AppendCommand(nil, "GET", "a"),
	} {
		if _, err := p.Next(in, lim); err != nil {
			t.Fatal(err)
		}
	}
	p.Reset()
	if cap(p.args) > idleArgs || p.text != nil {
		t.Errorf("behind Reset: room for %d arguments and %d bytes", cap(p.args), cap(p.text))
	}
	for i, arg := range p.args[:cap(p.args)] {
		if arg != nil {
			t.Errorf("behind Reset argument %d keeps %q alive", i, arg)
		}
	}
}

func TestNextGivesBackLargeStorage(t *testing.T) {
	var p Parser
	lim := testLimits()
	large := AppendRequest(nil, make([][]byte, keptArgs+1)...)
	small := AppendCommand(nil, "GET", "a")
	for _, large := range [][]byte{large, []byte("'" + strings.Repeat("a", 60000) + "'\n")} {
		for _, in := range [][]byte{large, small} {
			if n, err := p.Next(in, lim); n != len(in) || err != nil {
				t.Fatalf("Next(%d bytes) = %d, %v", len(in), n, err)
			}
		}
		if cap(p.args) > keptArgs || cap(p.text) > keptInline {
			t.Errorf("behind a small request: room for %d arguments and %d bytes", cap(p.args), cap(p.text))
		}
	}
}

// A caller that breaks the rules of Next gets an error, not a panic and not
// arguments that were never checked.
func TestParserDoesNotTrustItsCaller(t *testing.T) {
	in := AppendCommand(nil, "SET", "key", "value")
	var p Parser
	if _, err := p.Next(in[:20], testLimits()); err != ErrIncomplete {
		t.Fatal(err)
	}
	if n, err := p.Next(in[:5], testLimits()); n != 0 || err != ErrIncomplete {
		t.Errorf("Next of a shorter buffer = %d, %v; want ErrIncomplete", n, err)
	}
	changed := append([]byte("*3\r\n$9\r\n"), in[8:]...)
	if n, err := p.Next(changed, testLimits()); n != 0 || err == nil {
		t.Errorf("Next of a changed buffer = %d, %v; want an error", n, err)
	}
	p.Reset()
	if _, err := p.Next(in[:20], testLimits()); err != ErrIncomplete {
		t.Fatal(err)
	}
	if n, err := p.Next(in, preAuthOf(2)); n != 0 || err == nil {
		t.Errorf("Next under lowered limits = %d, %v; want an error", n, err)
	}
}

func preAuthOf(arguments int) *Limits {
	lim := preAuth()
	lim.Arguments = arguments
	return lim
}
