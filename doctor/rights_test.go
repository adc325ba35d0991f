package doctor

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestRulesGrantExactlyWhatIsNeeded tries random needs.
func TestRulesGrantExactlyWhatIsNeeded(t *testing.T) {
	all := known()
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		need, often := set{}, r.IntN(101)
		for _, c := range all {
			if c.Callable && r.IntN(100) < often {
				need[c.Name] = true
			}
		}
		for _, everything := range []bool{false, true} {
			rules := rulesFor(all, need, everything)
			if got := granted(all, rules); !maps.Equal(got, need) {
				t.Fatalf("rules %v grant %v; want %v", rules, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(need)))
			}
			if everything != (rules[0] == "+@all") {
				t.Errorf("rules for everything = %v begin with %s", everything, rules[0])
			}
		}
	}
}

func TestGrantedReadsRulesAsRedis(t *testing.T) {
	all := []Command{
		{"get", []string{"read", "fast"}, true},
		{"set", []string{"write", "slow"}, true},
		{"config", []string{"slow"}, false},
		{"config|get", []string{"admin"}, true},
		{"config|set", []string{"admin"}, true},
		{"command", []string{"slow"}, true},
		{"command|list", []string{"slow"}, true},
	}
	for rules, want := range map[string]string{
		"-@all":                       "",
		"+@all -set":                  "command command|list config|get config|set get",
		"-@all +@slow":                "command command|list config|get config|set set", // a container takes its own along
		"-@all +CONFIG -config|set":   "config|get",
		"-@all +command":              "command command|list",
		"-@all +command|list":         "command|list",
		"-@all +get|key":              "get",
		"+@all -@admin +config|get x": "command command|list config|get get set",
	} {
		if got := strings.Join(slices.Sorted(maps.Keys(granted(all, strings.Fields(rules)))), " "); got != want {
			t.Errorf("granted(%s) = %s; want %s", rules, got, want)
		}
	}
}
