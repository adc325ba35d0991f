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
		// +config does not name config|set, so it does not stand for a rule that does.
		part := command.ByName(r[1:])
		return sign != "+" || r[0] != '+' || part == nil || part.Flags&byItsName == 0
	})
	s.rules = append(s.rules, sign+body)
}

// Rules prints the user's rules so that ParseUser reads the same user again, in the order and the words of ACL LIST: flags,
// password hashes, the root selector, the other selectors. Where Redis prints what it cannot load, this differs: a pattern *
// that is not all keys is %RW~*, and in (...) a word with a quote in it or a parenthesis at its end is quoted.
func (u *User) Rules() string {
	words := u.flagWords()
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

// flagWords are in the order of Redis's table (acl.c, ACLUserFlags).
func (u *User) flagWords() []string {
	words := []string{"off"}
	if u.Enabled {
		words[0] = "on"
	}
	if u.NoPass {
		words = append(words, "nopass")
	}
	if u.SkipSanitize {
		return append(words, "skip-sanitize-payload")
	}
	return append(words, "sanitize-payload")
}

func (s *selector) words() []string {
	words := s.keyWords()
	if !s.allChannels {
		words = append(words, "resetchannels")
	}
	return slices.Concat(words, s.channelWords(), s.commandWords())
}

func (s *selector) keyWords() []string {
	if s.allKeys {
		return []string{"~*"}
	}
	var words []string
	for _, k := range s.keys {
		words = append(words, k.String())
	}
	return words
}

func (s *selector) channelWords() []string {
	if s.allChannels {
		return []string{"&*"}
	}
	var words []string
	for _, p := range s.channels {
		words = append(words, "&"+p.text)
	}
	return words
}

func (s *selector) commandWords() []string {
	if s.future {
		return append([]string{"+@all"}, s.rules...)
	}
	return append([]string{"-@all"}, s.rules...)
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
