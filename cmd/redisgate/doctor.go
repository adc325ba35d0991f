package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redisgate/config"
	"redisgate/doctor"
	"redisgate/policy"
	"redisgate/upstream"
	"redisgate/users"
)

// ill is the exit code of doctor with findings.
const ill exitCode = 2

// suggestedAccount is what doctor calls an account for redisgate that has none.
const suggestedAccount = "redisgate"

// lookAs is another account for doctor to look by.
type lookAs struct{ username, passwordFile string }

func newDoctor() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor --config FILE",
		Short: "Look at the Redis behind, and say what to fix and how",
		Long: `doctor looks at Redis by the account of [upstream], and as a stranger would: who
reaches it without redisgate, whether it wants a password, what a stranger could do,
whether it runs as root, and which of its settings would hurt connections that many
clients share. It compares the rights of redisgate's account with what the users of
the configuration need, and prints the ACL line for the least ones. It changes
nothing. What it may not look at it says; an account with the least rights may see
little, so that --username and --password-file name one to look by instead.

Exit code 0 without findings, 2 with some, 1 if it cannot look.`,
		Example: `  redisgate doctor --config /etc/redisgate/redisgate.toml
  redisgate doctor --config redisgate.toml --username admin --password-file admin.password`,
		Args: none,
	}
	path := configFlag(cmd)
	var by lookAs
	cmd.Flags().StringVar(&by.username, "username", "", "look as this `USER` of Redis")
	cmd.Flags().StringVar(&by.passwordFile, "password-file", "", "the `FILE` with that user's password")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if by.username != "" && by.passwordFile == "" {
			return hinted("name the file with its password, which is nowhere else: --password-file FILE", "--username is without --password-file")
		}
		b, err := loadAndBuild(*path, time.Now())
		if err != nil {
			return err
		}
		return examine(cmd.Context(), cmd.OutOrStdout(), b, by)
	}
	return cmd
}

// examine looks, and prints what it has found.
func examine(ctx context.Context, w io.Writer, b *built, by lookAs) error {
	d := *b.dialer
	if by.passwordFile != "" {
		d.Username, d.Password = by.username, config.Upstream{PasswordFile: by.passwordFile}.ReadPassword
		if _, err := d.Password(); err != nil {
			return hinted("name a file that holds the password of that user of Redis and nothing else", "--password-file: %w", err)
		}
	}
	nc, err := d.Dial(ctx, upstream.Key{Proto: 2})
	if err != nil {
		return hinted(hintOfDial(err), "Redis at %s: %w", b.cfg.Upstream.Address, err)
	}
	_ = nc.Close()
	as := upstream.NewControl(&d)
	defer as.Close()

	g := gateOf(b, by)
	stranger := *b.dialer
	stranger.Username, stranger.Password = "", nil
	var anonymous doctor.Asker
	open, let := letsIn(ctx, &stranger)
	if let {
		c := upstream.NewControl(&stranger)
		defer c.Close()
		anonymous = c
	}
	facts, err := doctor.Gather(ctx, g, as, anonymous, open)
	if err != nil {
		return hinted(hintOfDial(err), "Redis at %s: %w", b.cfg.Upstream.Address, err)
	}
	return report(w, b, g, facts)
}

// letsIn says whether Redis takes commands of a client that does not log in, or nil,
// and whether such a one can ask.
func letsIn(ctx context.Context, d *upstream.Dialer) (open *bool, asks bool) {
	nc, err := d.Dial(ctx, upstream.Key{Proto: 2})
	yes, no := true, false
	if err == nil {
		_ = nc.Close()
		return &yes, true
	}
	var refused *upstream.RefusedError
	if errors.As(err, &refused) {
		switch code, _, _ := strings.Cut(refused.Text, " "); code {
		case "NOPERM":
			return &yes, false
		case "NOAUTH", "DENIED":
			return &no, false
		}
	}
	return nil, false
}

func hintOfDial(err error) string {
	var refused *upstream.RefusedError
	if !errors.As(err, &refused) {
		return "is it running, and is this its address (upstream.address)?"
	}
	if code, _, _ := strings.Cut(refused.Text, " "); code == "NOAUTH" {
		return "it wants a password: upstream.password_file"
	}
	return "look at upstream.username and upstream.password_file, or at --username and --password-file"
}

