package policy

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"redisgate/policy/command"
)

var allNeeds = []command.Need{command.Any, command.Read, command.Write, command.Read | command.Write}

// inTurn is what the index must agree with.
func inTurn(patterns []keyPattern, s []byte, need command.Need) bool {
	for i := range patterns {
		if p := &patterns[i]; p.may&need == need && p.match(s) {
			return true
		}
	}
	return false
}

// TestIndexAgreesWithPatternsInTurn has short words of few letters, so that literals, prefixes and the empty text overlap.
func TestIndexAgreesWithPatternsInTurn(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	matches, pairs := 0, 0
	for range 3000 {
		var patterns []keyPattern
		for range rng.IntN(12) {
			text := randomText(rng, "aab", 4)
			switch rng.IntN(6) {
			case 0, 1, 2:
				text += "*"
			case 3:
				text = randomText(rng, `ab*?[]\`, 5)
			}
			patterns = append(patterns, keyPattern{newPattern(text), allNeeds[rng.IntN(3)+1]})
		}
		x := buildIndex(patterns)
		for range 20 {
			s := []byte(randomText(rng, "aab*", 6))
			for _, need := range allNeeds {
				pairs++
				got, want := x.match(s, need), inTurn(patterns, s, need)
				if got != want {
					t.Fatalf("%v match %q for need %d: %v; want %v", patterns, s, need, got, want)
				}
				if want {
					matches++
				}
			}
		}
	}
	if matches < pairs/10 || matches > pairs*9/10 {
		t.Errorf("%d of %d match; want some and not all", matches, pairs)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add("a* ab abc* * ?b \\*", []byte("abcd"))
	f.Add(" a*", []byte(""))
	f.Fuzz(func(t *testing.T, rules string, subject []byte) {
		if len(rules) > 2000 || len(subject) > 2000 {
			return
		}
		var patterns []keyPattern
		for i, text := range strings.Split(rules, " ") {
			patterns = append(patterns, keyPattern{newPattern(text), allNeeds[i%3+1]})
		}
		x := buildIndex(patterns)
		for _, need := range allNeeds {
			if got, want := x.match(subject, need), inTurn(patterns, subject, need); got != want {
				t.Errorf("%q match %q for need %d: %v; want %v", rules, subject, need, got, want)
			}
		}
	})
}

// One pattern must have all rights; many users of the same rules are asked at once.
func TestManyPatterns(t *testing.T) {
	var rules []string
	for i := range 1000 {
		rules = append(rules, fmt.Sprintf("~tenant:%d:* &events:%d:*", i, i))
	}
	u := mustUser(t, strings.Join(rules, " ")+" %R~log:* %W~log:in:* ~one &one &b?* %W~* +@all", Options{})
	if u.selectors[0].keyIndex == nil || u.selectors[0].channelIndex == nil {
		t.Fatalf("1,000 patterns have no index")
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for request, want := range map[string]Reason{
				"GET tenant:0:x": ReasonAllowed, "GET tenant:999:": ReasonAllowed, "GET tenant:1000:x": ReasonKey, "GET tenant:42": ReasonKey,
				"GET log:x": ReasonAllowed, "GET log:in:x": ReasonAllowed, "DEL log:in:x": ReasonAllowed, "INCR log:in:x": ReasonKey,
				"EXISTS nowhere": ReasonAllowed, "DEL nowhere": ReasonAllowed, "GETDEL one": ReasonAllowed, "GETDEL one1": ReasonKey,
				"MGET tenant:1:a tenant:2:b one": ReasonAllowed, "MGET tenant:1:a tenant:b one": ReasonKey,
				"PUBLISH events:7:x m": ReasonAllowed, "PUBLISH events:7 m": ReasonChannel, "PSUBSCRIBE events:7:*": ReasonAllowed,
				"PSUBSCRIBE events:7:x": ReasonChannel, "SUBSCRIBE one bad": ReasonAllowed, "PSUBSCRIBE b?*": ReasonAllowed,
			} {
				if d, _ := judge(t, u, split(request)); d.Reason != want {
					t.Errorf("%q = %v; want %v", request, d.Reason, want)
				}
			}
		})
	}
	wait.Wait()
	empty := [][]byte{[]byte("DEL"), nil}
	if d, _ := judge(t, u, empty); d.Reason != ReasonKey {
		t.Errorf("DEL of the empty key = %v; want %v", d.Reason, ReasonKey)
	}
	v, err := u.With([]string{"%W~", "~tenant:1000:*"}, Options{})
	if err != nil {
		t.Fatalf("With = %v; want no error", err)
	}
	if d, _ := judge(t, v, empty); !d.Allowed() {
		t.Errorf("DEL of the empty key = %v; want it allowed by the empty pattern", d.Reason)
	}
	if d, _ := judge(t, v, split("GET tenant:1000:x")); !d.Allowed() {
		t.Errorf("GET of what a later rule allows = %v; want %v", d.Reason, ReasonAllowed)
	}
	w, err := u.With([]string{"resetkeys", "resetchannels"}, Options{})
	if err != nil {
		t.Fatalf("With = %v; want no error", err)
	}
	for _, request := range []string{"GET one", "PUBLISH one m", "PSUBSCRIBE b?*"} {
		if d, _ := judge(t, w, split(request)); d.Allowed() {
			t.Errorf("%q after resetkeys resetchannels is allowed; want not", request)
		}
	}
	var uses command.Uses
	args := split("MGET tenant:1:a tenant:42:b one log:x nowhere")
	cmd := mustFind(t, args)
	if got := testing.AllocsPerRun(100, func() { u.Authorise(0, cmd, args, &uses) }); got != 0 {
		t.Errorf("Authorise(%q) with 1,000 patterns allocates %v times; want 0", args, got)
	}
}

// BenchmarkPatterns isolates the search for a pattern: in turn and by the index, for a key that the middle one allows and
// for one that none does.
func BenchmarkPatterns(b *testing.B) {
	for _, n := range []int{3, 5, 8, 1000} {
		var patterns []keyPattern
		for i := range n {
			patterns = append(patterns, keyPattern{newPattern(fmt.Sprintf("tenant:%d:*", i)), command.Read | command.Write})
		}
		x := buildIndex(patterns)
		for name, key := range map[string]string{"hit": fmt.Sprintf("tenant:%d:user:17", n/2), "miss": "tenant:x:user:17"} {
			s := []byte(key)
			b.Run(fmt.Sprintf("%d/%s/in turn", n, name), func(b *testing.B) {
				for b.Loop() {
					inTurn(patterns, s, command.Read)
				}
			})
			b.Run(fmt.Sprintf("%d/%s/index", n, name), func(b *testing.B) {
				for b.Loop() {
					x.match(s, command.Read)
				}
			})
		}
	}
}
