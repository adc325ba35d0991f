package policy

import (
	"strings"

	"redisgate/policy/command"
)

// RuleFor is the rule of the selector of that index by which the command of that name
// runs; if the index is negative, the first rule of any selector that takes the command
// away. It is empty if there is none, as for AUTH, which needs no rule, or for a command
// that no rule allows. It takes its time, as Explain does, of which it is a part.
func (u *User) RuleFor(name string, selector int) string {
	cmd := command.ByName(name)
	if cmd == nil {
		return ""
	}
	for i, s := range u.selectors {
		rule := s.ruleFor(cmd, nil)
		if i == selector || selector < 0 && strings.HasPrefix(rule, "-") {
			return rule
		}
	}
	return ""
}
