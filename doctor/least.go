package doctor

import (
	"slices"
	"strings"

	"redisgate/policy"
	"redisgate/policy/command"
)

// own is what redisgate sends on its own account, besides AUTH and HELLO, which need
// no right: its look at Redis's health and commands (upstream.Control), and what it
// puts around and between the commands of clients. SELECT and UNWATCH go out for users
// who may not send them, too.
var own = []string{"command|list", "exec", "info", "multi", "ping", "select", "unwatch"}

// passed are commands that redisgate answers itself but passes on in some states.
var passed = []string{"client|caching", "client|tracking", "client|trackinginfo", "watch"}

// Least returns the rights that redisgate's account needs in Redis and no others: what
// redisgate sends by itself, and the union of what the users may run, on the union of
// their keys and channels. Since it is a union, one user's commands are allowed on
// another's keys; redisgate keeps users apart. all is what the server has, or nil: then
// rules may name commands that it lacks.
func Least(g Gate, all []Command) Selector {
	if all == nil {
		all = known()
	}
	powerful := false
	var out Selector
	for _, u := range g.Users {
		powerful = powerful || u.AllPowerful()
		for _, s := range u.Describe().Selectors {
			out.Keys = append(out.Keys, strings.Fields(s.Keys)...)
			out.Channels = append(out.Channels, strings.Fields(s.Channels)...)
		}
	}
	need := set{}
	for _, c := range all {
		if !c.Callable {
			continue
		}
		k := command.ByName(c.Name)
		switch {
		case slices.Contains(own, c.Name):
			need[c.Name] = true
		case k == nil:
			// redisgate forwards unknown commands of users who may do everything.
			need[c.Name] = powerful && command.ByName(container(c.Name)) == nil
		case forwarded(k):
			need[c.Name] = slices.ContainsFunc(g.Users, func(u *policy.User) bool { return u.MayRun(k) })
		}
		if !need[c.Name] {
			delete(need, c.Name)
		}
	}
	out.Commands = rulesFor(all, need, powerful)
	out.Keys, out.Channels = distinct(out.Keys, "~*"), distinct(out.Channels, "&*")
	return out
}

func forwarded(c *command.Command) bool {
	switch c.Route {
	case command.RouteLocal:
		return slices.Contains(passed, c.Name)
	case command.RouteRefused:
		return false
	}
	return true
}

// distinct sorts patterns, of which the one for all makes the others an error.
func distinct(patterns []string, all string) []string {
	if slices.Contains(patterns, all) {
		return []string{all}
	}
	slices.Sort(patterns)
	return slices.Compact(patterns)
}

// Words are the rules as ACL SETUSER takes them, in place of all that the account had
// but its passwords. They also stand in an aclfile.
func (s Selector) Words() []string {
	words := []string{"resetkeys"}
	words = append(words, s.Keys...)
	words = append(append(words, "resetchannels"), s.Channels...)
	return append(words, s.Commands...)
}
