package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Asker sends one command to Redis, within a time of its own. A reply that is an error is
// an error whose text begins with Redis's code.
type Asker interface {
	Ask(ctx context.Context, args ...string) (any, error)
}

// asked are the settings that Judge looks at. No password is among them.
var asked = []string{
	"bind", "port", "tls-port", "protected-mode", "enable-debug-command", "enable-module-command", "enable-protected-configs",
	"maxclients", "timeout", "client-output-buffer-limit", "proto-max-bulk-len", "client-query-buffer-limit", "maxmemory-clients",
	"tcp-keepalive", "aclfile", "unixsocket",
}

// dangerous are commands that a stranger should not reach, with arguments that ACL
// DRYRUN takes.
var dangerous = [][]string{
	{"CONFIG", "SET", "maxmemory", "0"},
	{"ACL", "SETUSER", "x"},
	{"DEBUG", "SLEEP", "0"},
	{"MODULE", "LOAD", "/x"},
	{"REPLICAOF", "NO", "ONE"},
	{"MIGRATE", "h", "1", "k", "0", "1"},
	{"SHUTDOWN"},
	{"FLUSHALL"},
	{"KEYS", "*"},
	{"EVAL", "return 1", "0"},
	{"MONITOR"},
	{"SYNC"},
	{"SAVE"},
}

// containers are those of dangerous that are named with their subcommand.
var containers = []string{"CONFIG", "ACL", "DEBUG", "MODULE"}

// Gather looks at a Redis. as asks by an account; open says whether one who does not log in
// is let in, nil that nobody knows, and anonymous, if it is not nil, asks as such a one. A
// Redis that cannot be asked at all is an error.
func Gather(ctx context.Context, g Gate, as, anonymous Asker, open *bool) (Facts, error) {
	if _, err := as.Ask(ctx, "PING"); err != nil && !refused(err) {
		return Facts{}, err
	}
	s := &sight{ctx: ctx, as: as, g: g, f: Facts{Settings: map[string]string{}, Open: open}}
	info := s.info()
	s.settings()
	s.users(anonymous)
	s.commands()
	s.machine(info)
	return s.f, nil
}

// sight is a look that goes on.
type sight struct {
	ctx context.Context
	as  Asker
	g   Gate
	f   Facts
}

func refused(err error) bool { return strings.HasPrefix(err.Error(), "NOPERM ") }

func (s *sight) unseen(what string, err error) {
	why := err.Error()
	if refused(err) {
		why = "the account may not ask for it: " + why
	}
	s.f.Unseen = append(s.f.Unseen, Unseen{what, why})
}

// info reads INFO: server.
func (s *sight) info() map[string]string {
	out := map[string]string{}
	reply, err := s.as.Ask(s.ctx, "INFO", "server")
	if err != nil {
		s.unseen("the version, and whether Redis runs as root", err)
		return out
	}
	text, _ := reply.(string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			out[name] = value
		}
	}
	s.f.Name, s.f.Version, s.f.Mode = "redis", out["redis_version"], out["redis_mode"]
	if v := out["valkey_version"]; v != "" {
		s.f.Name, s.f.Version, s.f.Mode = "valkey", v, out["server_mode"]
	}
	return out
}

// settings asks for one at a time, which versions before 7.0 need too.
func (s *sight) settings() {
	for _, name := range asked {
		reply, err := s.as.Ask(s.ctx, "CONFIG", "GET", name)
		if err != nil {
			s.unseen("the settings ("+strings.Join(asked, ", ")+")", err)
			return
		}
		if pair, ok := reply.([]any); ok && len(pair) == 2 {
			s.f.Settings[name] = fmt.Sprint(pair[1])
		}
	}
}

