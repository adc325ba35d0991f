package resp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/redcon"
)

// none fails t if f, which has been warmed up by one run, allocates.
func none(t *testing.T, what string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%s allocates %v times; want 0", what, n)
	}
}

func shapes() map[string][]byte {
	mset := []string{"MSET"}
	for i := range 1000 {
		mset = append(mset, fmt.Sprintf("key:%04d", i), fmt.Sprintf("value:%06d", i))
	}
	get := AppendCommand(nil, "GET", "user:1000:name:x")
	return map[string][]byte{
		"GET":       get,
		"SET 64 B":  AppendCommand(nil, "SET", "user:1000:name:x", strings.Repeat("v", 64)),
		"SET 4 KB":  AppendCommand(nil, "SET", "user:1000:name:x", strings.Repeat("v", 4096)),
		"pipeline":  []byte(strings.Repeat(string(get), 16)),
		"MSET 1000": AppendCommand(nil, mset...),
		"inline":    []byte("GET \"a\\x20key\" 'and' more\r\n"),
		"nothing":   []byte("*0\r\n\r\n*-1\r\n"),
	}
}

func TestParserAllocatesNothing(t *testing.T) {
	lim := testLimits()
	for name, in := range shapes() {
		var p Parser
		none(t, name, func() {
			for rest := in; len(rest) > 0; {
				n, err := p.Next(rest, lim)
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
		})
		if name == "inline" || len(in) > 5000 {
			continue
		}
		none(t, name+" in two pieces", func() {
			half := len(in) / 2
			for rest, end := in, half; len(rest) > 0; {
				n, err := p.Next(rest[:min(end, len(rest))], lim)
				if err == ErrIncomplete {
					_ = p.Head(rest)
					end = len(rest)
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
		})
		none(t, name+" through a Stream", func() {
			var s Stream
			for rest := in; len(rest) > 0; {
				n, _, err := s.Next(rest[:min(7, len(rest))], lim)
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
		})
	}
}

func TestResetBetweenSmallRequestsAllocatesNothing(t *testing.T) {
	var p Parser
	in := AppendCommand(nil, "GET", "key")
	none(t, "GET and Reset", func() {
		if n, err := p.Next(in, testLimitsShared); n != len(in) || err != nil {
			t.Fatal(n, err)
		}
		p.Reset()
	})
}

var testLimitsShared = testLimits()

func TestFramerAllocatesNothing(t *testing.T) {
	var all []byte
	for _, c := range replies {
		all = append(all, c.in...)
	}
	var f Framer
	none(t, "Framer", func() {
		for rest := all; len(rest) > 0; {
			n, _, err := f.Next(rest[:min(100, len(rest))])
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
	})
}

// A long reply, and a deep one, cost the framer no memory to speak of.
func TestFramerHoldsNothing(t *testing.T) {
	in := []byte(strings.Repeat("*1\r\n", 100) + "*100000\r\n" + strings.Repeat("$10\r\n0123456789\r\n", 100000))
	cost := allocated(func() {
		var f Framer
		if n, end, err := f.Next(in); n != len(in) || !end || err != nil {
			t.Fatal(n, end, err)
		}
	})
	if cost > 32<<10 {
		t.Errorf("a reply of %d bytes costs %d", len(in), cost)
	}
}

func TestEncodingAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 4096)
	args := [][]byte{[]byte("SET"), []byte("key"), make([]byte, 1000)}
	none(t, "AppendRequest", func() { dst = AppendRequest(dst[:0], args...) })
	none(t, "AppendCommand", func() { dst = AppendCommand(dst[:0], "SELECT", "3") })
	none(t, "the rest", func() {
		dst = AppendMap(dst[:0], 3)
		dst = AppendPush(dst, 3)
		dst = AppendSet(dst, 3)
		dst = AppendNull(dst)
		dst = AppendBool(dst, true)
		dst = AppendDouble(dst, 3.25)
		dst = AppendVerbatim(dst, "text")
		dst = redcon.AppendInt(dst, 5)
	})
}
