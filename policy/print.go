package policy

import (
	"encoding/hex"
	"slices"
	"strings"

	"redisgate/policy/command"
)

// addRule records a command rule for printing, as Redis 7.2 and newer do (acl.c, ACLUpdateCommandRules): an earlier rule
// with the same body goes, of whatever sign, and with a whole command the rules for its parts.
func (s *selector) addRule(sign, body string) {
	s.rules = slices.DeleteFunc(s.rules, func(r string) bool {
		if r[1:] == body {
			return true
		}
		if !strings.HasPrefix(r[1:], body) || r[1+len(body)] != '|' {
			return false
		}
		// +config does not reach config|set, so it does not stand for a rule that does.
		part := command.ByName(r[1:])
		return sign != "+" || r[0] != '+' || part == nil || !part.Flags.Has(command.FlagReserved)
	})
	s.rules = append(s.rules, sign+body)
}

// Rules prints the user's rules so that ParseUser reads the same user again, in the order and the words of ACL LIST: flags,
// password hashes, the root selector, the other selectors. Where Redis prints what it cannot load, this differs: a pattern *
// that is not all keys is %RW~*, and in (...) a word with a quote in it or a parenthesis at its end is quoted.
func (u *User) Rules() string {
	words := []string{"off"}
	if u.Enabled {
		words[0] = "on"
	}
	if u.NoPass {
		words = append(words, "nopass")
	}
	if u.SkipSanitize {
		words = append(words, "skip-sanitize-payload")
	} else {
		words = append(words, "sanitize-payload")
	}
	for _, h := range u.Passwords {
		words = append(words, "#"+hex.EncodeToString(h[:]))
	}
	for i, s := range u.selectors {
		own := s.words()
		if i == 0 {
			words = append(words, own...)
			continue
		}
		for j, w := range own {
			own[j] = quote(w)
		}
		words = append(words, "("+strings.Join(own, " ")+")")
	}
	return strings.Join(words, " ")
}

func (s *selector) words() []string {
	var words []string
	if s.allKeys {
		words = append(words, "~*")
	}
	for _, k := range s.keys {
		words = append(words, k.String())
	}
	if s.allChannels {
		words = append(words, "&*")
	} else {
		words = append(words, "resetchannels")
	}
	for _, p := range s.channels {
		words = append(words, "&"+p.text)
	}
	if s.future {
		words = append(words, "+@all")
	} else {
		words = append(words, "-@all")
	}
	return append(words, s.rules...)
}

// quote puts a word of a selector in quotes if it would not be read as it is.
func quote(word string) string {
	if !strings.ContainsAny(word, `"'`) && !strings.HasSuffix(word, ")") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}

// String prints the pattern as a rule.
func (k keyPattern) String() string {
	switch {
	case k.may == command.Read:
		return "%R~" + k.text
	case k.may == command.Write:
		return "%W~" + k.text
	case k.text == "*":
		return "%RW~*"
	}
	return "~" + k.text
}
