package main

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redisgate/config"
	"redisgate/identity"
	"redisgate/policy"
	"redisgate/policy/command"
	"redisgate/users"
)

// denied is the exit code of a request that explain finds refused.
const denied exitCode = 3

// question is what explain is asked.
type question struct {
	user *users.User
	from netip.Addr // not valid: a unix socket's client
	any  bool       // from wherever the user may come
	db   int
	args [][]byte
	cert *identity.Certificate // nil: not asked about
}

func newExplain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain --config FILE --user USER [--certificate FILE] [--from IP] [--db N] -- CMD ARG...",
		Short: "Say whether a user may run a command, and which rule decides",
		Long: `explain judges one request as serve would, without listening or connecting:
whether the user may run it, which selector and which rule of it decided, and for
each key what it is needed for and which pattern allows that. With --from it also
judges the address, by [network] and the user's own list. With --certificate and without
--user it asks for the user whose that client certificate is. Exit code 0 if the
request is allowed, 3 if it is denied, 1 if there is no verdict.`,
		Example: `  redisgate explain --config redisgate.toml --user app -- GET app:1
  redisgate explain --config redisgate.toml --user app --from 10.20.30.4 -- MSET app:1 x app:2 y
  redisgate explain --config redisgate.toml --certificate client.crt -- GET app:1`,
		Args: cobra.ArbitraryArgs,
	}
	path := configFlag(cmd)
	user := cmd.Flags().String("user", "", "the `USER` who asks")
	certificate := cmd.Flags().String("certificate", "", "the client certificate, a PEM `FILE`, that the user has")
	from := cmd.Flags().String("from", "", "the `IP` address that the user comes from, or unix")
	db := cmd.Flags().Int("db", -1, "the database `N` that is selected (default the user's first)")
	cmd.Flags().Lookup("db").DefValue = "0" // not printed: -1 means the user's first
	cmd.Flags().SetInterspersed(false)      // what follows the command is the command's
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("user") && *certificate == "" {
			return hinted("name the one who asks: --user app", "--user USER is missing")
		}
		if len(args) == 0 {
			return hinted("for example `redisgate explain --config FILE --user app -- GET app:1`", "there is no command to explain")
		}
		b, err := loadAndBuild(*path, time.Now())
		if err != nil {
			return err
		}
		cert, err := readCertificate(*certificate)
		if err != nil {
			return err
		}
		if !cmd.Flags().Changed("user") {
			if *user, err = holder(b, cert); err != nil {
				return err
			}
		}
		q, err := ask(b, *user, *from, *db, args)
		if err != nil {
			return err
		}
		q.cert = cert
		return answer(cmd.OutOrStdout(), b, q)
	}
	return cmd
}

