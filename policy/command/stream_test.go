package command

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// What may stream is judged by its head, so the head must use at least what the whole request uses, whatever follows.
func TestHeadUsesWhatTheWholeUses(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	words := []string{"GET", "get", "STORE", "k", "1", "EX", "IFEQ", "NX", "BLOCK", "DB", "*", "", "GET\x00"}
	for _, c := range All() {
		if c.StreamFrom() == 0 {
			continue
		}
		if c.Route != RouteShared {
			t.Errorf("%s may stream and is %v; want shared", c.Name, c.Route)
		}
		for range 300 {
			args := request(c.Name)
			if p := c.Parent(); p != nil {
				args = [][]byte{[]byte(p.Name), []byte(c.Name[len(p.Name)+1:])}
			}
			n := max(c.Arity, -c.Arity)
			if c.Arity < 0 {
				n += rng.IntN(5)
			}
			for len(args) < n {
				args = append(args, []byte(words[rng.IntN(len(words))]))
			}
			if len(args) <= c.StreamFrom() {
				continue
			}
			var head, whole Uses
			if err := c.ParseHead(args[:c.StreamFrom()], len(args), &head); err != nil {
				t.Fatalf("ParseHead(%q, %d) = %v; want no error", args[:c.StreamFrom()], len(args), err)
			}
			if err := c.Parse(args, &whole); err != nil {
				continue
			}
			if len(whole.Databases) > 0 || whole.Blocks || whole.SortBy || whole.SortGet || len(whole.Keys) != len(head.Keys) ||
				fmt.Sprint(whole.Channels) != fmt.Sprint(head.Channels) {
				t.Fatalf("%q uses %v; its head %v", args, &whole, &head)
			}
			for i, k := range whole.Keys {
				if h := head.Keys[i]; h.Arg != k.Arg || h.Need&k.Need != k.Need || h.Arg >= c.StreamFrom() {
					t.Fatalf("%q uses %v; its head %v", args, &whole, &head)
				}
			}
		}
	}
}

func TestWhatStreams(t *testing.T) {
	for name, want := range map[string]int{
		"set": 2, "setex": 2, "append": 2, "publish": 2, "hset": 2, "rpush": 2, "restore": 2, "echo": 1, "xadd": 2, "linsert": 2, "getset": 2,
		"mset": 0, "eval": 0, "sort": 0, "copy": 0, "xread": 0, "del": 0, "subscribe": 0, "bitfield": 0, "msetex": 0, "config|set": 0,
	} {
		if got := ByName(name).StreamFrom(); got != want {
			t.Errorf("%s streams from %d; want %d", name, got, want)
		}
	}
}

func TestParseHeadRefusesTooLittle(t *testing.T) {
	var u Uses
	for _, tt := range []struct {
		head string
		argc int
	}{{"set", 3}, {"set k", 2}, {"get k", 3}, {"mset k", 3}, {"eval s", 9}} {
		name, _, _ := strings.Cut(tt.head, " ")
		c := ByName(name)
		if err := c.ParseHead(request(tt.head), tt.argc, &u); err != errIncomplete {
			t.Errorf("ParseHead(%q, %d) = %v; want %v", tt.head, tt.argc, err, errIncomplete)
		}
	}
}

// FuzzParse: whatever the arguments, Parse returns, and what it names exists.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"SET k v GET", "SORT k STORE d", "XREADGROUP GROUP g c STREAMS a >", "EVAL s 1 k", "MIGRATE h 1  0 0 KEYS a", "ZUNIONSTORE d 1 a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		args := request(s)
		c, failure := Lookup(args)
		if failure != Found {
			_ = failure.AppendText(nil, c, args)
			return
		}
		var u Uses
		if c.Parse(args, &u) != nil {
			return
		}
		for _, k := range u.Keys {
			if k.Arg < 1 || k.Arg >= len(args) {
				t.Fatalf("Parse(%q) names key %d of %d arguments", s, k.Arg, len(args))
			}
		}
		for _, ch := range u.Channels {
			if ch.Arg < 1 || ch.Arg >= len(args) {
				t.Fatalf("Parse(%q) names channel %d of %d arguments", s, ch.Arg, len(args))
			}
		}
	})
}
