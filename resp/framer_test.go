package resp

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// frame runs p through a Framer in pieces. It returns the replies in it, the
// bytes of the one that is not complete, and the error.
func frame(f *Framer, p []byte, piece func() int) (replies []string, rest int, err error) {
	from, at := 0, 0
	for at < len(p) {
		part := p[at:min(at+max(piece(), 1), len(p))]
		for len(part) > 0 {
			n, end, err := f.Next(part)
			at += n
			part = part[n:]
			if err != nil {
				return replies, at - from, err
			}
			if end {
				replies = append(replies, string(p[from:at]))
				from = at
			}
		}
	}
	return replies, at - from, nil
}

var replies = []struct {
	in   string
	kind byte
}{
	{"+OK\r\n", '+'},
	{"+\r\n", '+'},
	{"-ERR no\r\n", '-'},
	{":1\r\n", ':'},
	{":-9223372036854775808\r\n", ':'},
	{"$0\r\n\r\n", '$'},
	{"$3\r\nabc\r\n", '$'},
	{"$6\r\n\r\n$1\r\n\r\n", '$'},
	{"$12\r\nabcdefghijkl\r\n", '$'},
	{"$-1\r\n", '$'},
	{"*-1\r\n", '*'},
	{"*0\r\n", '*'},
	{"*2\r\n$1\r\na\r\n$1\r\nb\r\n", '*'},
	{"*3\r\n*0\r\n*1\r\n*-1\r\n:1\r\n", '*'},
	{"*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n+x\r\n", '*'},
	{"_\r\n", '_'},
	{"#t\r\n", '#'},
	{"#f\r\n", '#'},
	{",1.5\r\n", ','},
	{",-inf\r\n", ','},
	{",-nan\r\n", ','},
	{"(12345678901234567890123\r\n", '('},
	{"!10\r\nERR\r\nwrong\r\n", '!'},
	{"=8\r\ntxt:abcd\r\n", '='},
	{"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", '%'},
	{"%0\r\n", '%'},
	{"~2\r\n:1\r\n:2\r\n", '~'},
	{">2\r\n$7\r\nmessage\r\n$1\r\nx\r\n", '>'},
	{">0\r\n", '>'},
	{"|1\r\n+ttl\r\n:3600\r\n$3\r\nabc\r\n", '$'},
	{"|0\r\n:1\r\n", ':'},
	{"|1\r\n+a\r\n+b\r\n|1\r\n+c\r\n+d\r\n*0\r\n", '*'},
	{"|1\r\n+a\r\n*1\r\n:1\r\n>1\r\n+x\r\n", '>'},
	{"*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n", '*'},
	{"*1\r\n|1\r\n+a\r\n+b\r\n|0\r\n:1\r\n", '*'},
	{"|1\r\n|1\r\n+x\r\n+y\r\n+a\r\n+b\r\n:1\r\n", ':'},
	{"$?\r\n;4\r\nabcd\r\n;1\r\ne\r\n;0\r\n", '$'},
	{"$?\r\n;0\r\n", '$'},
	{"*?\r\n:1\r\n*?\r\n.\r\n$?\r\n;0\r\n.\r\n", '*'},
	{"~?\r\n.\r\n", '~'},
	{"%?\r\n+a\r\n:1\r\n+b\r\n:2\r\n.\r\n", '%'},
	{">?\r\n+message\r\n.\r\n", '>'},
	{strings.Repeat("*1\r\n", maxDepth) + ":1\r\n", '*'},
	{strings.Repeat("*1\r\n", maxDepth-1) + "*0\r\n", '*'},
	{strings.Repeat("*?\r\n", maxDepth) + strings.Repeat(".\r\n", maxDepth), '*'},
}

func TestFramerFindsTheEndOfEveryType(t *testing.T) {
	for _, c := range replies {
		// What follows must not matter, and must not be touched.
		in := c.in + ":0\r\n"
		for name, piece := range map[string]func() int{"at once": atOnce, "bytes": byteByByte, "pieces": pieces(7, 9)} {
			var f Framer
			at, end := 0, false
			for !end && at < len(in) {
				n, e, err := f.Next([]byte(in[at:min(at+max(piece(), 1), len(in))]))
				if err != nil {
					t.Fatalf("%.80q %s: %v", c.in, name, err)
				}
				at, end = at+n, e
			}
			if at != len(c.in) || !end || f.Kind() != c.kind || f.Size() != int64(len(c.in)) || !f.Idle() {
				t.Errorf("%.80q %s ends at %d (%v), kind %q, size %d, idle %v; want %d, true, %q, %d, true",
					c.in, name, at, end, f.Kind(), f.Size(), f.Idle(), len(c.in), c.kind, len(c.in))
			}
		}
		if got := referenceReply([]byte(in)); got != len(c.in) {
			t.Errorf("the reference says %d for %.80q; want %d", got, c.in, len(c.in))
		}
	}
}