// ask reads what the flags say.
func ask(b *built, user, from string, db int, args []string) (*question, error) {
	q := &question{user: b.users.Lookup([]byte(user)), any: from == "", db: db}
	if q.user == nil {
		var names []string
		for _, u := range b.users.All() {
			names = append(names, u.Name)
		}
		hint := "the users are " + strings.Join(names, ", ")
		if near := guess(user, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		return nil, hinted(hint, "User '%s' not found", user)
	}
	if from != "" && from != "unix" {
		addr, err := netip.ParseAddr(from)
		if err != nil {
			return nil, hinted("write an address such as 10.20.30.4 or fd00::1, or unix", "--from %q is not an address", from)
		}
		q.from = addr
	}
	if db < 0 {
		q.db = 0
		if own := q.user.Databases; len(own) > 0 {
			q.db = own[0]
		}
	}
	for _, a := range args {
		q.args = append(q.args, []byte(a))
	}
	return q, nil
}

// answer prints the verdict and its grounds. Nothing of the user's passwords is known to it.
func answer(w io.Writer, b *built, q *question) error {
	e := q.user.Explain(q.db, q.args)
	why, advice, said := e.Why, e.Advice, text(q, &e)
	allowed := e.Decision.Allowed()
	if e.Failure == command.UnknownCommand && !allowed {
		advice = meant(q.args)
	}
	if no := keptOut(b, q); no != nil {
		allowed, why, advice, said = false, no.why, no.advice, no.said
	}
	p := &page{w: w}
	verdict := "deny"
	if allowed {
		verdict = "allow"
	}
	p.line("verdict", "%s", verdict)
	p.line("user", "%q", q.user.Name)
	if q.cert != nil {
		p.line("cert", "%s", standing(b, q))
	}
	if e.Command != nil {
		p.line("command", "%s in database %d", e.Command.Name, q.db)
	}
	p.line("because", "%s", why)
	if advice != "" {
		p.line("advice", "%s", advice)
	}
	if said != "" {
		p.line("answer", "%s", said)
	}
	p.grounds(&e)
	if p.err != nil {
		return p.err
	}
	if !allowed {
		return denied
	}
	return nil
}

// meant guesses what a command that redisgate does not know was to be.
func meant(args [][]byte) string {
	name := strings.ToLower(string(args[0]))
	if words := strings.Fields(name); len(words) > 1 && len(args) == 1 {
		return "write the command and its arguments as words of their own, without quotes around all of them"
	}
	var known []string
	for _, c := range command.All() {
		if c.Parent() == nil {
			known = append(known, c.Name)
		}
	}
	if near := config.Nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

// refusal is a verdict that comes before the rules'.
type refusal struct{ why, advice, said string }

// keptOut judges whether the user can be there at all.
func keptOut(b *built, q *question) *refusal {
	const wrong = "-WRONGPASS invalid username-password pair or user is disabled."
	switch {
	case q.any:
	case q.from.IsValid() && b.deny.Contains(q.from):
		return &refusal{fmt.Sprintf("%s is in network.deny", q.from), "", "none: the connection is closed before TLS"}
	case q.from.IsValid() && !b.allow.Contains(q.from):
		return &refusal{fmt.Sprintf("%s is not in network.allow", q.from), "add it to network.allow", "none: the connection is closed before TLS"}
	case !q.user.Admits(q.from):
		if !q.from.IsValid() {
			return &refusal{"the user has a list of addresses, and a unix socket has none", "remove the user's allow", wrong}
		}
		return &refusal{fmt.Sprintf("%s is not in the user's own list of addresses", q.from), "add it to the user's allow", wrong}
	}
	if !q.user.Enabled {
		return &refusal{"the user is off and cannot log in", "add the rule on", wrong}
	}
	if q.cert == nil {
		return nil
	}
	whose, _ := b.users.Certified(q.from, q.cert)
	switch {
	case whose == q.user:
	case q.user.RequireCertificate:
		return &refusal{"the user's password counts with a certificate of this user only", "add a name of the certificate to the user's certificates", wrong}
	case len(q.user.Passwords) == 0 && !q.user.NoPass:
		return &refusal{"the user has no password, and the certificate is not this user's", "add a name of the certificate to the user's certificates", wrong}
	}
	return nil
}

// text is the error that the client gets.
func text(q *question, e *policy.Explanation) string {
	switch {
	case e.Decision.Allowed():
		return ""
	case e.Failure != command.Found:
		return printable("-" + string(e.Failure.AppendText(nil, e.Command, q.args)))
	}
	return printable("-" + string(e.Decision.AppendText(nil, q.user.User, e.Command)))
}

// printable keeps a terminal from obeying what stands in a request.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// page prints lines of a name and a value.
type page struct {
	w   io.Writer
	err error
}

func (p *page) line(name, format string, args ...any) {
	_, err := fmt.Fprintf(p.w, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	p.err = cmp.Or(p.err, err)
}

// grounds prints the selector that decided, and what it says of the keys and channels.
func (p *page) grounds(e *policy.Explanation) {
	if len(e.Selectors) == 0 {
		return
	}
	j := &e.Selectors[e.Decider]
	name := "root"
	if e.Decider > 0 {
		name = fmt.Sprintf("%d of %d", e.Decider+1, len(e.Selectors))
	}
	p.line("selector", "%s: %s", name, printable(j.Rules))
	p.line("rule", "%s", cmp.Or(j.Rule, "none"))
	for _, k := range j.Keys {
		purpose := k.Purpose()
		if k.Need == command.Any {
			purpose = "existence only"
		}
		p.line("key", "%q (%s): %s", k.Name, purpose, pattern(k))
	}
	for _, c := range j.Channels {
		p.line("channel", "%q: %s", c.Name, pattern(c))
	}
	if others := len(e.Selectors) - 1; others > 0 && !e.Decision.Allowed() && !slices.ContainsFunc(e.Selectors, allows) {
		p.line("note", "%s", "no other selector allows it either; each must allow the whole request alone")
	}
}

func allows(j policy.Judgement) bool { return j.Reason == policy.ReasonAllowed }

func pattern(g policy.Ground) string {
	switch {
	case g.Pattern != "":
		return printable(g.Pattern)
	case g.Near != "":
		return "none; " + printable(g.Near) + " matches it, but does not allow enough"
	}
	return "none"
}
