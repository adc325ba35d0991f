package users

import (
	"cmp"
	"slices"
	"strings"

	"redisgate/aclfile"
	"redisgate/policy"
)

func (e Extra) options() policy.Options {
	return policy.Options{Databases: e.Databases, UnsafeScripts: e.UnsafeScripts}
}

// define adds to a user of the aclfile or of ACL SETUSER what o says of that name.
func (o DirectoryOptions) define(name string, u *policy.User) Definition {
	x := o.Extras[name]
	return Definition{
		User: u, Allow: x.Allow, Slow: x.Slow, MaxConnections: cmp.Or(x.MaxConnections, o.MaxConnections), Rates: x.Rates.Or(o.Rates),
		Certificates: x.Certificates, RequireCertificate: x.RequireCertificate,
	}
}

// FileOptions gives what extras add to the rules of an aclfile's users, for
// aclfile.Read.
func FileOptions(extras map[string]Extra) func(name string) policy.Options {
	return func(name string) policy.Options { return extras[name].options() }
}

// DefineFiled makes definitions of what aclfile.Read has read without an error, with what
// o adds to them.
func DefineFiled(entries []aclfile.Entry, o DirectoryOptions) []Definition {
	out := make([]Definition, 0, len(entries))
	for _, e := range entries {
		d := o.define(e.Name, e.User)
		d.Origin = Filed
		out = append(out, d)
	}
	return out
}

// read makes definitions of the aclfile's users. An extra without a user of its name
// is an error, as it is at the start: nobody would notice a typing error in a name
// whose rights it was to narrow.
func (o *DirectoryOptions) read() ([]Definition, error) {
	entries, err := aclfile.Read(o.File, FileOptions(o.Extras))
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(entries))
	for _, e := range entries {
		known[e.Name] = true
	}
	var missing []string
	for name := range o.Extras {
		if !known[name] {
			missing = append(missing, "'"+name+"'")
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, aclfile.Problems{{Msg: "no line for " + strings.Join(missing, ", ") + ", to which the configuration has a [[user]]"}}
	}
	return DefineFiled(entries, *o), nil
}

// saved is the set in which all users but those of the configuration are the
// aclfile's; s itself if nothing has to change.
func (s *Set) saved() (*Set, error) {
	if !slices.ContainsFunc(s.all, func(u *User) bool { return u.Origin == Runtime || u.Origin == Builtin }) {
		return s, nil
	}
	definitions := make([]Definition, 0, len(s.all))
	for _, u := range s.all {
		d := u.definition()
		if d.Origin != Configured {
			d.Origin = Filed
		}
		definitions = append(definitions, d)
	}
	return NewSet(definitions, s)
}
