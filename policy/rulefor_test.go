package policy

import "testing"

func TestRuleForNamesTheRuleThatDecides(t *testing.T) {
	const rules = "on ~app:* -@all +@read -get (~tmp:* +@all -flushall)"
	u := mustUser(t, rules, Options{})
	for _, tt := range []struct {
		command  string
		selector int
		want     string
	}{
		{"strlen", 0, "+@read"},
		{"get", 0, "-get"},
		{"get", 1, "+@all"},
		{"get", -1, "-get"},
		{"set", -1, ""},
		{"set", 0, ""},
		{"set", 1, "+@all"},
		{"flushall", 1, "-flushall"},
		{"flushall", -1, "-flushall"},
		{"config|set", 0, ""},
		{"auth", 0, ""},
		{"nonsense", -1, ""},
		{"get", 7, ""},
	} {
		if got := u.RuleFor(tt.command, tt.selector); got != tt.want {
			t.Errorf("user %q: RuleFor(%q, %d) = %q; want %q", rules, tt.command, tt.selector, got, tt.want)
		}
	}
}
