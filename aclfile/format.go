package aclfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"redisgate/policy"
)

// Size is the number of bytes of a user's line with its ending.
func Size(u *policy.User) int { return len("user ") + len(u.Name) + 1 + len(u.Rules()) + 1 }

// Fits is the reason why Parse would not read the line that Format prints of a user, or
// nil.
func Fits(u *policy.User) error { return fits(u.Name, u.Rules()) }

func fits(name, rules string) error {
	switch {
	case len("user ")+len(name)+1+len(rules) > MaxLine:
		return fmt.Errorf("the rules of user '%s' are longer than 1MB", name)
	case strings.Count(rules, " ") >= MaxRules:
		return fmt.Errorf("user '%s' has more than 10,000 rules", name)
	}
	return nil
}

// Format prints users so that Parse reads the same ones again, ordered by the bytes
// of their names as Redis orders them. More than what Parse would take is an error.
func Format(users []*policy.User) ([]byte, error) {
	users = slices.Clone(users)
	slices.SortFunc(users, func(a, b *policy.User) int { return strings.Compare(a.Name, b.Name) })
	var out []byte
	for _, u := range users {
		rules := u.Rules()
		if err := fits(u.Name, rules); err != nil {
			return nil, err
		}
		out = append(append(append(append(append(out, "user "...), u.Name...), ' '), rules...), '\n')
		if len(out) > MaxFile {
			return nil, errors.New("the rules of all users are longer than 64MB")
		}
	}
	return out, nil
}
