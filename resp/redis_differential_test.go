package resp

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Byte streams go to a real Redis as they are, and as what Parser makes of them:
// canonical requests and a protocol error. The answers must be the same.
//
// Parser is stricter in these, where the answers are the same up to the error:
//   - the byte behind the CR of a header, and the two behind a payload, must be
//     LF and CRLF. Redis skips them whatever they are.
//   - a NUL in an inline command or a header is an error at the end of the line.
//     Redis waits for 64 KB, since strchr does not see the line end.
//   - a line over 64 KB is always an error. Redis lets it pass if it comes in few
//     reads.
//   - counts, lengths and sizes over Limits, which may be below Redis's own.

// sameAnswers compares one stream and says whether Parser took all of it.
func sameAnswers(t *testing.T, s *redisServer, name string, in []byte, lim *Limits) (requests int, err error) {
	t.Helper()
	var p Parser
	got, err := feed(&p, in, lim, atOnce)
	var canonical []byte
	for _, r := range got {
		if len(r.args) > 0 {
			canonical = AppendRequest(canonical, r.args...)
			requests++
		}
	}
	s.talk([]byte("FLUSHALL\n"))
	have := s.talk(in)
	s.talk([]byte("FLUSHALL\n"))
	want := s.talk(canonical)

	var refused *ProtocolError
	if errors.As(err, &refused) {
		if refused.stricter {
			if len(have) < len(want) || !slices.Equal(have[:len(want)], want) {
				t.Errorf("%s: Redis answers %.300q to %.300q; want it to begin with %.300q", name, have, in, want)
			}
			return requests, err
		}
		want = append(want, "-ERR "+refused.Error()+"\r\n")
	}
	if !slices.Equal(have, want) {
		t.Errorf("%s: Redis answers %.300q to %.300q; want %.300q", name, have, in, want)
	}
	return requests, err
}

func TestHostileInputHasTheAnswersOfRedis(t *testing.T) {
	for _, c := range []struct {
		name   string
		server *redisServer
		lim    *Limits
	}{
		{"authenticated", startRedis(t), testLimits()},
		{"unauthenticated", startRedis(t, "--requirepass", "secret"), preAuth()},
	} {
		for _, h := range hostile {
			if c.lim.Unauthenticated && h.name == "as long as may be" {
				// The canonical form of an inline argument over 16384 bytes is
				// over Redis's own limit for arrays before authentication.
				continue
			}
			sameAnswers(t, c.server, c.name+", "+h.name, []byte(h.in), c.lim)
		}
	}
}

func TestRandomInputHasTheAnswersOfRedis(t *testing.T) {
	rounds := 1500
	if testing.Short() {
		rounds = 200
	}
	for _, c := range []struct {
		name   string
		server *redisServer
		lim    *Limits
	}{
		{"authenticated", startRedis(t), testLimits()},
		{"unauthenticated", startRedis(t, "--requirepass", "secret"), preAuth()},
	} {
		r := rand.New(rand.NewPCG(9, 10))
		ends := map[string]int{}
		for range rounds {
			in := randomDamage(randomStream(r), r)
			requests, err := sameAnswers(t, c.server, c.name, in, c.lim)
			if requests > 0 {
				ends["requests"]++
			}
			ends[verdictOf(err)]++
			if t.Failed() {
				return
			}
		}
		// Streams that all end the same way would show little.
		for _, end := range []string{"requests", accepted, incomplete, "invalid multibulk length", "invalid bulk length", "unbalanced quotes in request"} {
			if ends[end] < rounds/100 {
				t.Errorf("%s: %d of %d streams end with %q; want more: %v", c.name, ends[end], rounds, end, ends)
			}
		}
	}
}

// The texts that depend on how Redis reads are exact where no line end comes.
func TestTooBigLinesHaveTheAnswersOfRedis(t *testing.T) {
	s := startRedis(t)
	long := strings.Repeat("1", 3*maxLine)
	for _, in := range []string{long, "*" + long, "*1\r\n$" + long, "*1\r\n" + long, "\x00" + long, "*\x00" + long} {
		var p Parser
		_, err := feed(&p, []byte(in), testLimits(), pieces(11, 16<<10))
		want := []string{"-ERR " + err.Error() + "\r\n"}
		if got := s.talk([]byte(in)); !slices.Equal(got, want) {
			t.Errorf("Redis answers %q to %.20q...; want %q", got, in, want)
		}
	}
}

// The stricter checks are needed: Redis really reads on in each of these.
func TestRedisIsLessStrict(t *testing.T) {
	s := startRedis(t)
	for _, in := range []string{
		"*1\rx$4\r\nPING\r\n",
		"*1\r\n$4\rxPING\r\n",
		"*1\r\n$4\r\nPINGxx",
	} {
		if got := s.talk([]byte(in)); !slices.Equal(got, []string{"+PONG\r\n"}) {
			t.Errorf("Redis answers %q to %q; want +PONG: then Parser may accept it too", got, in)
		}
		var p Parser
		var refused *ProtocolError
		if _, err := p.Next([]byte(in), testLimits()); !errors.As(err, &refused) || !refused.stricter {
			t.Errorf("Next(%q) = %v; want a stricter error", in, err)
		}
	}
}
