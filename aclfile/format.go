package aclfile

import (
	"fmt"
	"slices"
	"strings"

	"redisgate/policy"
)

// Size is the number of bytes of a user's line with its ending.
func Size(u *policy.User) int { return len("user ") + len(u.Name) + 1 + len(u.Rules()) + 1 }

// Format prints users so that Parse reads the same ones again, ordered by the bytes
// of their names as Redis orders them. More than what Parse would take is an error.
func Format(users []*policy.User) ([]byte, error) {
	users = slices.Clone(users)
	slices.SortFunc(users, func(a, b *policy.User) int { return strings.Compare(a.Name, b.Name) })
	var out []byte
	for _, u := range users {
		rules := u.Rules()
		if len("user ")+len(u.Name)+1+len(rules) > MaxLine {
			return nil, fmt.Errorf("the rules of user '%s' are longer than 1MB", u.Name)
		}
		out = append(append(append(append(append(out, "user "...), u.Name...), ' '), rules...), '\n')
		if len(out) > MaxFile {
			return nil, fmt.Errorf("the rules of all users are longer than 64MB")
		}
	}
	return out, nil
}
