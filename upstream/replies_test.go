package upstream

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// feed gives p to c in pieces, and stops when c has ended, as a loop does.
func feed(c *Conn, p string, cut func(n int) int) {
	for len(p) > 0 && c.state == open {
		n := cut(len(p))
		piece := []byte(p[:n])
		c.Data(piece)
		for i := range piece {
			piece[i] = '?' // a loop's buffer is used again
		}
		p = p[n:]
	}
}

// eachCut runs a test with input in one piece, in bytes and in random pieces.
func eachCut(t *testing.T, f func(t *testing.T, cut func(n int) int)) {
	t.Helper()
	t.Run("whole", func(t *testing.T) { f(t, func(n int) int { return n }) })
	t.Run("bytes", func(t *testing.T) { f(t, func(int) int { return 1 }) })
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 1))
		t.Run(fmt.Sprint("random", seed), func(t *testing.T) { f(t, func(n int) int { return 1 + rng.IntN(n) }) })
	}
}

var someReplies = []string{
	"+OK\r\n", "-ERR no\r\n", "-NOAUTHX\r\n", "-ERR Protocol\r\n", ":12\r\n", "$-1\r\n", "*-1\r\n", "$0\r\n\r\n", "*0\r\n",
	"$12\r\n-NOAUTH x\r\n>\r\n", "*2\r\n$7\r\nmessage\r\n-ERR in it\r\n", "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n",
	"%1\r\n+a\r\n*1\r\n_\r\n", "|1\r\n+a\r\n+b\r\n:1\r\n", "~1\r\n#t\r\n", ",1.5\r\n", "$1000\r\n" + strings.Repeat("x", 1000) + "\r\n",
}

// TestRepliesGoToWhoAsked: many receivers on one pipeline get their replies and
// nothing else, in any cuts.
func TestRepliesGoToWhoAsked(t *testing.T) {
	eachCut(t, func(t *testing.T, cut func(n int) int) {
		rng := rand.New(rand.NewPCG(7, 7))
		q := newQuiet(t)
		c := q.pipeline(resp3)
		takers := make([]taker, 10)
		want := make([]string, len(takers))
		asked := make([]int, len(takers))
		var stream strings.Builder
		for range 1000 {
			who := rng.IntN(len(takers))
			reply := someReplies[rng.IntN(len(someReplies))]
			if rng.IntN(10) == 0 {
				c.SendRun(&takers[who], nil, 2)
				stream.WriteString("+OK\r\n-ERR swallowed\r\n")
			} else {
				c.Send(&takers[who], nil, rng.IntN(3) == 0)
			}
			stream.WriteString(reply)
			want[who] += reply
			asked[who]++
		}
		feed(c, stream.String(), cut)
		for i := range takers {
			r := &takers[i]
			if string(r.got) != want[i] || r.began != asked[i] || r.ended != asked[i] || r.lost != nil {
				t.Errorf("receiver %d got %d replies, %d ended, lost %v, %.200q; want %d, none lost, %.200q",
					i, r.began, r.ended, r.lost, r.got, asked[i], want[i])
			}
		}
		if c.q.len() != 0 || c.state != open || q.failures != nil {
			t.Errorf("%d requests await replies, state %v, failures %v; want none, open, none", c.q.len(), c.state, q.failures)
		}
	})
}

// TestApart: the reply to a request sent apart is not delivered with those before it.
func TestApart(t *testing.T) {
	q := newQuiet(t)
	c := q.pipeline(resp2)
	var r taker
	var seen []int
	r.then = func() { seen = append(seen, r.ended) }
	for _, apart := range []bool{false, false, true, false, true} {
		c.Send(&r, nil, apart)
	}
	c.Data([]byte(":1\r\n:2\r\n:3\r\n:4\r\n:5\r\n"))
	if want := []int{2, 4, 5}; !slices.Equal(seen, want) {
		t.Errorf("replies delivered together end at %v; want %v", seen, want)
	}
}

