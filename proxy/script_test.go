package proxy

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/redcon"

	"redisgate/resp"
)

// A script is a conversation, one step a line:
//
//	C GET a           the client sends a request; "quoted words" and @70000, so many bytes, may be arguments
//	C! "raw bytes"    the client sends bytes
//	U S1 GET a        link S1 was sent this request next (S1, S2 ... are shared, D1, D2 ... dedicated, in order of making)
//	U! S1 "raw"       link S1 was sent these bytes next
//	U* S1             link S1 was sent something, no matter what
//	R S1 +OK          Redis answers on S1: a line, =text for a bulk string, or "raw bytes"
//	A S1 [n]          Redis answers what it was asked on S1, or n of it
//	P D1 ch text      Redis sends a message to a subscriber
//	P! D1 "raw"       Redis sends a part of a push; the next P! or P!. goes on with it, P!. ends it
//	L S1              S1 is lost, and L- S1 before anything sent on it has left
//	F S1              S1 is full, and F- S1 has room again
//	G +OK             the client has got this next, written as for R
//	N                 nobody has got anything else
//	T 10s             time passes
//	W name [told]     the users are exchanged for those of that name, and sessions are told of it
//	B                 the client does not read any more, and B- reads again
//	E                 the client half-closes, and E! is gone
//	X reason          the session has ended, for that reason
//
// Steps of the client that follow each other are also tried as one, and all
// bytes of both sides in several cuts.
type script struct {
	text  string
	whole bool // bytes come as they are written, for what is long
	setup func(*world)
	sets  map[string]map[string]string // for W
}

// player is a script being played.
type player struct {
	script
	t    *testing.T
	w    *world
	p    *peer
	line string
	join bool // steps of the client come at once
	half map[*fakeLink]bool
}

func (sc script) play(t *testing.T) {
	t.Helper()
	cuts := map[string]func(int) int{
		"whole": pieces,
		"bytes": func(int) int { return 1 },
	}
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 0))
		cuts[fmt.Sprint("random", seed)] = func(n int) int { return 1 + rng.IntN(min(n, 1+rng.IntN(n))) }
	}
	for name, cut := range cuts {
		if sc.whole && name != "whole" {
			continue
		}
		for _, join := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s,join=%v", name, join), func(t *testing.T) {
				pl := &player{script: sc, t: t, w: newWorld(t), join: join, half: map[*fakeLink]bool{}}
				pl.w.cut = cut
				if sc.setup != nil {
					sc.setup(pl.w)
				}
				pl.p = pl.w.connect()
				pl.w.settle()
				pl.run()
			})
		}
	}
}

func (pl *player) run() {
	pl.t.Helper()
	ended := false
	for line := range strings.Lines(pl.text) {
		pl.line = strings.TrimSpace(line)
		if pl.line == "" || pl.line[0] == '#' {
			continue
		}
		verb, rest, _ := strings.Cut(pl.line, " ")
		if verb[0] != 'C' {
			pl.w.settle()
		}
		ended = ended || verb == "X" || verb == "E!"
		pl.step(verb, strings.TrimSpace(rest))
		if verb[0] != 'C' || !pl.join {
			pl.w.settle()
		}
		if pl.t.Failed() {
			pl.t.Fatalf("at %q", pl.line)
		}
	}
	pl.line = "the end"
	pl.nothing()
	if pl.p.closed != ended {
		pl.t.Errorf("the session has ended = %v; want %v", pl.p.closed, ended)
	}
	pl.w.end()
}

