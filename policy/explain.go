package policy

import (
	"strings"

	"redisgate/policy/command"
)

// Explanation is a Decision with its grounds, for people. It holds nothing of the user's passwords.
type Explanation struct {
	Decision  Decision         // what Authorise or AuthoriseUnknown says
	Failure   command.Failure  // what command.Lookup says; unless it is Found, no selector has been asked
	Command   *command.Command // nil if there is none of that name
	Selectors []Judgement      // one for each of the user's, the root selector first
	Decider   int              // index of the selector that allows, or whose failure is reported
	Why       string           // the reason in words
	Advice    string           // what would change the verdict; empty if nothing in the rules would, or if it is to allow
}

// Judgement is what one selector says of a request.
type Judgement struct {
	Rules    string // as ACL LIST prints them, without parentheses
	Reason   Reason // ReasonAllowed, or why not
	Arg      int    // of ReasonKey and ReasonChannel: which
	Runs     bool   // the command itself is allowed
	Rule     string // the last rule that says anything of the command; empty: none does
	Keys     []Ground
	Channels []Ground
}

// Ground is a key or channel of a request, and the pattern that allows it.
type Ground struct {
	Arg     int
	Name    string       // may be any bytes
	Need    command.Need // of a key
	Literal bool         // a channel pattern, which a rule must have letter by letter
	Pattern string       // as a rule: the first that allows it; empty: none does
	Near    string       // if none does: the first that matches a key but does not allow enough
}

// Explain judges a request as Authorise does in database db, by asking it, and tells why. It allocates freely.
func (u *User) Explain(db int, args [][]byte) Explanation {
	cmd, failure := command.Lookup(args)
	e := Explanation{Failure: failure, Command: cmd}
	switch failure {
	case command.Found:
	case command.UnknownCommand:
		e.Decision = u.AuthoriseUnknown()
		e.Why, e.Advice = u.whyUnknown(e.Decision)
		return e
	default:
		e.Decision = Decision{Reason: ReasonSyntax, Selector: -1, Err: command.Refusal(failure.AppendText(nil, cmd, args))}
		e.Why = "Redis would answer the same to anybody"
		return e
	}
	var uses command.Uses
	e.Decision = u.Authorise(db, cmd, args, &uses)
	for _, s := range u.selectors {
		e.Selectors = append(e.Selectors, s.explain(cmd, args, &uses, e.Decision.Reason == ReasonSyntax))
	}
	e.Decider = decider(e.Selectors)
	e.Why, e.Advice = u.why(db, &e, &uses)
	if u.MustFilter(cmd, e.Decision) {
		e.Why += ", and the reply has the names of those keys only that the user may read"
	}
	return e
}

// decider is the first selector that allows a request, or else the one whose failure Authorise reports.
func decider(all []Judgement) int {
	worst := 0
	for i := range all {
		j, w := &all[i], &all[worst]
		if j.Reason == ReasonAllowed {
			return i
		}
		if j.Reason > w.Reason || j.Reason == w.Reason && j.Arg > w.Arg {
			worst = i
		}
	}
	return worst
}

// explain says what the selector makes of a request. unread: Parse has refused the arguments.
func (s *selector) explain(c *command.Command, args [][]byte, uses *command.Uses, unread bool) Judgement {
	j := Judgement{Rules: strings.Join(s.words(), " "), Rule: s.ruleFor(c, args), Runs: s.runs(c, args)}
	switch {
	case !j.Runs:
		j.Reason = denied(c)
	case unread:
		j.Reason = ReasonSyntax
	default:
		j.Reason, j.Arg = s.check(c, args, uses)
	}
	if unread {
		return j
	}
	for _, k := range uses.Keys {
		j.Keys = append(j.Keys, s.keyGround(args[k.Arg], k))
	}
	for _, ch := range uses.Channels {
		j.Channels = append(j.Channels, s.channelGround(args[ch.Arg], ch))
	}
	return j
}

func (s *selector) keyGround(key []byte, k command.Key) Ground {
	g := Ground{Arg: k.Arg, Name: string(key), Need: k.Need}
	if s.allKeys {
		g.Pattern = "~*"
		return g
	}
	for i := range s.keys {
		p := &s.keys[i]
		switch {
		case !p.match(key):
		case p.may&k.Need == k.Need:
			g.Pattern, g.Near = p.String(), ""
			return g
		case g.Near == "":
			g.Near = p.String()
		}
	}
	return g
}

func (s *selector) channelGround(channel []byte, ch command.Channel) Ground {
	g := Ground{Arg: ch.Arg, Name: string(channel), Literal: ch.Pattern}
	if s.allChannels {
		g.Pattern = "&*"
		return g
	}
	for i := range s.channels {
		if p := &s.channels[i]; ch.Pattern && p.text == g.Name || !ch.Pattern && p.match(channel) {
			g.Pattern = "&" + p.text
			return g
		}
	}
	return g
}

// ruleFor returns the last rule that says whether the command runs, whatever the rules before it: the one that gives the
// same answer to a selector of nothing and to one of everything. It is empty if none does, if the command runs without
// one (AUTH and kin), and if only the rule for all commands speaks of a command that it does not reach.
func (s *selector) ruleFor(c *command.Command, args [][]byte) string {
	if c.Flags.Has(command.FlagNoAuth) {
		return ""
	}
	rule := ""
	if s.future && !c.Flags.Has(command.FlagReserved) {
		rule = "+@all"
	}
	for _, r := range s.rules {
		none, full := &selector{}, &selector{}
		for id := range command.Count() {
			full.allowed.set(id)
			full.named.set(id)
		}
		if none.apply(r, false) != "" || full.apply(r, false) != "" {
			continue // printed rules apply
		}
		if none.runs(c, args) == full.runs(c, args) {
			rule = r
		}
	}
	return rule
}