// poisonous is what must not be on a shared pipeline, behind a good reply.
var poisonous = map[string]string{
	"a push":               ">2\r\n+invalidate\r\n*0\r\n",
	"NOAUTH":               "-NOAUTH Authentication required.\r\n",
	"a protocol error":     "-ERR Protocol error: invalid bulk length\r\n",
	"what is no reply":     "?1\r\n",
	"a bad length":         "$01\r\nx\r\n",
	"a nest without a end": strings.Repeat("*1\r\n", 1000),
}

func TestPoisonedPipelinesEnd(t *testing.T) {
	for name, poison := range poisonous {
		t.Run(name, func(t *testing.T) {
			eachCut(t, func(t *testing.T, cut func(n int) int) {
				q := newQuiet(t)
				c := q.pipeline(resp3)
				var first, second taker
				c.Send(&first, []byte("a"), false)
				c.Send(&second, []byte("b"), false)
				feed(c, "+OK\r\n"+poison+"+OK\r\n", cut)
				if string(first.got) != "+OK\r\n" || first.lost != nil {
					t.Errorf("before the poison came %q, lost %v; want one reply", first.got, first.lost)
				}
				if bytes.Contains(second.got, []byte("+OK")) || bytes.Contains(second.got, []byte("NOAUTH")) || len(second.lost) != 1 {
					t.Errorf("of the poison %.40q was passed on, lost %v; want nothing, and one reply lost", second.got, second.lost)
				}
				if c.state != closed || len(q.active) != 0 || q.limits.shared.Load() != 0 || !slices.Equal(q.failures, []string{"protocol"}) {
					t.Errorf("state %v, %d pipelines in use, failures %v; want closed, 0, protocol", c.state, len(q.active), q.failures)
				}
			})
		})
	}
}

// TestEndlessError: what cannot be told is not kept for ever.
func TestEndlessError(t *testing.T) {
	q := newQuiet(t)
	c := q.pipeline(resp2)
	var r taker
	c.Send(&r, nil, false)
	feed(c, "-"+strings.Repeat("x", 2*maxHold), func(n int) int { return min(n, 10000) })
	if c.state != closed || r.got != nil || len(r.lost) != 1 {
		t.Errorf("state %v, %d bytes passed on, lost %v; want closed, 0, one", c.state, len(r.got), r.lost)
	}
}

func TestUnaskedDataEndsAConnection(t *testing.T) {
	for _, shared := range []bool{true, false} {
		q := newQuiet(t)
		var r taker
		c := q.single(resp2, &r)
		if shared {
			c = q.pipeline(resp2)
		}
		c.Send(&r, nil, false)
		c.Data([]byte("+OK\r\n+OK\r\n"))
		if string(r.got) != "+OK\r\n" || c.state != closed {
			t.Errorf("shared %v: got %q, state %v; want one reply, closed", shared, r.got, c.state)
		}
	}
}

// TestRuns: of a transaction one reply is delivered, and one that could not be
// opened is the end of the connection.
func TestRuns(t *testing.T) {
	for _, tt := range []struct {
		replies, got string
		lost         int
	}{
		{"+OK\r\n+QUEUED\r\n-ERR x\r\n*1\r\n:1\r\n:9\r\n", "*1\r\n:1\r\n:9\r\n", 0},
		{"-ERR MULTI calls can not be nested\r\n+QUEUED\r\n+QUEUED\r\n*0\r\n:9\r\n", "", 2},
		{"$2\r\nOK\r\n+QUEUED\r\n+QUEUED\r\n*0\r\n:9\r\n", "", 2},
		{"+OK\r\n+QUEUED\r\n-NOAUTH x\r\n*0\r\n:9\r\n", "", 2},
	} {
		eachCut(t, func(t *testing.T, cut func(n int) int) {
			q := newQuiet(t)
			c := q.pipeline(resp2)
			var r taker
			c.SendRun(&r, nil, 3)
			c.Send(&r, nil, true)
			feed(c, tt.replies, cut)
			if string(r.got) != tt.got || len(r.lost) != tt.lost || c.q.len() != 0 {
				t.Errorf("%q: delivered %q, lost %v, %d awaited; want %q, %d lost, 0", tt.replies, r.got, r.lost, c.q.len(), tt.got, tt.lost)
			}
		})
	}
}

