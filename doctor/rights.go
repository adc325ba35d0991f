package doctor

import (
	"maps"
	"slices"
	"strings"

	"redisgate/policy/command"
)

// Command is one that a server has.
type Command struct {
	Name       string   // lower case; a subcommand is "config|get"
	Categories []string // without '@'
	Callable   bool     // false: only its subcommands are
}

// known is the table of redisgate as a server's list, for want of that.
func known() []Command {
	var out []Command
	names := command.CategoryNames()
	for _, c := range command.All() {
		k := Command{Name: c.Name, Callable: !c.Flags.Has(command.FlagContainer) || c.Arity == -1}
		for i, name := range names {
			if c.Categories&(1<<i) != 0 {
				k.Categories = append(k.Categories, name)
			}
		}
		out = append(out, k)
	}
	return out
}

// set is commands by name, callable ones only.
type set map[string]bool

func container(name string) string {
	c, _, sub := strings.Cut(name, "|")
	if !sub {
		return ""
	}
	return c
}

// granted is what Redis makes of command rules, in their order (acl.c,
// ACLSetSelector): a rule for a container, be it by a category, is one for its
// subcommands.
func granted(all []Command, rules []string) set {
	out := set{}
	apply := func(match func(Command) bool, allow bool) {
		chosen := set{}
		for _, c := range all {
			if match(c) {
				chosen[c.Name] = true
			}
		}
		for _, c := range all {
			if c.Callable && (chosen[c.Name] || chosen[container(c.Name)]) {
				if allow {
					out[c.Name] = true
				} else {
					delete(out, c.Name)
				}
			}
		}
	}
	for _, r := range rules {
		if len(r) < 2 || r[0] != '+' && r[0] != '-' {
			continue
		}
		allow, body := r[0] == '+', strings.ToLower(r[1:])
		if category, ok := strings.CutPrefix(body, "@"); ok {
			apply(func(c Command) bool { return category == "all" || slices.Contains(c.Categories, category) }, allow)
			continue
		}
		apply(func(c Command) bool { return c.Name == body }, allow)
		if of := container(body); of != "" && !slices.ContainsFunc(all, func(c Command) bool { return c.Name == body }) {
			apply(func(c Command) bool {
				return c.Name == of && !slices.ContainsFunc(all, func(s Command) bool { return container(s.Name) == of })
			}, allow)
		}
	}
	return out
}

// rulesFor writes rules that grant exactly need, which is a subset of all. Categories
// shorten it where nearly all of one is needed. everything is for who needs commands
// that nobody knows yet.
func rulesFor(all []Command, need set, everything bool) []string {
	rules, have := []string{"-@all"}, set{}
	if everything {
		rules, have = []string{"+@all"}, granted(all, []string{"+@all"})
	} else {
		for {
			best, gain := "", 3
			for _, name := range command.CategoryNames() {
				if name == "fast" || name == "slow" { // which say nothing of what a command does
					continue
				}
				n := 0
				for m := range granted(all, []string{"+@" + name}) {
					switch {
					case have[m]:
					case need[m]:
						n++
					default:
						n -= 2
					}
				}
				if n > gain {
					best, gain = name, n
				}
			}
			if best == "" {
				break
			}
			rules = append(rules, "+@"+best)
			maps.Copy(have, granted(all, []string{"+@" + best}))
		}
	}
	rules = append(rules, adjust(all, have, need, "-", func(name string) bool { return have[name] && !need[name] })...)
	have = granted(all, rules)
	return append(rules, adjust(all, have, need, "+", func(name string) bool { return need[name] && !have[name] })...)
}

// adjust writes rules of one sign for the commands that are wrong. A container that can
// be called is named before its subcommands, which then are wrong anew.
func adjust(all []Command, have, need set, sign string, wrong func(string) bool) []string {
	subs := map[string][]string{}
	for _, c := range all {
		if of := container(c.Name); of != "" {
			subs[of] = append(subs[of], c.Name)
		}
	}
	var out []string
	whole := set{}
	for _, c := range slices.SortedFunc(slices.Values(all), func(a, b Command) int { return strings.Compare(a.Name, b.Name) }) {
		of := container(c.Name)
		every := len(subs[c.Name]) > 0 && !slices.ContainsFunc(subs[c.Name], func(s string) bool { return !wrong(s) })
		switch {
		case of != "" && whole[of]:
		case c.Callable && wrong(c.Name), !c.Callable && every:
			out = append(out, sign+c.Name)
			whole[c.Name] = true
			for _, s := range subs[c.Name] {
				if sign == "+" && !need[s] {
					out = append(out, "-"+s)
				}
			}
		}
	}
	return out
}
