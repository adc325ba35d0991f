package resp

import (
	"bytes"
	"testing"
)

// seedSize keeps the seeds short: with one of 64 KB the fuzzer spends its time
// making that one smaller. TestHostileInput... has the long ones.
const seedSize = 1000

// seedRequests adds the hostile corpus and some good streams, each with a seed
// for how it is cut, before and after authentication.
func seedRequests(f *testing.F) {
	add := func(in []byte, cuts int) {
		if len(in) <= seedSize {
			f.Add(in, uint64(cuts), true)
			f.Add(in, uint64(cuts), false)
		}
	}
	for i, h := range hostile {
		add([]byte(h.in), i)
	}
	for name, in := range shapes() {
		add(in, len(name))
	}
}

func fuzzLimits(loggedIn bool) *Limits {
	if loggedIn {
		return &Limits{Arguments: 1000, Bulk: 1 << 20, Request: 2 << 20}
	}
	return preAuth()
}

// The same bytes give the same requests and the same error in any cuts, and the
// parser panics on none.
func FuzzParserInAnyCuts(f *testing.F) {
	seedRequests(f)
	f.Fuzz(func(t *testing.T, in []byte, cuts uint64, loggedIn bool) {
		lim := fuzzLimits(loggedIn)
		var whole, cut Parser
		want, wantErr := feed(&whole, in, lim, atOnce)
		most := 1 + int(cuts%64)
		got, err := feed(&cut, in, lim, pieces(cuts, max(most, len(in)/200)))
		if d := sameRequests(want, got); d != "" || verdictOf(err) != verdictOf(wantErr) {
			t.Fatalf("%q in pieces = %q; at once %q; %s", in, verdictOf(err), verdictOf(wantErr), d)
		}
	})
}

// A Stream ends requests where a Parser does, and refuses what it refuses.
func FuzzStreamAgainstParser(f *testing.F) {
	seedRequests(f)
	f.Fuzz(func(t *testing.T, in []byte, cuts uint64, loggedIn bool) {
		lim := fuzzLimits(loggedIn)
		var p Parser
		var s Stream
		want, wantErr := feed(&p, in, lim, atOnce)
		got, err := feedStream(&s, in, lim, pieces(cuts, max(1+int(cuts%64), len(in)/200)))
		if len(got) != len(want) || verdictOf(err) != verdictOf(wantErr) {
			t.Fatalf("Stream of %q = %d, %q; Parser %d, %q", in, len(got), verdictOf(err), len(want), verdictOf(wantErr))
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i].raw) {
				t.Fatalf("Stream of %q: request %d is %q; Parser says %q", in, i, got[i], want[i].raw)
			}
		}
	})
}

// What is accepted as an array is spelled in the one way there is: the arguments
// encode to the same bytes. And what an inline command is encoded to is parsed to
// the same arguments.
func FuzzRequestRoundTrip(f *testing.F) {
	seedRequests(f)
	f.Fuzz(func(t *testing.T, in []byte, cuts uint64, loggedIn bool) {
		var p Parser
		got, _ := feed(&p, in, fuzzLimits(loggedIn), pieces(cuts, len(in)+1))
		for _, r := range got {
			if len(r.args) == 0 {
				continue
			}
			encoded := AppendRequest(nil, r.args...)
			if !r.inline && !bytes.Equal(encoded, r.raw) {
				t.Fatalf("%q is parsed to %q, which encodes to %q", r.raw, r.args, encoded)
			}
			var again Parser
			n, err := again.Next(encoded, testLimits())
			if n != len(encoded) || err != nil || again.Inline() || !sameArgs(again.Args(), r.args) {
				t.Fatalf("%q encodes to %q, which is parsed to %q, %v", r.args, encoded, again.Args(), err)
			}
		}
	})
}

// Inline lines of any bytes: quoting what came out gives the same again, no
// argument is longer than the line, and the counted arguments are those split.
func FuzzInline(f *testing.F) {
	for _, h := range hostile {
		if h.in[0] != '*' && len(h.in) <= seedSize {
			line, _, _ := bytes.Cut([]byte(h.in), []byte{'\n'})
			f.Add(line)
		}
	}
	f.Add([]byte(`GET "\x4`))
	f.Add([]byte(`'\'' "\"" a"b"`))
	f.Add([]byte("a\vb\f\"\"\v''"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') >= 0 || len(line) > 0 && line[0] == '*' {
			return
		}
		var p Parser
		n, err := p.Next(append(bytes.Clone(line), '\n'), testLimits())
		if err != nil {
			return
		}
		if n != len(line)+1 || !p.Inline() {
			t.Fatalf("Next(%q) = %d, inline %v", line, n, p.Inline())
		}
		total := 0
		quoted := []byte{}
		for _, arg := range p.Args() {
			total += len(arg)
			quoted = appendQuoted(quoted, arg)
		}
		if total > len(line) {
			t.Fatalf("%q is split into %q, which is longer", line, p.Args())
		}
		want := cloneArgs(p.Args())
		if len(quoted) > maxLine {
			return
		}
		if _, err := p.Next(append(quoted, '\n'), testLimits()); err != nil || !sameArgs(p.Args(), want) {
			t.Fatalf("%q is split into %q; quoted, %q, into %q, %v", line, want, quoted, p.Args(), err)
		}
	})
}

// appendQuoted appends arg so that sdssplitargs reads it back.
func appendQuoted(dst, arg []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, ' ', '"')
	for _, c := range arg {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

func cloneArgs(args [][]byte) [][]byte {
	c := make([][]byte, len(args))
	for i := range args {
		c[i] = bytes.Clone(args[i])
	}
	return c
}

// Replies end in the same places in any cuts, and the first one where the
// recursive reference says.
func FuzzFramer(f *testing.F) {
	for i, r := range replies {
		if len(r.in) <= seedSize/5 { // not the deep ones
			f.Add([]byte(r.in+r.in), uint64(i))
		}
	}
	for i, h := range hostile {
		if len(h.in) <= seedSize {
			f.Add([]byte(h.in), uint64(i))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, cuts uint64) {
		var whole, cut Framer
		want, wantRest, wantErr := frame(&whole, in, atOnce)
		got, rest, err := frame(&cut, in, pieces(cuts, 1+int(cuts%64)))
		if len(got) != len(want) || rest != wantRest || err != wantErr || whole.Size() != cut.Size() || whole.Kind() != cut.Kind() {
			t.Fatalf("%q in pieces = %q, %d, %v, %d, %q; at once %q, %d, %v, %d, %q",
				in, got, rest, err, cut.Size(), cut.Kind(), want, wantRest, wantErr, whole.Size(), whole.Kind())
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%q: reply %d is %q; at once %q", in, i, got[i], want[i])
			}
		}
		if len(in) > 0 && len(in) < 1<<16 {
			checkAgainstReference(t, in, pieces(cuts, 100))
		}
	})
}
