// Package aclfile is Redis's file of users: one line each, "user", a name and the
// rules that ACL LIST prints. It reads the text strictly and says everything that is
// wrong with it, prints it, and replaces a file so that a crash leaves the old one
// or the new one.
//
// It does not know who is logged in or what else is configured.
package aclfile

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"redisgate/policy"
)

// Bounds. A file is a list of users, not a data set, and a wrong name such as that
// of a log should end in an error.
const (
	MaxFile  = 64 << 20 // bytes
	MaxLine  = 1 << 20  // bytes, line ending not counted
	MaxUsers = 10_000
	MaxRules = 10_000 // of one user, words of selectors counted each: adding a pattern looks at all others

	maxName     = 256 // bytes; names are labels of metrics
	maxProblems = 100
)

// Entry is the line of one user.
type Entry struct {
	Line int // 1 for the first of the file
	Name string
	User *policy.User // nil if something is wrong with the line
}

// Parse reads a file's text as Redis does (acl.c, ACLLoadFromFile): lines are trimmed
// and may be blank, words are split at single spaces, there are no comments and no
// quotes but those in selectors. options gives what rules cannot express, by name;
// it may be nil.
//
// The error is Problems. The entries are then still those that could be told, so that
// more can be said about them, and must not be used otherwise.
//
// Beyond Redis: NUL is an error where Redis loses the rest of the line and the next
// one; names are those that a configuration may have; a file without users is an
// error, since nobody could log in.
func Parse(data []byte, options func(name string) policy.Options) ([]Entry, error) {
	p := parser{options: options, lines: make(map[string]int)}
	for more := true; more && len(p.problems) < maxProblems; {
		var line []byte
		line, data, more = bytes.Cut(data, []byte("\n"))
		p.line++
		p.parse(line)
	}
	switch {
	case len(p.problems) >= maxProblems:
		p.problems = append(p.problems[:maxProblems], Problem{Msg: "there may be more errors; these are the first"})
	case len(p.problems) == 0 && len(p.entries) == 0:
		p.add(Problem{Msg: "no user is in the file: nobody could log in", Hint: exampleHint})
	}
	if len(p.problems) > 0 {
		return p.entries, p.problems
	}
	return p.entries, nil
}

type parser struct {
	options  func(name string) policy.Options
	entries  []Entry
	lines    map[string]int // by name, where it was seen first
	line     int
	problems Problems
}

func (p *parser) add(q Problem) { p.problems = append(p.problems, q) }

func (p *parser) parse(raw []byte) {
	first := p.line == 1
	switch {
	case len(raw) > MaxLine:
		p.add(Problem{Line: p.line, Msg: "longer than 1MB", Hint: exampleHint})
		return
	case bytes.IndexByte(raw, 0) >= 0:
		p.add(Problem{Line: p.line, Msg: "contains a NUL byte", Hint: "write plain text in UTF-8"})
		return
	}
	line := strings.Trim(string(raw), " \t\r\n")
	if line == "" {
		return
	}
	words := strings.Split(line, " ")
	if words[0] != "user" || len(words) < 2 {
		p.add(Problem{Line: p.line, kind: noKeyword, Msg: `does not begin with "user" and a name`, Hint: keywordHint(words[0], first)})
		return
	}
	name := words[1]
	if q, wrong := checkName(name); wrong {
		q.Line = p.line
		p.add(q)
		return
	}
	if at := p.lines[name]; at != 0 {
		p.add(Problem{Line: p.line, User: name, kind: duplicate, at: at, Msg: "is defined twice", Hint: "each user has one line"})
		return
	}
	if len(p.entries) == MaxUsers {
		p.add(Problem{Line: p.line, Msg: "one user more than 10,000, which is the limit"})
		return
	}
	p.lines[name] = p.line
	p.entries = append(p.entries, Entry{Line: p.line, Name: name, User: p.user(name, words[2:])})
}

// CheckName says what is wrong with a user's name, in Redis's words where it has some.
func CheckName(name string) (text string, wrong bool) {
	q, wrong := checkName(name)
	if q.kind == badName {
		return "Usernames can't contain spaces or null characters", true
	}
	return q.Msg, wrong
}

func checkName(name string) (q Problem, wrong bool) {
	switch {
	case name == "":
		return Problem{Msg: "the username is empty", Hint: "write one space between user and the name"}, true
	case strings.ContainsAny(name, " \t\r\n\v\f\x00"):
		return Problem{User: name, kind: badName, Msg: "the username contains invalid characters", Hint: tabHint}, true
	case !utf8.ValidString(name):
		return Problem{Msg: "the username is not UTF-8", Hint: "choose a name of letters, digits, '.', '_' and '-'"}, true
	case len(name) > maxName:
		return Problem{Msg: "the username is longer than 256 bytes", Hint: "choose a shorter one"}, true
	}
	return Problem{}, false
}

// user makes a user of the words behind its name, or lists what is wrong with them.
func (p *parser) user(name string, words []string) *policy.User {
	if place(words, len(words))-3 > MaxRules {
		p.add(Problem{Line: p.line, User: name, Msg: "more than 10,000 rules"})
		return nil
	}
	args, places, open := merge(words)
	if open >= 0 {
		p.add(Problem{
			Line: p.line, User: name, kind: openSelector, Place: place(words, open),
			Msg: "a selector is not closed", Hint: "write ')' at its end: (+get ~data:*)",
		})
		return nil
	}
	var opt policy.Options
	if p.options != nil {
		opt = p.options(name)
	}
	opt.RefuseReserved = false // the file may grant what clients may not
	odd := slices.ContainsFunc(args, cutOff)
	if !odd {
		if u, err := policy.NewUser(name, args, opt); err == nil {
			return u
		}
	}
	for _, f := range failures(name, args, opt) {
		if len(p.problems) >= maxProblems {
			break
		}
		f.Line, f.User, f.Place = p.line, name, place(words, places[f.Place])
		p.add(f)
	}
	return nil
}

// merge joins the words of selectors (acl.c, ACLMergeSelectorArguments) and then
// trims each. places are the indexes of their first words; open is that of a selector
// that is not closed, or -1.
func merge(words []string) (args []string, places []int, open int) {
	open = -1
	for i, w := range words {
		closes := strings.HasSuffix(w, ")")
		switch {
		case open < 0 && strings.HasPrefix(w, "(") && !closes:
			open = i
			continue
		case open >= 0 && !closes:
			continue
		case open < 0:
			open = i
		}
		args = append(args, strings.Trim(strings.Join(words[open:i+1], " "), "\t\r\n"))
		places = append(places, open)
		open = -1
	}
	return args, places, open
}

// cutOff says whether trimming made a word look like the beginning of a selector,
// which it is not for Redis.
func cutOff(arg string) bool { return strings.HasPrefix(arg, "(") && !strings.HasSuffix(arg, ")") }

// place is the number of a word in its line as a reader counts, "user" being 1: two
// spaces do not make a word.
func place(words []string, index int) int {
	n := 3
	for _, w := range words[:index] {
		if w != "" {
			n++
		}
	}
	return n
}
