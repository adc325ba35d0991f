package resp

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/tidwall/redcon"
)

// Where redcon is right, it is an oracle. It is not asked
//   - for what Parser refuses: redcon accepts more (see the tests of its faults)
//     and panics on some of it;
//   - for arrays of no arguments, which its reader refuses and Redis skips;
//   - for inline commands with quotes, where it knows neither \xHH nor a quote
//     within a word, nor any blank but a space; and for "$..." lines, which it
//     takes for another protocol.
func TestParserAgreesWithRedcon(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	compared, unfinished := 0, 0
	for range 50000 {
		in := randomDamage(randomStream(r), r)
		var p Parser
		for len(in) > 0 {
			n, err := p.Next(in, testLimits())
			if err == ErrIncomplete && in[0] == '*' {
				complete, _, _, left, err := redcon.ReadNextCommand(in, nil)
				if complete || err == nil && len(left) != len(in) {
					t.Fatalf("ReadNextCommand(%q) is complete; Parser wants more", in)
				}
				unfinished++
			}
			if err != nil {
				break
			}
			if plainFor(in[:n]) && len(p.Args()) > 0 {
				complete, args, _, left, err := redcon.ReadNextCommand(in, nil)
				if !complete || err != nil || !sameArgs(args, p.Args()) || len(in)-len(left) != n {
					t.Fatalf("ReadNextCommand(%q) = %v, %q, %d left, %v; Parser says %q, %d", in, complete, args, len(left), err, p.Args(), n)
				}
				if cmd, err := redcon.Parse(in[:n]); err != nil || !sameArgs(cmd.Args, p.Args()) {
					t.Fatalf("redcon.Parse(%q) = %q, %v; Parser says %q", in[:n], cmd.Args, err, p.Args())
				}
				compared++
			}
			in = in[n:]
		}
	}
	if compared < 20000 || unfinished < 1000 {
		t.Errorf("compared %d requests and %d unfinished ones; want more", compared, unfinished)
	}
}

// plainFor says whether redcon reads raw by Redis's rules.
func plainFor(raw []byte) bool {
	line := bytes.TrimSuffix(raw, []byte("\r\n"))
	return raw[0] == '*' || raw[0] != '$' && !bytes.ContainsAny(line, "\"'\t\v\f\r")
}

// ReadNextRESP is right on whole replies of RESP2.
func TestFramerAgreesWithRedcon(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	compared := 0
	for range 20000 {
		in := randomReply(nil, r, 0)
		if bytes.ContainsAny(in, "?|,(_#!=~%>") {
			continue
		}
		n, _ := redcon.ReadNextRESP(in)
		var f Framer
		if got, end, err := f.Next(in); got != n || !end || err != nil {
			t.Fatalf("Next(%q) = %d, %v, %v; ReadNextRESP says %d", in, got, end, err, n)
		}
		compared++
	}
	if compared < 1000 {
		t.Errorf("compared %d replies; want more", compared)
	}
}
