package migration

import (
	"strings"

	"redisgate/policy"
)

// rules are those of one user that redisgate takes.
type rules struct {
	words    []string // as policy.NewUser takes them, each selector one word
	reserved bool     // one that names a reserved command was left out
	unknown  bool     // one that names what redisgate does not know was left out
	broad    bool     // one grants reserved commands without naming them
}

// guard takes the place of a rule that forbids what redisgate does not know. Without it
// somebody who may do all the rest would count as one who may do everything, and such a
// one may run unknown commands. redisgate refuses WAITAOF to everybody.
const guard = "-waitaof"

// read reads what stands behind the name in a line of ACL LIST: flags, hashes and rules,
// then selectors. Within these Redis prints patterns as they are, without quotes.
//
// A pattern that ends in ')' ends its selector too early. What follows would count for
// the user as a whole, so that nothing may follow a selector but another.
func read(words []string) (r rules, why string) {
	var root, selector []string
	for _, w := range words {
		switch {
		case strings.HasPrefix(w, "(") && selector == nil:
			selector = []string{w[1:]}
		case selector != nil:
			selector = append(selector, w)
		case len(r.words) > 0:
			return rules{}, "its selectors cannot be told apart"
		default:
			root = append(root, w)
			continue
		}
		if last := len(selector) - 1; strings.HasSuffix(selector[last], ")") {
			selector[last] = strings.TrimSuffix(selector[last], ")")
			inner, why := r.selector(selector)
			if why != "" {
				return rules{}, why
			}
			r.words = append(r.words, "("+strings.Join(quoted(inner), " ")+")")
			selector = nil
		}
	}
	if selector != nil {
		return rules{}, "a selector has no end"
	}
	own, why := r.root(root)
	r.words = append(own, r.words...)
	return r, why
}

// root takes the words before the selectors.
func (r *rules) root(words []string) (out []string, why string) {
	var rest []string
	for _, w := range words {
		switch {
		case w == "":
		case w == "on", w == "off", w == "nopass", w == "sanitize-payload", w == "skip-sanitize-payload", strings.HasPrefix(w, "#"):
			out = append(out, w)
		case w == "alldbs": // Valkey 9, whose other users have lists of databases
		default:
			rest = append(rest, w)
		}
	}
	rest, why = r.selector(rest)
	return append(out, rest...), why
}

// selector takes the words of one selector, the root's too.
func (r *rules) selector(words []string) (out []string, why string) {
	for _, w := range words {
		switch {
		case w == "", w == "alldbs":
		case w == "resetkeys", w == "resetchannels", w[0] == '~', w[0] == '%', w[0] == '&':
			out = append(out, w)
		case w[0] == '+', w[0] == '-':
			out = r.command(out, w)
		case strings.HasPrefix(strings.ToLower(w), "db="), strings.EqualFold(w, "resetdbs"):
			return nil, "it has a list of databases, which is `databases` of a [[user]] table in redisgate"
		default:
			return nil, "it has a rule of a kind that redisgate does not know"
		}
	}
	return out, ""
}

// command takes a rule about commands, if redisgate can.
func (r *rules) command(out []string, w string) []string {
	grants := w[0] == '+'
	if _, err := policy.NewUser("", []string{w}, policy.Options{}); err != nil {
		r.unknown = true
		if grants {
			return out
		}
		return append(out, guard)
	}
	if _, err := policy.NewUser("", []string{w}, policy.Options{RefuseReserved: true}); err != nil {
		r.reserved = true
		return out
	}
	r.broad = r.broad || grants && broad(w[1:])
	return append(out, w)
}

// broad says whether a rule grants much that redisgate reserves, without naming it.
func broad(rule string) bool {
	switch strings.ToLower(rule) {
	case "@all", "@admin", "@dangerous":
		return true
	}
	return false
}

// quoted makes words what a selector in parentheses may consist of.
func quoted(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		if strings.ContainsAny(w, `"'\`) || strings.HasSuffix(w, ")") {
			w = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(w) + `"`
		}
		out[i] = w
	}
	return out
}
