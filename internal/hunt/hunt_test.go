package hunt_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"redisgate/policy"
)

// lanes is how many servers there are, each with a gate: one a core of a small machine.
const lanes = 2

// huntSize is how many commands are tried: normal, or what REDISGATE_HUNT says, then from a new seed. REDISGATE_HUNT_SEED
// chooses a seed, such as one that a failure has named.
func huntSize(t *testing.T, normal int) (size int, seed uint64) {
	t.Helper()
	size, seed = normal, 1
	if n, err := strconv.Atoi(os.Getenv("REDISGATE_HUNT")); err == nil {
		size, seed = n, rand.Uint64()
	}
	if n, err := strconv.ParseUint(os.Getenv("REDISGATE_HUNT_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("%d commands from seed %d", size, seed)
	return size, seed
}

// TestNothingIsTouchedOrSeenBeyondTheRules runs random commands through a gate as users who may do little. Redis itself
// tells of each key that is touched, and Redis's own verdicts say whether it was the user's to touch; no value and no name
// that is not his to read comes back; and in the end all that he may not write is what it was.
func TestNothingIsTouchedOrSeenBeyondTheRules(t *testing.T) {
	t.Parallel()
	size, seed := huntSize(t, 200000)
	var mu sync.Mutex
	var total counts
	t.Run("lanes", func(t *testing.T) {
		for i := range lanes {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				l := newLane(t, rand.New(rand.NewPCG(seed, uint64(i))))
				for l.counts.commands < (size+lanes-1)/lanes && !t.Failed() {
					u, err := l.newUser()
					if err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
					findings, err := l.round(u, u.User)
					if err != nil {
						t.Fatalf("seed %d, %v: %v", seed, u, err)
					}
					for _, f := range findings {
						t.Errorf("seed %d, %v: %s: %s", seed, u, f.kind, f.text)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				total.add(l.counts)
			})
		}
	})
	t.Logf("%+v", total)
	for what, enough := range map[string]bool{
		"commands":                          total.commands >= size,
		"replies that are no errors":        total.good >= size/8,
		"commands that are denied":          total.denied >= size/20,
		"keys that are touched":             total.events >= size/8,
		"messages that are heard":           total.heard >= size/20,
		"connections that are not replaced": total.lost <= 10+size/length/20,
	} {
		if !enough {
			t.Errorf("seed %d: %+v; want more %s", seed, total, what)
		}
	}
}

// TestTheHuntFindsWhatIsThere lets a user do what the rules that he is judged by do not allow: each way to notice it
// notices.
func TestTheHuntFindsWhatIsThere(t *testing.T) {
	t.Parallel()
	l := newLane(t, rand.New(rand.NewPCG(1, 0)))
	words := append([]string{"~a*", "%R~b", "%W~c", "+@all"}, ensured...)
	judged, err := policy.NewUser("hunter", words, policy.Options{Databases: []int{0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.probe(words); err != nil {
		t.Fatal(err)
	}
	powerful, err := policy.NewUser("hunter", append([]string{"~*", "&*", "+@all"}, ensured...), policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	missing := func(kinds map[string]int) bool {
		return slices.ContainsFunc([]string{"touched", "seen", "heard", "changed", "copied"}, func(k string) bool { return kinds[k] == 0 })
	}
	kinds := map[string]int{}
	for rounds := 0; missing(kinds) && rounds < 30; rounds++ {
		findings, err := l.round(&user{judged, words, l.direct[0], map[string]right{}}, powerful)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range findings {
			kinds[f.kind]++
		}
	}
	if missing(kinds) {
		t.Errorf("findings of a user who may do everything: %v; want all kinds", kinds)
	}
	t.Logf("%v of %+v", kinds, l.counts)
}
