package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"redisgate/aclfile"
	"redisgate/config"
	"redisgate/policy"
	"redisgate/users"
)

// filedUsers compiles the users of the aclfile, with what [[user]] tables add.
func (c *compiler) filedUsers() {
	path := c.cfg.ACL.File
	extras := c.extras()
	c.built.directory = users.DirectoryOptions{
		File: path, Config: c.cfg.File(), Extras: extras, MaxConnections: c.cfg.Limits.ConnectionsPerUser, Rates: c.ratesPerUser(),
	}
	entries, err := aclfile.Read(path, users.FileOptions(extras))
	var problems aclfile.Problems
	if err != nil && !errors.As(err, &problems) {
		c.add("acl.file", path+": "+systemReason(err), "each line of the file is as `user app on #<hash> ~data:* -@all +@read`; `redisgate hash-password` makes the #hash")
		return
	}
	for _, p := range problems {
		c.filed = append(c.filed, config.Problem{File: path, Line: p.Line, Text: p.Text(), Hint: filedHint(p)})
	}
	c.unmatched(entries, problems)
	for i, u := range c.cfg.Users {
		named := func(e aclfile.Entry) bool { return e.Name == u.Name && e.User.NoPass }
		if len(u.Certificates) > 0 && slices.ContainsFunc(entries, named) {
			c.nopass(i)
		}
	}
	if len(problems) > 0 || c.problems.Covers("user") {
		return
	}
	set, err := users.NewSet(users.DefineFiled(entries, c.built.directory), nil)
	if err != nil {
		c.add("acl.file", path+": "+err.Error(), "remove users who are gone")
		return
	}
	c.built.users = set
}

// extras compiles the [[user]] tables of a configuration with an aclfile.
func (c *compiler) extras() map[string]users.Extra {
	out := make(map[string]users.Extra)
	certificates := c.certificates()
	for i, u := range c.cfg.Users {
		e := users.Extra{
			Databases: u.Databases, UnsafeScripts: u.UnsafeScripts, MaxConnections: u.MaxConnections, Rates: userRates(u), Slow: c.hashes(fmt.Sprintf("user[%d]", i), u.Password),
			Certificates: certificates[i], RequireCertificate: u.RequireCertificate,
		}
		if len(u.Allow) > 0 {
			e.Allow = c.parseNetworks(fmt.Sprintf("user[%d].allow", i), u.Allow)
		}
		out[u.Name] = e
	}
	return out
}

// unmatched finds [[user]] tables of nobody. If the file has lines that cannot be told
// to be anybody's, any of them may be the one.
func (c *compiler) unmatched(entries []aclfile.Entry, problems aclfile.Problems) {
	for _, p := range problems {
		if p.User == "" {
			return
		}
	}
	known := make(map[string]bool, len(entries))
	var names []string
	for _, e := range entries {
		known[e.Name] = true
		names = append(names, e.Name)
	}
	for i, u := range c.cfg.Users {
		if known[u.Name] || u.Name == "" {
			continue
		}
		hint := "add a line for the user to the file, or remove this table"
		if near := config.Nearest(u.Name, names); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		c.add(fmt.Sprintf("user[%d].name", i), fmt.Sprintf("%q is not in %s", u.Name, c.cfg.ACL.File), hint)
	}
}

func filedHint(p aclfile.Problem) string {
	if p.Hint != "" || p.Place == 0 {
		return p.Hint
	}
	return ruleHint(&policy.RuleError{Token: cmp.Or(p.Word, "?"), Msg: p.Msg})
}

// systemReason is what the system says of a file, without its name.
func systemReason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return strings.TrimSpace(err.Error())
}
