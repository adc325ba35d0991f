package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"redisgate/auth"
	"redisgate/config"
	"redisgate/configs"
	"redisgate/doctor"
	"redisgate/policy"
)

// accountFile has the command that makes redisgate's account in Redis.
const accountFile = "account.redis"

// write writes the set-up for what was carried over, beside files, and says what is next.
func (t *taken) write(dir, abs string, files []file, stdout io.Writer) error {
	carried, password := len(t.users.Users), ""
	if !slices.ContainsFunc(t.users.Users, func(u *policy.User) bool { return u.Enabled }) {
		password = newPassword()
		u, err := policy.ParseUser(t.free(firstUser), fmt.Sprintf(firstRules, auth.Rule(auth.Hash([]byte(password)))), policy.Options{})
		if err != nil {
			return err
		}
		t.users.Users = append(t.users.Users, u)
	}
	acl, err := t.users.File()
	if err != nil {
		return err
	}
	account, redisPassword := t.free(suggestedAccount), newPassword()
	toml, err := t.config(account)
	if err != nil {
		return err
	}
	files = append(files,
		file{"redisgate.toml", private, []byte(toml)},
		file{"users.acl", private, acl},
		file{"redis.password", private, []byte(redisPassword + "\n")},
		file{accountFile, private, t.account(account, redisPassword)},
	)
	if err := writeNew(abs, files); err != nil {
		return err
	}
	_, err = io.WriteString(stdout, clean(t.report(dir, abs, account, password, carried)))
	return err
}

// config is the full example for that Redis and an ACL file.
func (t *taken) config(account string) (string, error) {
	o, u := t.from, config.Default().Upstream
	replacements := []replacement{
		key("address", inQuotes(u.Address), inQuotes(o.upstreamAddress())),
		key("username", `""`, inQuotes(account)),
		key("password_file", `""`, `"redis.password"`),
		key("file", `""`, `"users.acl"`),
		{exampleUser(configs.Full), withoutUser(exampleUser(configs.Full))},
	}
	if !o.endpoint.Local() {
		replacements = append(replacements, key("unsafe_remote", "false", "true"))
	}
	if o.secure {
		replacements = append(replacements, key("tls", "false", "true"), key("ca", `""`, inQuotes(o.ca)), key("cert", `""`, inQuotes(o.cert)), key("key", `""`, inQuotes(o.key)))
	}
	return exampleWith(replacements...)
}

func (o *origin) upstreamAddress() string {
	if o.endpoint.Unix() {
		return "unix://" + o.endpoint.Address
	}
	return o.endpoint.Address
}

// exampleUser returns the example's [[user]] with the comment above it.
func exampleUser(text string) string {
	start, end := strings.Index(text, "# One [[user]] table"), strings.Index(text, "\n[acl]\n")
	if start < 0 || end < start {
		return "# One [[user]] table"
	}
	return text[start:end]
}

// withoutUser makes a comment of that table, without the rules, which stand in the ACL file.
func withoutUser(table string) string {
	out := []string{
		"# The users and their rules stand in users.acl. A [[user]] table adds what Redis's",
		"# rules cannot say to the one of that name, for example:",
		"#",
	}
	for line := range strings.Lines(strings.Replace(table, aclLines(table), "", 1)) {
		line = strings.TrimRight(line, "\n")
		if _, comment := strings.CutPrefix(line, "# "); !comment && line != "" {
			line = "#" + line
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n") + "\n"
}

// account is the command that makes redisgate's account in Redis, for redis-cli.
func (t *taken) account(name, password string) []byte {
	rights := doctor.Least(t.gate(), t.facts.Commands)
	words := []string{"ACL", "SETUSER", name, "on", "resetpass", auth.Rule(auth.Hash([]byte(password)))}
	for _, w := range rights.Words() {
		words = append(words, cliWord(w))
	}
	return []byte(strings.Join(words, " ") + "\n")
}

// cliWord writes s as one word of a line for redis-cli (sds.c, sdssplitargs).
func cliWord(s string) string {
	plain := func(r rune) bool { return r > ' ' && r < 0x7f && !strings.ContainsRune(`"'\`, r) }
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	out := []byte{'"'}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < ' ' || c >= 0x7f:
			out = fmt.Appendf(out, `\x%02x`, c)
		default:
			out = append(out, c)
		}
	}
	return string(append(out, '"'))
}

// clean keeps what Redis has a say in from acting on a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) && r != '\n' {
			return '?'
		}
		return r
	}, s)
}

const carriedText = `Wrote to %[1]s:
  redisgate.toml           the configuration, every key with a comment
  users.acl                the users of Redis at %[2]s, with their rules and passwords
  account.redis            a command that makes the account %[3]q in Redis, for redisgate
  redis.password           the password of that account
  server.crt, server.key   what clients see
  ca.crt                   give it to clients, so that they know the server
  ca.key                   whoever has it can pretend to be the server: move it to
                           another machine, it is needed only to sign further certificates

`

const carriedNext = `
Next; nothing has been changed in Redis so far%[6]s:
  %[1]s < %[2]s
  %[3]s check --config %[4]s
  %[3]s doctor --config %[4]s
  %[3]s serve --config %[4]s
The account lasts with %[5]s. Clients go on as they are while you move
them, one after the other, to 127.0.0.1:6380 with TLS and the same user and password.
`

// report says what was written, what is not as it was, and what is next.
func (t *taken) report(dir, abs, account, password string, carried int) string {
	var out strings.Builder
	fmt.Fprintf(&out, carriedText, dir, t.from.address, account)
	if password != "" {
		u := t.users.Users[len(t.users.Users)-1]
		fmt.Fprintf(&out, "None of these users could log in, so there is one more, %q. Its password is shown\nthis once:\n\n  %s\n\n", u.Name, password)
	}
	fmt.Fprintf(&out, "Users carried over: %d of %d\n", carried, len(t.names))
	for _, n := range append(t.users.Notes, t.notes()...) {
		fmt.Fprintf(&out, "note: %s\n", n)
	}
	path := func(name string) string { return quote(filepath.Join(abs, name)) }
	keep := "CONFIG REWRITE"
	if t.facts.Settings["aclfile"] != "" {
		keep = "ACL SAVE"
	}
	where := ""
	if t.from.passwordFile == "" {
		where = " (redis-cli takes its password\nfrom " + originPassword + ")"
	}
	fmt.Fprintf(&out, carriedNext, t.from.cli(), path(accountFile), self(), path("redisgate.toml"), keep, where)
	return out.String()
}
