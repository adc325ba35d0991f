package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"redisgate/policy/command"
)

// RuleError is a rule that does not hold. Error gives Redis's text; Token never shows a password or its hash.
type RuleError struct {
	Token string
	Msg   string
}

func (e *RuleError) Error() string {
	return fmt.Sprintf("Error in ACL SETUSER modifier '%s': %s", e.Token, e.Msg)
}

// Redis's texts (acl.c, ACLSetUserStringError), and redisgate's own for reserved commands.
const (
	msgUnknown   = "Unknown command or category name in ACL"
	msgSyntax    = "Syntax error"
	msgAllKeys   = "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
	msgAllChans  = "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels"
	msgNoPass    = "The password you are trying to remove from the user does not exist"
	msgBadHash   = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
	msgSubArg    = "Allowing first-arg of a subcommand is not supported"
	msgReserved  = "This command is reserved: it can be granted in the configuration or the aclfile only"
	errUserName  = "Usernames can't contain spaces or null characters"
	errUnmatched = "Unmatched parenthesis in acl selector starting at '%s'."
)

// ParseUser makes a user of rules as one string, words separated by white space as in an aclfile. A user begins as Redis's
// do: off, no password, no commands, no keys, no channels.
func ParseUser(name, rules string, opt Options) (*User, error) {
	return NewUser(name, strings.FieldsFunc(rules, func(r rune) bool { return r < 0x80 && isSpace(byte(r)) }), opt)
}

// NewUser is ParseUser for rules that are already words, as ACL SETUSER gets them.
func NewUser(name string, words []string, opt Options) (*User, error) {
	if strings.ContainsFunc(name, func(r rune) bool { return r == 0 || r < 0x80 && isSpace(byte(r)) }) {
		return nil, errors.New(errUserName)
	}
	u := &User{Name: name, Databases: slices.Clone(opt.Databases), UnsafeScripts: opt.UnsafeScripts, selectors: []*selector{{}}}
	return u.With(words, opt)
}

// With applies rules to a copy of u, from left to right, and returns the copy; on any error nothing is applied. Of opt
// only RefuseReserved is looked at.
func (u *User) With(words []string, opt Options) (*User, error) {
	words, err := mergeSelectors(words)
	if err != nil {
		return nil, err
	}
	c := u.clone()
	for i, w := range words {
		if msg := c.apply(w, opt.RefuseReserved); msg != "" {
			token := redact(w)
			if i > 0 && strings.HasPrefix(words[i-1], ">") && strings.IndexByte("+-~&%(", w[0]) < 0 {
				token = "(hidden)" // it may be the second half of a password with a space in it
			}
			return nil, &RuleError{Token: token, Msg: msg}
		}
	}
	for _, s := range c.selectors {
		s.compile()
	}
	c.powerful = c.everything()
	c.readsAll = c.everyKey()
	return c, nil
}

// mergeSelectors joins the words of a selector that was split at its spaces (acl.c, ACLMergeSelectorArguments). All but the
// first come up to a NUL.
func mergeSelectors(words []string) ([]string, error) {
	var out []string
	open := -1
	var selector strings.Builder
	for i, w := range words {
		switch {
		case open < 0 && strings.HasPrefix(w, "(") && !strings.HasSuffix(w, ")"):
			open = i
			selector.Reset()
			selector.WriteString(w)
		case open < 0:
			out = append(out, w)
		default:
			text, _, _ := strings.Cut(w, "\x00")
			selector.WriteString(" " + text)
			if strings.HasSuffix(w, ")") {
				out = append(out, selector.String())
				open = -1
			}
		}
	}
	if open >= 0 {
		return nil, fmt.Errorf(errUnmatched, redact(words[open]))
	}
	return out, nil
}

// apply applies one rule of a user (acl.c, ACLSetUser) and returns the text of what is wrong with it, or "".
func (u *User) apply(word string, refuseReserved bool) string {
	switch asciiLower(word) {
	case "":
		return ""
	case "on":
		u.Enabled = true
		return ""
	case "off":
		u.Enabled = false
		return ""
	case "nopass":
		u.NoPass, u.Passwords = true, nil
		return ""
	case "resetpass":
		u.NoPass, u.Passwords = false, nil
		return ""
	case "skip-sanitize-payload":
		u.SkipSanitize = true
		return ""
	case "sanitize-payload":
		u.SkipSanitize = false
		return ""
	case "clearselectors":
		u.selectors = u.selectors[:1]
		return ""
	case "reset":
		u.Enabled, u.NoPass, u.SkipSanitize, u.Passwords = false, false, false, nil
		u.selectors = []*selector{{}}
		return ""
	}
	switch word[0] {
	case '>', '#', '<', '!':
		return u.applyPassword(word)
	case '(':
		if strings.HasSuffix(word, ")") && len(word) > 1 {
			s, msg := parseSelector(word[1:len(word)-1], refuseReserved)
			if msg == "" {
				u.selectors = append(u.selectors, s)
			}
			return msg
		}
	}
	return u.selectors[0].apply(word, refuseReserved)
}

