// Package migration makes users of redisgate's out of what a Redis says of its own: the
// lines of ACL LIST. Nobody gets more than there; whoever gets less is told of in a note.
//
// The lines come over a network, and are as long and as odd as a hostile server may make
// them. The package knows no sockets and no files.
package migration

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"redisgate/aclfile"
	"redisgate/policy"
	"redisgate/policy/command"
)

// Options says what is carried over only if somebody asks for it.
type Options struct {
	NoPass bool // users who need no password stay on
}

// Result is what became of the users. Its order is that of ACL LIST.
type Result struct {
	Users []*policy.User
	Notes []Note
}

// Note is something that is not in redisgate as it was in Redis.
type Note struct {
	Text  string
	Names []string // of users or of commands that it is about, as Redis has them
}

// shownNames is how many names a note shows.
const shownNames = 10

// String gives the note with its names, which are quoted: they are Redis's.
func (n Note) String() string {
	var quoted []string
	for _, name := range n.Names[:min(len(n.Names), shownNames)] {
		if len(name) > 64 {
			name = name[:64] + "..."
		}
		quoted = append(quoted, fmt.Sprintf("%+q", name))
	}
	if more := len(n.Names) - shownNames; more > 0 {
		quoted = append(quoted, fmt.Sprintf("and %d more", more))
	}
	if len(quoted) == 0 {
		return n.Text
	}
	return strings.Join(quoted, ", ") + ": " + n.Text
}

// The texts of notes on users.
const (
	noteOff      = "off in Redis, and so in redisgate"
	noteNoPass   = "needs no password in Redis, and is therefore off in redisgate; --keep-nopass leaves such users on"
	noteOpen     = "needs no password, as in Redis: whoever gets through network.allow and TLS is this user"
	noteReserved = "a rule names commands that endanger the server, which is not carried over: write it into users.acl if the user needs it"
	noteAll      = "has +@all or a category with commands that redisgate reserves (docs/DIVERGENCES.md lists them); these need a rule that names them"
	noteScripts  = "may run scripts in Redis; in redisgate this needs all rights, or unsafe_scripts = true in a [[user]] table of that name"
	noteUnknown  = "a rule names commands or categories that redisgate does not know, of a module perhaps; they stay forbidden"
	noteSanitize = "has skip-sanitize-payload, which only the account that redisgate has in Redis can have"
	noteAdmin    = "may do everything, so that it changes redisgate's users by ACL SETUSER, and no longer Redis's"
)

// Users reads the lines of ACL LIST. An error means that they are not such.
func Users(lines []string, o Options) (Result, error) {
	if len(lines) > aclfile.MaxUsers {
		return Result{}, fmt.Errorf("Redis has %d users; redisgate has at most %d", len(lines), aclfile.MaxUsers)
	}
	c := carrier{o: o, seen: map[string]bool{}, about: map[string][]string{}}
	for i, line := range lines {
		words := strings.Split(line, " ")
		if words[0] != "user" || len(words) < 3 {
			return Result{}, fmt.Errorf("line %d of ACL LIST is not one of a user", i+1)
		}
		name := words[1]
		if why := c.carry(line, name, words[2:]); why != "" {
			c.out.Notes = append(c.out.Notes, Note{"not carried over: " + why, []string{name}})
		}
	}
	for _, text := range []string{noteOff, noteNoPass, noteOpen, noteReserved, noteUnknown, noteAll, noteScripts, noteSanitize, noteAdmin} {
		if names := c.about[text]; len(names) > 0 {
			c.out.Notes = append(c.out.Notes, Note{text, names})
		}
	}
	return c.out, nil
}

// File prints the users as an ACL file, and reads it again to be sure.
func (r Result) File() ([]byte, error) {
	text, err := aclfile.Format(r.Users)
	if err != nil {
		return nil, err
	}
	entries, err := aclfile.Parse(text, nil)
	if err != nil {
		return nil, err
	}
	rules := map[string]string{}
	for _, u := range r.Users {
		rules[u.Name] = u.Rules()
	}
	for _, e := range entries {
		if rules[e.Name] != e.User.Rules() {
			return nil, fmt.Errorf("the rules of user %+q cannot be written down", e.Name)
		}
		delete(rules, e.Name)
	}
	if len(rules) > 0 {
		return nil, errors.New("the users cannot be written down")
	}
	return text, nil
}

// carrier is one migration in progress.
type carrier struct {
	o     Options
	seen  map[string]bool
	about map[string][]string // names by the text of a note
	out   Result
}

// carry adds one user, or says why not.
func (c *carrier) carry(line, name string, words []string) (why string) {
	if text, wrong := aclfile.CheckName(name); wrong {
		return text
	}
	switch {
	case c.seen[name]:
		return "Redis has told of it twice"
	case strings.IndexByte(line, 0) >= 0:
		return "a rule contains a NUL byte"
	case len(line) > aclfile.MaxLine || len(words) > aclfile.MaxRules:
		return "its rules are too long"
	}
	c.seen[name] = true
	r, why := read(words)
	if why != "" {
		return why
	}
	u, err := policy.NewUser(name, r.words, policy.Options{})
	if err != nil {
		// Its text may quote a word, which need not be what it looks like.
		return "redisgate does not understand one of its rules"
	}
	if u.NoPass && u.Enabled && !c.o.NoPass {
		if u, err = u.With([]string{"off"}, policy.Options{}); err != nil {
			return "it cannot be switched off"
		}
		c.note(noteNoPass, name)
	} else {
		c.noteIf(!u.Enabled, noteOff, name)
		c.noteIf(u.Enabled && u.NoPass, noteOpen, name)
	}
	if aclfile.Fits(u) != nil {
		return "its rules are too long"
	}
	c.noteIf(r.reserved, noteReserved, name)
	c.noteIf(r.unknown, noteUnknown, name)
	c.noteIf(!r.reserved && r.broad, noteAll, name)
	c.noteIf(!u.AllPowerful() && slices.ContainsFunc(scripts, func(s string) bool { return wouldRun(u, s) }), noteScripts, name)
	c.noteIf(u.SkipSanitize, noteSanitize, name)
	c.noteIf(u.Enabled && u.AllPowerful(), noteAdmin, name)
	c.out.Users = append(c.out.Users, u)
	return ""
}

// scripts are the ways to run or to plant one.
var scripts = []string{"eval", "evalsha", "fcall", "script|load", "function|load"}

// wouldRun says whether the rules alone allow a command that redisgate has more to say about.
func wouldRun(u *policy.User, name string) bool {
	free := *u
	free.UnsafeScripts = true
	return free.MayRun(command.ByName(name))
}

func (c *carrier) note(text, name string) { c.about[text] = append(c.about[text], name) }

func (c *carrier) noteIf(yes bool, text, name string) {
	if yes {
		c.note(text, name)
	}
}
