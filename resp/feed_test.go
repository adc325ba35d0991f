package resp

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
)

// request is one request that a parser has taken out.
type request struct {
	raw    []byte
	args   [][]byte
	inline bool
}

// feed parses in, which arrives in pieces. Each piece comes with a new buffer,
// and the old one is overwritten, so that nothing may be remembered in it. err is
// nil if in ends with a request.
func feed(p *Parser, in []byte, lim *Limits, piece func() int) (got []request, err error) {
	var buf []byte
	for len(in) > 0 {
		k := min(max(piece(), 1), len(in))
		moved := append(bytes.Clone(buf), in[:k]...)
		for i := range buf {
			buf[i] = '#'
		}
		buf, in = moved, in[k:]
		for {
			n, err := p.Next(buf, lim)
			if errors.Is(err, ErrIncomplete) {
				break
			}
			if err != nil {
				return got, err
			}
			r := request{raw: bytes.Clone(buf[:n]), inline: p.Inline()}
			for _, arg := range p.Args() {
				r.args = append(r.args, bytes.Clone(arg))
			}
			got = append(got, r)
			buf = buf[n:]
		}
	}
	if len(buf) > 0 {
		return got, ErrIncomplete
	}
	return got, nil
}

// feedStream does the same with a Stream. It knows only where requests end.
func feedStream(s *Stream, in []byte, lim *Limits, piece func() int) (got [][]byte, err error) {
	var raw []byte
	for len(in) > 0 {
		k := min(max(piece(), 1), len(in))
		part := bytes.Clone(in[:k])
		in = in[k:]
		for len(part) > 0 {
			n, done, err := s.Next(part, lim)
			if err != nil {
				return got, err
			}
			raw = append(raw, part[:n]...)
			part = part[n:]
			if done {
				got = append(got, raw)
				raw = nil
			}
		}
	}
	if len(raw) > 0 {
		return got, ErrIncomplete
	}
	return got, nil
}

func atOnce() int { return 1 << 30 }

func byteByByte() int { return 1 }

// pieces returns lengths from 1 to most, the same for the same seed.
func pieces(seed uint64, most int) func() int {
	r := rand.New(rand.NewPCG(seed, 1))
	return func() int { return 1 + r.IntN(most) }
}

// verdictOf is the end of a conversation as the corpus writes it.
func verdictOf(err error) string {
	var p *ProtocolError
	switch {
	case err == nil:
		return accepted
	case errors.Is(err, ErrIncomplete):
		return incomplete
	case errors.As(err, &p):
		return strings.TrimPrefix(p.text, "Protocol error: ")
	}
	return "unexpected: " + err.Error()
}

// sameRequests says how two results differ, or "".
func sameRequests(a, b []request) string {
	if len(a) != len(b) {
		return fmt.Sprintf("%d requests and %d", len(a), len(b))
	}
	for i := range a {
		if !bytes.Equal(a[i].raw, b[i].raw) || a[i].inline != b[i].inline || !sameArgs(a[i].args, b[i].args) {
			return fmt.Sprintf("request %d: %.200q of %.200q and %.200q of %.200q", i, a[i].args, a[i].raw, b[i].args, b[i].raw)
		}
	}
	return ""
}

func sameArgs(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}