// TestRefusedMany: one error in place of many replies ends them all, and no more.
func TestRefusedMany(t *testing.T) {
	eachCut(t, func(t *testing.T, cut func(n int) int) {
		for _, key := range []Key{resp2, resp3} {
			q := newQuiet(t)
			var r taker
			c := q.single(key, &r)
			c.SetSubscriber(true)
			c.SendMany(&r, nil, 3)
			c.Send(&r, nil, false)
			c.Send(&r, nil, false)
			feed(c, "-NOPERM no\r\n+PONG\r\n", cut)
			if r.began != 4 || r.ended != 4 || r.refused != 1 || c.q.len() != 1 || c.state != open {
				t.Errorf("%d replies began, %d ended, %d refused, %d requests are open; want 4, 4, 1, 1", r.began, r.ended, r.refused, c.q.len())
			}
			if string(r.got) != "-NOPERM no\r\n+PONG\r\n" {
				t.Errorf("delivered %q; want both", r.got)
			}
		}
	})
}

// TestMessages: what is for nobody's request goes to the owner as a push.
func TestMessages(t *testing.T) {
	for _, tt := range []struct {
		key  Key
		mark string
	}{{resp2, "*"}, {resp3, ">"}} {
		eachCut(t, func(t *testing.T, cut func(n int) int) {
			q := newQuiet(t)
			var r taker
			c := q.single(tt.key, &r)
			c.SetSubscriber(true)
			message := tt.mark + "3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n"
			pmessage := tt.mark + "4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\na\r\n$5\r\nhello\r\n"
			confirm := tt.mark + "3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
			pong := "*2\r\n$4\r\npong\r\n$0\r\n\r\n"
			gone := tt.mark + "3\r\n$12\r\nsunsubscribe\r\n$1\r\na\r\n:0\r\n"
			c.SendMany(&r, nil, 2)
			feed(c, message+confirm+message+pmessage+confirm+message, cut)
			c.Send(&r, nil, false)
			feed(c, message+pong+gone, cut)
			if want := confirm + confirm + pong; string(r.got) != want || r.ended != 3 {
				t.Errorf("replies %q; want %q", r.got, want)
			}
			if want := message + message + pmessage + message + message + gone; string(r.pushed) != want || r.pushes != 6 {
				t.Errorf("%d pushes %q; want 6, %q", r.pushes, r.pushed, want)
			}
			if c.state != open || c.q.len() != 0 {
				t.Errorf("state %v, %d awaited; want open, 0", c.state, c.q.len())
			}
			if tt.key == resp2 { // not subscribed any more, so this is a reply
				c.SetSubscriber(false)
				c.Send(&r, nil, false)
				feed(c, message, cut)
				if r.ended != 4 || c.q.len() != 0 {
					t.Errorf("%d replies have ended; want 4", r.ended)
				}
			}
		})
	}
}

// TestDedicatedConnectionPassesProtocolErrors, since they are the answer to its own
// client's request, and Redis ends it.
func TestDedicatedConnectionPassesProtocolErrors(t *testing.T) {
	eachCut(t, func(t *testing.T, cut func(n int) int) {
		q := newQuiet(t)
		var r taker
		c := q.single(resp2, &r)
		c.Send(&r, nil, false)
		feed(c, "-ERR Protocol error: invalid bulk length\r\n", cut)
		if r.ended != 1 || c.state != open {
			t.Fatalf("%d replies, state %v; want 1, open", r.ended, c.state)
		}
		q.Release(c, true)
		if c.state != closed || len(q.idle) != 0 {
			t.Errorf("a connection on which Redis gave up is kept: state %v, %d idle; want closed, 0", c.state, len(q.idle))
		}
	})
}