func (pl *player) step(verb, rest string) {
	pl.t.Helper()
	name, arg, _ := strings.Cut(rest, " ")
	arg = strings.TrimSpace(arg)
	switch verb {
	case "C":
		pl.p.unsent = append(pl.p.unsent, resp.AppendCommand(nil, words(rest)...)...)
	case "C!":
		pl.p.unsent = append(pl.p.unsent, words(rest)[0]...)
	case "U":
		pl.upstream(name, resp.AppendCommand(nil, words(arg)...))
	case "U!":
		pl.upstream(name, []byte(words(arg)[0]))
	case "U*":
		pl.link(name).sent = nil
	case "R":
		l := pl.link(name)
		if len(l.redis.asked) > 0 && arg[0] != '-' {
			l.redis.reply(l.redis.asked[0])
		}
		l.redis.asked = l.redis.asked[min(1, len(l.redis.asked)):]
		l.inbox = append(l.inbox, frames{p: reply(arg)})
	case "A":
		n, err := strconv.Atoi(arg)
		if err != nil {
			n = 1 << 30
		}
		l := pl.link(name)
		l.redis.answer(l, n)
	case "P":
		ch, text, _ := strings.Cut(arg, " ")
		l := pl.link(name)
		l.inbox = append(l.inbox, frames{push: true, p: l.redis.message(ch, text)})
	case "P!", "P!.":
		pl.link(name).owner.Push([]byte(words(arg)[0]), verb == "P!.")
	case "L", "L-":
		l := pl.link(name)
		l.unreached = verb == "L-"
		l.lose()
	case "F":
		pl.link(name).full = true
	case "F-":
		pl.link(name).room()
	case "G":
		pl.get(reply(rest))
	case "N":
		pl.nothing()
	case "T":
		d, err := time.ParseDuration(rest)
		if err != nil {
			pl.t.Fatal(err)
		}
		pl.w.pass(d)
	case "W":
		pl.w.set = buildUsers(pl.t, pl.sets[name], pl.w.set)
		if arg == "told" {
			pl.p.s.usersChanged(&pl.w.told)
		}
	case "B", "B-":
		pl.p.blind = verb == "B"
	case "E":
		pl.p.leaving = true
	case "E!":
		pl.p.s.gone("client")
	case "X":
		if !pl.p.closed || pl.p.s.reason != rest {
			pl.t.Errorf("the session has ended = %v, reason %q; want true, %q", pl.p.closed, pl.p.s.reason, rest)
		}
	default:
		pl.t.Fatalf("%q is no step", pl.line)
	}
}

func (pl *player) link(name string) *fakeLink {
	pl.t.Helper()
	for _, l := range pl.w.links() {
		if l.name == name {
			return l
		}
	}
	pl.t.Fatalf("at %q: there is no link %s", pl.line, name)
	return nil
}

func (pl *player) upstream(name string, want []byte) {
	pl.t.Helper()
	l := pl.link(name)
	if !bytes.HasPrefix(l.sent, want) {
		pl.t.Fatalf("at %.80q: %s was sent %.200q; want %.200q", pl.line, name, l.sent, want)
	}
	l.sent = l.sent[len(want):]
}

func (pl *player) get(want []byte) {
	pl.t.Helper()
	if !bytes.HasPrefix(pl.p.got, want) {
		pl.t.Fatalf("at %.80q: the client got %.200q; want %.200q", pl.line, pl.p.got, want)
	}
	pl.p.got = pl.p.got[len(want):]
}

func (pl *player) nothing() {
	pl.t.Helper()
	if len(pl.p.got) > 0 {
		pl.t.Fatalf("at %q: the client got %.200q too", pl.line, pl.p.got)
	}
	for _, l := range pl.w.links() {
		if len(l.sent) > 0 {
			pl.t.Fatalf("at %q: %s was sent %.200q too", pl.line, l.name, l.sent)
		}
	}
}

func request(args ...string) []byte { return resp.AppendCommand(nil, args...) }

// words splits the arguments of a step.
func words(s string) (out []string) {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] == '"' {
			q, err := strconv.QuotedPrefix(s)
			if err != nil {
				panic(s)
			}
			word, _ := strconv.Unquote(q)
			out, s = append(out, word), s[len(q):]
			continue
		}
		word, rest, _ := strings.Cut(s, " ")
		if n, err := strconv.Atoi(strings.TrimPrefix(word, "@")); err == nil && word[0] == '@' {
			word = strings.Repeat("v", n)
		}
		out, s = append(out, word), rest
	}
	return out
}

// reply is what R and G mean by their argument.
func reply(s string) []byte {
	switch {
	case strings.HasPrefix(s, `"`):
		return []byte(words(s)[0])
	case strings.HasPrefix(s, "=@"):
		return redcon.AppendBulkString(nil, words(s[1:])[0])
	case strings.HasPrefix(s, "="):
		return redcon.AppendBulkString(nil, s[1:])
	}
	return []byte(s + "\r\n")
}

// as begins a script with a user who has logged in.
func as(user, text string) string { return "C AUTH " + user + " secret\nG +OK\n" + text }
