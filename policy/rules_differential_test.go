package policy

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
	"redisgate/policy/command"
)

// TestRulesAgreeWithServer gives random words to ACL SETUSER, many of them wrong: the same error, or the same user by
// ACL GETUSER.
func TestRulesAgreeWithServer(t *testing.T) {
	t.Parallel()
	size, rng := differentialSize(t, 200000)
	client := redistest.Start(t, redistest.Options{}).Client()
	g := newGenerator(t, rng, client)
	ctx := context.Background()
	lists, good := 0, 0
	for lists < size/10 && !t.Failed() {
		pipe := client.Pipeline()
		words := make([][]string, 100)
		set, get := make([]*redis.Cmd, len(words)), make([]*redis.Cmd, len(words))
		for i := range words {
			words[i] = g.words()
			line := []any{"ACL", "SETUSER", "app"}
			for _, w := range words[i] {
				line = append(line, w)
			}
			set[i], get[i] = pipe.Do(ctx, line...), pipe.Do(ctx, "ACL", "GETUSER", "app")
		}
		if _, err := pipe.Exec(ctx); err != nil && !isReplyError(err) && !errors.Is(err, redis.Nil) {
			t.Fatalf("ACL SETUSER = %v; want answers", err)
		}
		for i, w := range words {
			u, err := NewUser("app", w, Options{})
			problem := sameError(w, err, set[i].Err())
			if err == nil && problem == "" {
				good++
				problem = g.sameUser(u, get[i])
			}
			if problem != "" {
				t.Errorf("NewUser(%q): %s", w, problem)
			}
		}
		lists += len(words)
	}
	t.Logf("%d of %d lists were good", good, lists)
	if good < lists/10 || good > lists*9/10 {
		t.Errorf("%d of %d users were good; want more to compare of both kinds", good, lists)
	}
}

// sameError compares an error with the server's, which quotes up to a NUL and on one line.
func sameError(words []string, err, server error) string {
	var rule *RuleError
	switch {
	case err == nil && server == nil:
		return ""
	case err == nil:
		return fmt.Sprintf("is taken; the server says %v", server)
	case errors.As(err, &rule) && stricterWord(rule.Token):
		return ""
	case errors.As(err, &rule) && strings.Contains(rule.Token, "(hidden)") && slices.ContainsFunc(words, stricterWord):
		return "" // it may be the one
	case server == nil:
		return fmt.Sprintf("= %v; the server takes it", err)
	case errors.As(err, &rule) && strings.Contains(rule.Token, "(hidden)"):
		if strings.HasSuffix(server.Error(), ": "+rule.Msg) {
			return ""
		}
	case errors.As(err, &rule):
		token, _, _ := strings.Cut(rule.Token, "\x00")
		if server.Error() == "ERR "+oneLine((&RuleError{token, rule.Msg}).Error()) {
			return ""
		}
	case strings.HasPrefix(err.Error(), "Unmatched parenthesis"):
		if strings.HasPrefix(server.Error(), "ERR Unmatched parenthesis in acl selector starting at '(") {
			return ""
		}
	}
	return fmt.Sprintf("= %q; the server says %q", err, server)
}

// stricterWord says of a word that is an error here why Redis may take it.
func stricterWord(word string) bool {
	switch {
	case strings.Contains(word, "\x00"): // Redis compares it up to there
		return true
	case strings.HasPrefix(word, "+") && strings.Contains(word, "|") && hasSpace(word): // what it then prints does not load
		return true
	}
	return false
}

func oneLine(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }

// words makes a list of rules, at times not quite right.
func (g *generator) words() []string {
	words := []string{"reset"}
	for range 1 + g.IntN(6) {
		words = append(words, g.word())
	}
	if g.IntN(8) == 0 {
		words = append(words, g.selector()...)
	}
	if g.IntN(3) == 0 {
		i := 1 + g.IntN(len(words)-1)
		words[i] = g.garble(words[i])
	}
	if reopens(words) {
		return g.words()
	}
	return words
}

// reopens says that a selector which is open is opened again: then Redis 7.0 forgets what has been read of it, and newer
// ones read on, as here.
func reopens(words []string) bool {
	open := false
	for _, w := range words {
		switch {
		case strings.HasSuffix(w, ")"):
			open = false
		case strings.HasPrefix(w, "("):
			if open {
				return true
			}
			open = true
		}
	}
	return false
}

// word makes one rule, often a wrong one.
func (g *generator) word() string {
	hash := strings.Repeat("0123456789abcdef", 4)
	wrong := []string{
		"#" + strings.ToUpper(hash), "#abc", "~a b", "~a\x00", "&a\tb", "", "(~a +get", ")", "+set ~b)", "(", "(on)", "(>pw)",
		`(+get "~a)`, `("+get"x)`, "%", "%~a", "%RR~a", "%Rx~a", "+config|nope", "+config|get|x", "+get|a|b", "-select|0", "+get|", "+|get",
		"+", "-", "@all", "+nosuch", "+@nosuch", "+@", "(+@nosuch)", "<nosuch", "on\x00", "+get\x00x", "allkeys\x00x", "+select|0\x00x",
	}
	right := []string{
		"on", "OFF", "nopass", "resetpass", ">pw", ">", ">p\x00w", "<pw", "#" + hash, "!" + hash, "sanitize-payload", "skip-sanitize-payload",
		"allkeys", "~*", "resetkeys", "allchannels", "&*", "resetchannels", "allcommands", "nocommands", "+@ALL", "-@all", "clearselectors",
		"()", "( )", `(~"x y")`, `(~"a" '&b' +get)`, `("" +get)`, `("~a\x2a\n")`, "(~a)(~b)", "(+@read -get)", "%WR~a", "%r", "+config", "-config|get",
		"+select|0", "+set|Ab", "%RW~*", "&", "~", "+client|id", "-client", "+@slow", "-@fast",
	}
	w := ""
	switch g.IntN(8) {
	case 0:
		return pick(g, keyRules)
	case 1:
		return pick(g, channelRules)
	case 2:
		w = pick(g, []string{"+", "-"}) + pick(g, g.commands).Name
	case 3:
		w = pick(g, []string{"+@", "-@"}) + pick(g, command.CategoryNames())
	case 4:
		w = pick(g, wrong)
	default:
		w = pick(g, right)
	}
	if g.IntN(5) == 0 && w != "" && strings.IndexByte("#!<>", w[0]) < 0 {
		w = g.randomCase(w)
	}
	return w
}