// gateOf is what the configuration asks of Redis.
func gateOf(b *built, by lookAs) doctor.Gate {
	up := b.cfg.Upstream
	e := up.Endpoint()
	g := doctor.Gate{
		Local:   e.Unix() || e.Local() || onThisMachine(e.Host()),
		Account: cmp.Or(up.Username, "default"), Address: up.Address,
		Shared: up.MaxShared, Dedicated: up.MaxDedicated,
		Argument: int64(b.cfg.Limits.MaxArgumentBytes), Command: int64(b.cfg.Limits.MaxCommandBytes),
		Hash: `"$(` + self() + ` hash-password)"`,
	}
	if !e.Unix() {
		g.TCPPort = portOf(e)
	}
	for _, u := range b.users.All() {
		if u.Origin != users.Builtin {
			g.Users = append(g.Users, u.User)
		}
	}
	file := up.PasswordFile
	if file != "" {
		g.Hash = `"$(` + self() + ` hash-password < ` + quote(file) + `)"`
	}
	user := up.Username
	if by.passwordFile != "" {
		file, user = by.passwordFile, by.username
	}
	if file != "" {
		g.CLI = `REDISCLI_AUTH="$(cat ` + quote(file) + `)" `
	}
	g.CLI += "redis-cli"
	if user != "" {
		g.CLI += " --user " + quote(user)
	}
	if e.Unix() {
		g.CLI += " -s " + quote(e.Address)
	} else {
		host, port, _ := net.SplitHostPort(e.Address)
		g.CLI += " -h " + quote(host) + " -p " + port
	}
	return g
}

func report(w io.Writer, b *built, g doctor.Gate, facts doctor.Facts) error {
	findings := doctor.Judge(facts, g)
	var out strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&out, "%-9s %s: %s\n", f.Severity, f.About, f.Text)
		for _, fix := range f.Fix {
			fmt.Fprintf(&out, "  fix: %s\n", fix)
		}
	}
	unseen := facts.Unseen
	if facts.Open == nil {
		unseen = append(unseen, doctor.Unseen{What: "whether Redis wants a password", Why: "it did not say"})
	}
	for _, u := range unseen {
		fmt.Fprintf(&out, "%-9s %s: %s\n", "unseen", u.What, u.Why)
	}
	least(&out, b, g, facts)
	switch {
	case len(findings) > 0:
		fmt.Fprintf(&out, "\nfindings: %d", len(findings))
	default:
		out.WriteString("\nno findings")
	}
	if len(unseen) > 0 {
		fmt.Fprintf(&out, "; %d could not be looked at, see unseen", len(unseen))
	}
	out.WriteString("\n")
	if len(unseen) > 0 {
		out.WriteString("what redisgate's account may not see, an administrator of Redis may: --username NAME --password-file FILE\n")
	}
	if _, err := io.WriteString(w, clean(out.String())); err != nil {
		return err
	}
	if len(findings) > 0 {
		return ill
	}
	return nil
}

// least prints the least rights of redisgate's account, as an aclfile has them and as a
// line for a shell.
func least(out *strings.Builder, b *built, g doctor.Gate, facts doctor.Facts) {
	rights := doctor.Least(g, facts.Commands)
	name, hash := g.Account, ""
	if b.cfg.Upstream.Username == "" {
		name, hash = suggestedAccount, " on "+g.Hash
	}
	words := rights.Words()
	var quoted []string
	for _, word := range words {
		quoted = append(quoted, quote(word))
	}
	fmt.Fprintf(out, "\nThe least rights that redisgate needs for the users of this configuration, as a line of Redis's\nACL file or redis.conf (the #hash of its password is what `redisgate hash-password` prints):\n\n")
	fmt.Fprintf(out, "  user %s on #<sha256 hex> %s\n\nand for a shell, which keeps the passwords of a user who exists:\n\n", name, strings.Join(words, " "))
	fmt.Fprintf(out, "  %s ACL SETUSER %s%s %s\n\n", g.CLI, quote(name), hash, strings.Join(quoted, " "))
	if hash != "" {
		fmt.Fprintf(out, "Then write upstream.username = %q into the configuration, which uses Redis's \"default\" now.\n", name)
	}
	out.WriteString("It lasts with ACL SAVE (an ACL file) or CONFIG REWRITE. It is the union of what the users may do:\nwhat one may run and the keys of another together are up to redisgate to forbid.\n")
	for _, u := range g.Users {
		if u.AllPowerful() {
			out.WriteString("A user may do everything, so that little is left to take away; such users can make others by\nACL SETUSER, who need nothing beyond this.\n")
			break
		}
	}
	if scripts := scripters(g.Users); len(scripts) > 0 {
		fmt.Fprintf(out, "Scripts of users with unsafe_scripts (%s) may do all of it, and nothing beyond.\n", strings.Join(scripts, ", "))
	}
}

// scripters are users whose scripts may do more than they.
func scripters(all []*policy.User) []string {
	var out []string
	for _, u := range all {
		if u.UnsafeScripts && !u.AllPowerful() {
			out = append(out, fmt.Sprintf("%q", u.Name))
		}
	}
	return out
}
