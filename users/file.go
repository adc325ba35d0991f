package users

import (
	"slices"
	"strings"

	"redisgate/aclfile"
	"redisgate/policy"
)

func (e Extra) options() policy.Options {
	return policy.Options{Databases: e.Databases, UnsafeScripts: e.UnsafeScripts}
}

// ReadFile makes definitions of an aclfile's users. An extra without a user of its
// name is an error: what it was to narrow would otherwise be open, or nobody would
// notice a typing error. The error is aclfile.Problems, or of the system.
func ReadFile(path string, extras map[string]Extra) ([]Definition, error) {
	entries, err := aclfile.Read(path, func(name string) policy.Options { return extras[name].options() })
	if err != nil {
		return nil, err
	}
	out := make([]Definition, 0, len(entries))
	missing := make(map[string]bool, len(extras))
	for name := range extras {
		missing[name] = true
	}
	for _, e := range entries {
		delete(missing, e.Name)
		out = append(out, Definition{User: e.User, Allow: extras[e.Name].Allow, Origin: Filed})
	}
	if len(missing) == 0 {
		return out, nil
	}
	var names []string
	for name := range missing {
		names = append(names, "'"+name+"'")
	}
	slices.Sort(names)
	return nil, aclfile.Problems{{Msg: "no line for " + strings.Join(names, ", ") + ", to which the configuration has a [[user]]"}}
}

// saved is the set in which all users but those of the configuration are the
// aclfile's; s itself if nothing has to change.
func (s *Set) saved() (*Set, error) {
	if !slices.ContainsFunc(s.all, func(u *User) bool { return u.Origin == Runtime || u.Origin == Builtin }) {
		return s, nil
	}
	definitions := make([]Definition, 0, len(s.all))
	for _, u := range s.all {
		d := Definition{User: u.User, Allow: u.Allow, Origin: u.Origin}
		if d.Origin != Configured {
			d.Origin = Filed
		}
		definitions = append(definitions, d)
	}
	return NewSet(definitions, s)
}