func (u *User) applyPassword(word string) string {
	var h Hash
	if word[0] == '#' || word[0] == '!' {
		raw, err := hex.DecodeString(word[1:])
		if err != nil || len(raw) != len(h) || asciiLower(word) != word {
			return msgBadHash
		}
		h = Hash(raw)
	} else {
		h = sha256.Sum256([]byte(word[1:]))
	}
	i := slices.Index(u.Passwords, h)
	if word[0] == '<' || word[0] == '!' {
		if i < 0 {
			return msgNoPass
		}
		u.Passwords = slices.Delete(u.Passwords, i, i+1)
		return ""
	}
	if i < 0 {
		u.Passwords = append(u.Passwords, h)
	}
	u.NoPass = false
	return ""
}

// parseSelector reads what stands between parentheses: words, possibly quoted. As in Redis, quotes that do not match make
// an empty selector, which allows nothing.
func parseSelector(rules string, refuseReserved bool) (*selector, string) {
	s := &selector{}
	words, _ := splitQuoted(rules)
	for _, w := range words {
		if msg := s.apply(w, refuseReserved); msg != "" {
			return nil, msg
		}
	}
	return s, ""
}

// apply applies one rule of a selector (acl.c, ACLSetSelector). Words are compared whole where Redis stops at a NUL.
func (s *selector) apply(word string, refuseReserved bool) string {
	switch asciiLower(word) {
	case "":
		return msgSyntax
	case "allkeys", "~*":
		s.allKeys, s.keys = true, nil
		return ""
	case "resetkeys":
		s.allKeys, s.keys = false, nil
		return ""
	case "allchannels", "&*":
		s.allChannels, s.channels = true, nil
		return ""
	case "resetchannels":
		s.allChannels, s.channels = false, nil
		return ""
	case "allcommands", "+@all":
		s.setAll(true)
		return ""
	case "nocommands", "-@all":
		s.setAll(false)
		return ""
	}
	switch word[0] {
	case '~', '%':
		return s.addKeys(word)
	case '&':
		return s.addChannels(word[1:])
	case '+', '-':
		if strings.HasPrefix(word[1:], "@") {
			category, ok := command.CategoryByName(word[2:])
			if !ok {
				return msgUnknown
			}
			s.setCategory(category, word[0] == '+')
			s.addRule(word[:1], asciiLower(word[1:]))
			return ""
		}
		return s.applyCommand(word, refuseReserved)
	}
	return msgSyntax
}

func (s *selector) applyCommand(word string, refuseReserved bool) string {
	name, allow := word[1:], word[0] == '+'
	if c := command.ByName(name); c != nil && (!allow || !strings.HasSuffix(name, "|")) {
		if allow && refuseReserved && c.Flags.Has(command.FlagReserved) {
			return msgReserved
		}
		s.setCommand(c, allow)
		s.addRule(word[:1], c.Name)
		return ""
	}
	i := strings.LastIndexByte(name, '|')
	if i < 0 || !allow {
		return msgUnknown
	}
	c := command.ByName(name[:i])
	switch {
	case c == nil:
		return msgUnknown
	case c.Parent() != nil:
		return msgSubArg
	case i+1 == len(name):
		return msgSyntax
	case c.Flags.Has(command.FlagContainer):
		return msgUnknown
	case hasSpace(name): // Redis takes a space, and cannot load what it then prints
		return msgSyntax
	case refuseReserved && c.Flags.Has(command.FlagReserved):
		return msgReserved
	}
	s.addFirstArg(c.ID, name[i+1:])
	s.addRule("+", asciiLower(name))
	return ""
}

func (s *selector) addKeys(word string) string {
	if s.allKeys {
		return msgAllKeys
	}
	may, text := command.Read|command.Write, word[1:]
	if word[0] == '%' {
		letters, rest, _ := strings.Cut(text, "~")
		may, text = 0, rest
		for _, l := range asciiLower(letters) {
			bit := command.Read
			switch {
			case l == 'w':
				bit = command.Write
			case l != 'r':
				return msgSyntax
			}
			if may&bit != 0 {
				return msgSyntax
			}
			may |= bit
		}
		if may == 0 {
			return msgSyntax
		}
	}
	if hasSpace(text) {
		return msgSyntax
	}
	for i := range s.keys {
		if s.keys[i].text == text {
			s.keys[i].may |= may
			return ""
		}
	}
	s.keys = append(s.keys, keyPattern{newPattern(text), may})
	return ""
}

func (s *selector) addChannels(text string) string {
	switch {
	case s.allChannels:
		return msgAllChans
	case hasSpace(text):
		return msgSyntax
	case !slices.ContainsFunc(s.channels, func(p pattern) bool { return p.text == text }):
		s.channels = append(s.channels, newPattern(text))
	}
	return ""
}

// redact hides what follows the first character of a rule that is about a password, in a selector too, where no such rule
// may stand but someone may have put one.
func redact(word string) string {
	parts := strings.Split(word, " ")
	for i, p := range parts {
		body := strings.TrimLeft(p, `("'`)
		if body != "" && strings.IndexByte("><#!", body[0]) >= 0 {
			parts[i] = p[:len(p)-len(body)+1] + "(hidden)"
		}
	}
	return strings.Join(parts, " ")
}
