package aclfile

import (
	"errors"
	"fmt"
	"strings"

	"redisgate/policy"
)

// Problem is one thing that is wrong with a file. It shows no password and no hash.
type Problem struct {
	Line  int    // 1 for the first; 0 if it is about the file
	User  string // whose line it is, or empty
	Place int    // which word of the line, "user" being the first; 0 if it is about the line
	Word  string // that word; empty if it may be secret
	Msg   string // what is wrong with it; of a rule, policy's text
	Hint  string // what to do about it, or empty

	kind kind
	at   int  // of duplicate: the first line
	mute bool // Redis says nothing of it: it tells of the first such rule of a line only
}

// kind says how Redis words a problem.
type kind uint8

const (
	other        kind = iota // <file>:<line>: <text>.
	noKeyword                // no "user" and name
	badName                  // spaces of other kinds in a name
	duplicate                // a name that was there before
	openSelector             // no ')'
	unknown                  // a command or category that does not exist: the word is told
)

const (
	exampleHint = "each line is as `user app on #<hash> ~data:* resetchannels -@all +@read`"
	tabHint     = "put one space between words, not a tab"
)

// Text says what is wrong, without the line.
func (p Problem) Text() string {
	var b strings.Builder
	if p.User != "" {
		fmt.Fprintf(&b, "user %q", shown(p.User))
		if p.kind == duplicate {
			return fmt.Sprintf("%s %s: on line %d too", b.String(), p.Msg, p.at)
		}
		b.WriteString(": ")
	}
	if p.Place > 0 {
		fmt.Fprintf(&b, "word %d", p.Place)
		if p.Word != "" {
			fmt.Fprintf(&b, ", %q", p.Word)
		}
		b.WriteString(": ")
	}
	b.WriteString(p.Msg)
	return b.String()
}

// Error is Text with the line.
func (p Problem) Error() string {
	if p.Line == 0 {
		return p.Text()
	}
	return fmt.Sprintf("line %d: %s", p.Line, p.Text())
}

// Problems is everything that is wrong with a file, in the order of its lines.
type Problems []Problem

// Error gives one line for each.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// LoadText is the error of ACL LOAD, without "-ERR " and in one line: Redis's texts
// (acl.c, ACLLoadFromFile) one after the other. file is the file's name as configured.
func (ps Problems) LoadText(file string) string {
	var b strings.Builder
	for _, p := range ps {
		switch at := fmt.Sprintf("%s:%d", file, p.Line); {
		case p.mute:
		case p.Line == 0:
			fmt.Fprintf(&b, "%s: %s. ", file, p.Msg)
		case p.kind == noKeyword:
			b.WriteString(at + " should start with user keyword followed by the username. ")
		case p.kind == badName:
			fmt.Fprintf(&b, "'%s: username '%s' contains invalid characters. ", at, shown(p.User))
		case p.kind == duplicate:
			fmt.Fprintf(&b, "WARNING: Duplicate user '%s' found on line %d. ", shown(p.User), p.Line)
		case p.kind == openSelector:
			b.WriteString(at + ": Unmatched parenthesis in selector definition.")
		case p.kind == unknown:
			fmt.Fprintf(&b, "%s: Error in applying operation '%s': %s. ", at, p.Word, p.Msg)
		default:
			fmt.Fprintf(&b, "%s: %s. ", at, p.Msg)
		}
	}
	return oneLine(b.String()) + Unchanged
}

// Unchanged ends the error of an ACL LOAD that changed nothing.
const Unchanged = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"

// oneLine keeps an error what RESP has room for.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// shown is a name for others to read, unless it is a rule about a password: somebody
// forgot the name.
func shown(name string) string {
	if strings.IndexByte("><#!", name[0]) >= 0 {
		return name[:1] + hidden
	}
	return name
}

// hidden stands for what may be a secret; policy writes it too.
const hidden = "(hidden)"

// presentable hides what begins like no rule, in a selector too: it may be a password
// without its '>'.
func presentable(rule string) string {
	parts := strings.Split(rule, " ")
	for i, p := range parts {
		body := strings.TrimLeft(p, `("'`)
		known := body == "" || strings.IndexByte("~%&+-)", body[0]) >= 0
		switch strings.ToLower(strings.TrimRight(body, `)"'`)) {
		case "on", "off", "nopass", "reset", "resetpass", "allkeys", "resetkeys", "allchannels", "resetchannels":
			known = true
		}
		if !known && !strings.HasSuffix(body, hidden) {
			parts[i] = p[:len(p)-len(body)] + hidden
		}
	}
	return strings.Join(parts, " ")
}

// keywordHint says what to do about a line that begins with something else than
// "user". The line is not repeated: it may hold anything.
func keywordHint(word string, firstLine bool) string {
	switch {
	case firstLine && strings.HasPrefix(word, "\ufeff"):
		return "the file begins with a byte order mark: write it as UTF-8 without one"
	case strings.HasPrefix(word, "#"), strings.HasPrefix(word, ";"), strings.HasPrefix(word, "//"):
		return "an ACL file has no comments: remove the line"
	case word == "user":
		return "write the user's name and rules behind it"
	case strings.EqualFold(word, "user"):
		return "write user in small letters"
	case strings.HasPrefix(strings.ToLower(word), "user\t"):
		return tabHint
	}
	return exampleHint
}

// chunk is how many rules are tried at once in the search for those that are wrong.
const chunk = 64

// failures lists the rules that are wrong, each tried on what those before it, as far
// as they are right, make of a new user. Place is an index of args.
func failures(name string, args []string, opt policy.Options) []Problem {
	u, err := policy.NewUser(name, nil, opt)
	if err != nil {
		return []Problem{{Msg: err.Error()}}
	}
	var out []Problem
	told := false
	for i := 0; i < len(args) && len(out) < maxProblems; {
		end := min(i+chunk, len(args))
		if next, err := u.With(args[i:end], opt); err == nil && !anyCutOff(args[i:end]) {
			u, i = next, end
			continue
		}
		for ; i < end; i++ {
			next, rule := try(u, args, i, opt)
			if rule == nil {
				u = next
				continue
			}
			word := presentable(rule.Token)
			q := Problem{Place: i, Word: word, Msg: rule.Msg}
			if strings.Contains(word, hidden) {
				q.Word = ""
			}
			switch {
			case rule.Msg == "Unknown command or category name in ACL":
				q.kind, q.Word = unknown, word
			case told:
				q.mute = true
			default:
				told = true
			}
			if strings.ContainsAny(args[i], "\t\r\v\f") || cutOff(args[i]) {
				q.Hint = tabHint
			}
			out = append(out, q)
		}
	}
	return out
}

// try applies one rule. What follows a password may be the rest of it, which policy
// hides if it sees the two together.
func try(u *policy.User, args []string, i int, opt policy.Options) (*policy.User, *policy.RuleError) {
	if cutOff(args[i]) {
		return nil, &policy.RuleError{Token: hidden, Msg: "Syntax error"}
	}
	next, err := u.With(args[i:i+1], opt)
	if err == nil {
		return next, nil
	}
	if i > 0 && strings.HasPrefix(args[i-1], ">") {
		_, err = u.With([]string{">", args[i]}, opt)
	}
	var rule *policy.RuleError
	if !errors.As(err, &rule) {
		rule = &policy.RuleError{Token: hidden, Msg: err.Error()}
	}
	return nil, rule
}

func anyCutOff(args []string) bool {
	for _, a := range args {
		if cutOff(a) {
			return true
		}
	}
	return false
}