// garble puts in, takes out or doubles a byte.
func (g *generator) garble(w string) string {
	i := g.IntN(len(w) + 1)
	switch g.IntN(3) {
	case 0:
		return w[:i] + w[min(i+1, len(w)):]
	case 1:
		return w[:i] + w[max(i-1, 0):]
	}
	return w[:i] + pick(g, strings.Split(`( ) " ' % ~ & @ | + - * \ r`, " ")) + pick(g, []string{"", "\x00", " ", "\t", "\xff"}) + w[i:]
}

// sameUser compares with what ACL GETUSER says.
func (g *generator) sameUser(u *User, reply *redis.Cmd) string {
	got, ok := reply.Val().(map[any]any)
	if !ok {
		return fmt.Sprintf("ACL GETUSER = %v, %v; want a map", reply.Val(), reply.Err())
	}
	flags := stringSet(got["flags"])
	for name, want := range map[string]bool{"on": u.Enabled, "nopass": u.NoPass, "skip-sanitize-payload": u.SkipSanitize} {
		if slices.Contains(flags, name) != want {
			return fmt.Sprintf("has %s: %v; the server says %v", name, want, flags)
		}
	}
	var passwords []string
	for _, h := range u.Passwords {
		passwords = append(passwords, hex.EncodeToString(h[:]))
	}
	if server := stringSet(got["passwords"]); !slices.Equal(server, passwords) {
		return fmt.Sprintf("has the passwords %v; the server %v", passwords, server)
	}
	others, _ := got["selectors"].([]any)
	if len(others) != len(u.selectors)-1 {
		return fmt.Sprintf("has %d more selectors; the server %d", len(u.selectors)-1, len(others))
	}
	for i, o := range append([]any{got}, others...) {
		if problem := g.sameSelector(u.selectors[i], o.(map[any]any)); problem != "" {
			return fmt.Sprintf("selector %d %s", i, problem)
		}
	}
	return ""
}

func (g *generator) sameSelector(s *selector, server map[any]any) string {
	var keys, channels []string
	if s.allKeys {
		keys = []string{"~*"}
	}
	for _, k := range s.keys {
		rule := k.String()
		if rule == "%RW~*" { // which Redis cannot tell from all keys
			rule = "~*"
		}
		keys = append(keys, rule)
	}
	if s.allChannels {
		channels = []string{"&*"}
	}
	for _, p := range s.channels {
		channels = append(channels, "&"+p.text)
	}
	if got := strings.Join(keys, " "); got != server["keys"] {
		return fmt.Sprintf("has keys %q; the server %q", got, server["keys"])
	}
	if got := strings.Join(channels, " "); got != server["channels"] {
		return fmt.Sprintf("has channels %q; the server %q", got, server["channels"])
	}
	return g.sameCommands(s, server["commands"].(string))
}

// sameCommands reads the rules that the server prints. Redis 7.0 makes them up from its set of commands, newer ones print
// what they were given; they must mean the same, reserved commands aside, which no category reaches here.
func (g *generator) sameCommands(s *selector, printed string) string {
	other := &selector{}
	for _, w := range strings.Fields(printed) {
		if msg := other.apply(w, false); msg != "" {
			return fmt.Sprintf("is printed by the server with %q, which is %q here", w, msg)
		}
	}
	if s.future != other.future {
		return fmt.Sprintf("runs commands to come: %v; the server says %q", s.future, printed)
	}
	for _, c := range g.commands {
		if c.Flags.Has(command.FlagReserved) || c.Flags.Has(command.FlagContainer) {
			continue
		}
		if s.allowed.has(c.ID) != other.allowed.has(c.ID) {
			return fmt.Sprintf("runs %s: %v; the server says %q", c.Name, s.allowed.has(c.ID), printed)
		}
		if !s.allowed.has(c.ID) && !slices.Equal(firstArgsOf(s, c), firstArgsOf(other, c)) {
			return fmt.Sprintf("runs %s with %v; the server says %q", c.Name, firstArgsOf(s, c), printed)
		}
	}
	return ""
}

func firstArgsOf(s *selector, c *command.Command) []string {
	var out []string
	for _, f := range s.firstArgs {
		if f.id == c.ID {
			out = append(out, f.arg)
		}
	}
	slices.Sort(out)
	return out
}

func stringSet(v any) []string {
	var out []string
	switch v := v.(type) {
	case []any:
		for _, s := range v {
			out = append(out, s.(string))
		}
	case map[any]bool:
		for s := range v {
			out = append(out, s.(string))
		}
	}
	return out
}
