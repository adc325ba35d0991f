package main

import (
	"errors"
	"fmt"

	"redisgate/identity"
)

// certificates compiles the patterns of all users, each user's in the place of its
// [[user]] table. A pattern that overlaps another is a problem: of two users a
// certificate could be either, and of one the second has no effect.
func (c *compiler) certificates() [][]identity.Pattern {
	out := make([][]identity.Pattern, len(c.cfg.Users))
	var all []identity.Pattern
	var paths []string
	for i, u := range c.cfg.Users {
		for j, text := range u.Certificates {
			path := fmt.Sprintf("user[%d].certificates[%d]", i, j)
			p, err := identity.ParsePattern(text)
			if err != nil {
				var e *identity.PatternError
				errors.As(err, &e)
				c.add(path, e.Text, e.Hint)
				continue
			}
			out[i] = append(out[i], p)
			all, paths = append(all, p), append(paths, path)
		}
	}
	for k, pair := range identity.Clashes(all) {
		if k == maxClashes {
			break
		}
		first, second := pair[0], pair[1]
		c.add(paths[second], fmt.Sprintf("%q and %q at %s can be the same certificate", all[second], all[first], paths[first]),
			"a certificate is one user's; narrow or remove one of the two")
	}
	return out
}

// maxClashes keeps the list of problems readable.
const maxClashes = 20

// nopass complains of a user who would not need the certificate.
func (c *compiler) nopass(i int) {
	c.add(fmt.Sprintf("user[%d].certificates", i), "the user's rules have nopass: anybody would be this user, without a certificate",
		"remove nopass; a user without any password is reached by certificate only")
}