// users reads redisgate's account and the user default, and what the latter may do.
func (s *sight) users(anonymous Asker) {
	ask := s.as
	account, err := getUser(s.ctx, ask, s.g.Account)
	if err != nil {
		s.unseen(fmt.Sprintf("the rights of redisgate's account %q", s.g.Account), err)
	}
	s.f.Account = account
	if s.f.Default = account; s.g.Account != "default" || err != nil {
		if s.f.Default, err = getUser(s.ctx, ask, "default"); err != nil && anonymous != nil {
			ask = anonymous // who is let in may often ask
			s.f.Default, err = getUser(s.ctx, ask, "default")
		}
		if err != nil {
			s.unseen("the user \"default\"", err)
		}
	}
	for _, args := range dangerous {
		dry := append([]string{"ACL", "DRYRUN", "default"}, args...)
		reply, err := ask.Ask(s.ctx, dry...)
		if err != nil && refused(err) && anonymous != nil && ask != anonymous {
			ask = anonymous
			reply, err = ask.Ask(s.ctx, dry...)
		}
		if err != nil {
			if strings.Contains(err.Error(), "not found") { // renamed away
				continue
			}
			s.unseen("which dangerous commands the user \"default\" may run", err)
			return
		}
		if reply == "OK" {
			name := args[0]
			if slices.Contains(containers, name) {
				name += " " + args[1]
			}
			s.f.Dangerous = append(s.f.Dangerous, name)
		}
	}
}

// getUser reads a user's rules. Hashes of passwords are left where they are.
func getUser(ctx context.Context, ask Asker, name string) (*Account, error) {
	reply, err := ask.Ask(ctx, "ACL", "GETUSER", name)
	if err != nil {
		return nil, err
	}
	fields := pairs(reply)
	if fields == nil {
		return nil, fmt.Errorf("there is no user %q", name)
	}
	flags := words(fields["flags"])
	a := &Account{Enabled: slices.Contains(flags, "on"), NoPass: slices.Contains(flags, "nopass"), Selectors: []Selector{selector(fields)}}
	more, _ := fields["selectors"].([]any)
	for _, m := range more {
		a.Selectors = append(a.Selectors, selector(pairs(m)))
	}
	return a, nil
}

func selector(fields map[string]any) Selector {
	return Selector{Commands: words(fields["commands"]), Keys: words(fields["keys"]), Channels: words(fields["channels"])}
}

// pairs reads a map as RESP2 has it.
func pairs(v any) map[string]any {
	list, _ := v.([]any)
	if len(list) == 0 {
		return nil
	}
	out := map[string]any{}
	for i := 0; i+1 < len(list); i += 2 {
		out[fmt.Sprint(list[i])] = list[i+1]
	}
	return out
}

// words reads a text of words, or a list.
func words(v any) []string {
	if text, ok := v.(string); ok {
		return strings.Fields(text)
	}
	var out []string
	list, _ := v.([]any)
	for _, item := range list {
		out = append(out, fmt.Sprint(item))
	}
	return out
}

// commands reads the server's own list of its commands.
func (s *sight) commands() {
	reply, err := s.as.Ask(s.ctx, "COMMAND")
	if err != nil {
		s.unseen("the commands of this Redis: the ACL line below may name some that it lacks; leave those out", err)
		return
	}
	list, _ := reply.([]any)
	s.f.Commands = readCommands(list)
}

// readCommands reads the entries of COMMAND: name, arity, ..., categories at 6,
// subcommands at 9.
func readCommands(list []any) []Command {
	var out []Command
	for _, item := range list {
		f, ok := item.([]any)
		if !ok || len(f) < 7 {
			continue
		}
		c := Command{Name: strings.ToLower(fmt.Sprint(f[0])), Callable: true}
		for _, category := range words(f[6]) {
			c.Categories = append(c.Categories, strings.TrimPrefix(category, "@"))
		}
		var subs []any
		if len(f) > 9 {
			subs, _ = f[9].([]any)
		}
		if len(subs) > 0 {
			c.Callable = fmt.Sprint(f[1]) == strconv.Itoa(-1)
		}
		out = append(append(out, c), readCommands(subs)...)
	}
	return out
}