func TestFramerRefusesWhatAClientMightReadDifferently(t *testing.T) {
	for _, in := range []string{
		"", "x\r\n", "\r\n", ";1\r\na\r\n", ".\r\n", "PONG\r\n", "\x00",
		"+OK\n", "+a\nb\r\n", "+a\rb\r\n", "-ERR\r\r\n", ":1\n",
		"$\r\n", "$01\r\na\r\n", "$+1\r\na\r\n", "$-0\r\n", "$-2\r\n", "$-10\r\n", "$--1\r\n", "$1-\r\n", "$ 1\r\na\r\n", "$1 \r\na\r\n", "$-\r\n",
		"$1\na\r\n", "$1\r\naxx", "$1\r\na\rx", "$1\r\nab\r\n", "$0\r\nx\r\n", "$1x\r\n",
		"$9223372036854775807\r\n", "$18446744073709551617\r\na\r\n", "$281474976710657\r\n",
		"*\r\n", "*01\r\n", "*+1\r\n", "*-2\r\n", "*2147483648\r\n", "*4294967297\r\n:1\r\n", "*18446744073709551617\r\n:1\r\n", "*1\r\n\r\n",
		"%-1\r\n", "~-1\r\n", ">-1\r\n", "|-1\r\n", "=-1\r\n", "!-1\r\n", "%1073741824x\r\n",
		"=3\r\ntxt\r\n", "=?\r\n", "!?\r\n", "|?\r\n",
		"_x\r\n", "_ \r\n", "#\r\n", "#x\r\n", "#tt\r\n", "#true\r\n",
		"*1\r\n>1\r\n+x\r\n", "|1\r\n>1\r\n+x\r\n+y\r\n:1\r\n", ">1\r\n>1\r\n:1\r\n",
		"*1\r\n.\r\n", "*?\r\n*1\r\n.\r\n", "%?\r\n+a\r\n.\r\n", "*?\r\n.x\r\n", "*?\r\n|0\r\n.\r\n", "|0\r\n.\r\n",
		"$??\r\n", "$?1\r\n", "$1?\r\n", "*-?\r\n", "$?\r\n$1\r\na\r\n", "$?\r\n;-1\r\n", "$?\r\n;?\r\n", "$?\r\n;01\r\na\r\n", "$?\r\n.\r\n", "$?\r\n;1\r\naxx",
		strings.Repeat("*1\r\n", maxDepth+1), strings.Repeat("*1\r\n", maxDepth) + "*0\r\n", strings.Repeat("*1\r\n", maxDepth) + "|0\r\n:1\r\n",
		strings.Repeat("*?\r\n", maxDepth+1),
	} {
		if in == "" {
			continue
		}
		for name, piece := range map[string]func() int{"at once": atOnce, "bytes": byteByByte} {
			var f Framer
			got, _, err := frame(&f, []byte(in), piece)
			if err == nil || len(got) != 0 {
				t.Errorf("%.80q %s = %q, %v; want an error", in, name, got, err)
			}
			if err != nil {
				if n, end, again := f.Next([]byte("+OK\r\n")); n != 0 || end || again != err {
					t.Errorf("%.80q: the next call = %d, %v, %v; want the error again", in, n, end, again)
				}
			}
		}
		if got := referenceReply([]byte(in)); got != -1 {
			t.Errorf("the reference says %d for %.80q; want -1", got, in)
		}
	}
}