// TestLargeReplyRetires: nobody new comes to wait behind it, those who are there
// are served, and then it ends.
func TestLargeReplyRetires(t *testing.T) {
	q := newQuiet(t)
	c := q.pipeline(resp2)
	var big, small taker
	c.Send(&big, nil, false)
	c.Send(&small, nil, false)
	c.Data([]byte("$1048564\r\n"))
	if c.Retired() || big.large != 0 {
		t.Error("a reply of 1 MB retires a pipeline")
	}
	c.Data(append(bytes.Repeat([]byte("x"), 1048564), "\r\n:1\r\n"...))
	c.Send(&big, nil, false)
	c.Send(&small, nil, false)
	c.Data([]byte("$1048565\r\n"))
	if !c.Retired() || c.Usable() || big.large != 1 || len(q.active) != 0 {
		t.Errorf("a reply of over 1 MB: retired %v, usable %v, told %d, %d pipelines in use; want true, false, 1, 0",
			c.Retired(), c.Usable(), big.large, len(q.active))
	}
	if s, d := q.limits.InUse(); s != 0 || d != 1 {
		t.Errorf("InUse() = %d, %d; want 0 shared, 1 dedicated", s, d)
	}
	c.Data(bytes.Repeat([]byte("x"), 1048565))
	if c.state != open {
		t.Errorf("state %v; want open: a reply is owed", c.state)
	}
	c.Data([]byte("\r\n:2\r\n"))
	if string(small.got) != ":1\r\n:2\r\n" || c.state != closed || small.lost != nil {
		t.Errorf("behind it came %q, lost %v, state %v; want both replies, closed", small.got, small.lost, c.state)
	}
	if s, d := q.limits.InUse(); s != 0 || d != 0 {
		t.Errorf("InUse() = %d, %d; want 0, 0", s, d)
	}
}

// TestReleaseWithinAReply closes the connection while its bytes are being read.
func TestReleaseWithinAReply(t *testing.T) {
	for _, clean := range []bool{true, false} {
		q := newQuiet(t)
		var r taker
		c := q.single(resp2, &r)
		r.then = func() { q.Release(c, clean) }
		c.Send(&r, nil, false)
		c.Data([]byte("+OK\r\n+unasked\r\n"))
		if string(r.got) != "+OK\r\n" || r.lost != nil || c.state != closed || len(q.idle) != 0 || q.limits.dedicated.Load() != 0 {
			t.Errorf("clean %v: got %q, lost %v, state %v, %d idle, %d in use; want one reply, none, closed, 0, 0",
				clean, r.got, r.lost, c.state, len(q.idle), q.limits.dedicated.Load())
		}
	}
}

// TestAnErrorThatQuotesItsRequestIsNoPoison: of -NOGROUP, for one, all of a key and of a
// group are a part, and a request of 64 KB may be on a shared pipeline.
func TestAnErrorThatQuotesItsRequestIsNoPoison(t *testing.T) {
	eachCut(t, func(t *testing.T, cut func(int) int) {
		q := newQuiet(t)
		c := q.pipeline(Key{0, 2})
		var r taker
		c.Send(&r, request("GET", "a"), false)
		answer := "-NOGROUP No such consumer group '" + strings.Repeat("g", 64<<10) + "' for key name 'k'\r\n"
		feed(c, answer[:len(answer)-3], cut)
		feed(c, answer[len(answer)-3:], cut)
		if string(r.got) != answer || !c.Usable() {
			t.Errorf("%d bytes came of %d, lost %v", len(r.got), len(answer), r.lost)
		}
	})
}