func TestFramerTellsTheSizeAheadOfTheBytes(t *testing.T) {
	in := "*2\r\n$1000\r\n" + strings.Repeat("x", 1000) + "\r\n:1\r\n"
	for _, c := range []struct {
		end  int
		size int64
	}{{4, 4}, {10, 10}, {11, 1013}, {500, 1013}, {1011, 1013}, {1012, 1013}, {1013, 1013}, {1014, 1014}, {len(in), int64(len(in))}} {
		var f Framer
		if _, _, err := f.Next([]byte(in[:c.end])); err != nil {
			t.Fatal(err)
		}
		if f.Size() != c.size || f.Kind() != '*' || f.Idle() != (c.end == len(in)) {
			t.Errorf("behind %d bytes: size %d, kind %q, idle %v; want %d, '*', %v", c.end, f.Size(), f.Kind(), f.Idle(), c.size, c.end == len(in))
		}
	}
	// The next reply begins anew.
	var f Framer
	for _, in := range []string{"$5\r\nabcde\r\n", ":1\r\n"} {
		if n, end, err := f.Next([]byte(in)); n != len(in) || !end || err != nil || f.Size() != int64(len(in)) {
			t.Errorf("Next(%q) = %d, %v, %v, size %d", in, n, end, err, f.Size())
		}
	}
	// A terabyte is only a number.
	if _, _, err := f.Next([]byte("$1099511627776\r\n")); err != nil || f.Size() != 1<<40+18 {
		t.Errorf("size behind the header of 1 TB = %d, %v", f.Size(), err)
	}
}

func TestFramerKindIsUnknownUntilAttributesHavePassed(t *testing.T) {
	var f Framer
	if f.Kind() != 0 || !f.Idle() {
		t.Errorf("zero value: kind %q, idle %v", f.Kind(), f.Idle())
	}
	for _, c := range []struct {
		in   string
		kind byte
	}{{"|1\r", 0}, {"\n+a\r\n", 0}, {"*1\r\n:1\r\n", 0}, {">", '>'}, {"1\r\n+x", '>'}, {"\r\n", '>'}, {"|", 0}, {"0\r\n:", ':'}} {
		if _, _, err := f.Next([]byte(c.in)); err != nil || f.Kind() != c.kind {
			t.Errorf("behind %q: kind %q, %v; want %q", c.in, f.Kind(), err, c.kind)
		}
	}
}

// Random replies, one behind the other, in random pieces, end where they were put
// together, and where the reference says.
func TestFramerAgreesWithTheReference(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var in []byte
		var want []string
		for range 1 + r.IntN(4) {
			one := randomReply(nil, r, 0)
			if n := referenceReply(one); n != len(one) {
				t.Fatalf("the reference says %d for %q; want %d", n, one, len(one))
			}
			want = append(want, string(one))
			in = append(in, one...)
		}
		var f Framer
		got, rest, err := frame(&f, in, pieces(r.Uint64(), 1+r.IntN(30)))
		if err != nil || rest != 0 || strings.Join(got, "|") != strings.Join(want, "|") {
			t.Fatalf("%q = %q, %d, %v; want %q", in, got, rest, err, want)
		}
	}
}

// One changed byte makes Framer and reference refuse, wait or end together.
func TestFramerAgreesWithTheReferenceOnDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 30000 {
		in := randomReply(nil, r, 2)
		mutate(&in, r, "+-:,(_#$=!*~%|>.;?0123456789\r\ntf\x00")
		checkAgainstReference(t, in, pieces(r.Uint64(), 20))
	}
}

// checkAgainstReference compares on the first reply of in.
func checkAgainstReference(t *testing.T, in []byte, piece func() int) {
	t.Helper()
	want := referenceReply(in)
	var f Framer
	got, at := 0, 0
	for at < len(in) && got == 0 {
		n, end, err := f.Next(in[at:min(at+max(piece(), 1), len(in))])
		at += n
		switch {
		case err != nil:
			got = -1
		case end:
			got = at
		}
	}
	if got != want {
		t.Fatalf("%q = %d (%v); want %d", in, got, f.err, want)
	}
}

// mutate changes, inserts, removes or repeats a few bytes, mostly such as mean
// something.
func mutate(in *[]byte, r *rand.Rand, bytesOf string) {
	b := *in
	for range 1 + r.IntN(3) {
		c := bytesOf[r.IntN(len(bytesOf))]
		if r.IntN(8) == 0 {
			c = byte(r.IntN(256))
		}
		i := r.IntN(len(b) + 1)
		switch r.IntN(4) {
		case 0:
			b = append(b[:i:i], append([]byte{c}, b[i:]...)...)
		case 1:
			if i < len(b) {
				b = append(b[:i:i], b[i+1:]...)
			}
		case 2:
			if i < len(b) {
				b = bytes.Clone(b)
				b[i] = c
			}
		case 3:
			j := min(i+r.IntN(12), len(b))
			b = append(b[:j:j], b[i:]...)
		}
	}
	*in = b
}
