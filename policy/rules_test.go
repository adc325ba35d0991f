package policy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
	"redisgate/policy/command"
)

func TestRuleErrors(t *testing.T) {
	for _, tt := range []struct{ rules, token, msg string }{
		{"+nosuch", "+nosuch", msgUnknown},
		{"+@nosuch", "+@nosuch", msgUnknown},
		{"+config|nosuch", "+config|nosuch", msgUnknown},
		{"+get|a|b", "+get|a|b", msgUnknown},
		{"-select|0", "-select|0", msgUnknown},
		{"+get|", "+get|", msgSyntax},
		{"+", "+", msgUnknown},
		{"+config|set|x", "+config|set|x", msgSubArg},
		{"onn", "onn", msgSyntax},
		{"%x~a", "%x~a", msgSyntax},
		{"%RR~a", "%RR~a", msgSyntax},
		{"%~a", "%~a", msgSyntax},
		{"%", "%", msgSyntax},
		{"~* ~a", "~a", msgAllKeys},
		{"allkeys %R~a", "%R~a", msgAllKeys},
		{"&* &a", "&a", msgAllChans},
		{"<nosuch", "<(hidden)", msgNoPass},
		{"!" + strings.Repeat("0", 64), "!(hidden)", msgNoPass},
		{"#abc", "#(hidden)", msgBadHash},
		{"#" + strings.Repeat("A", 64), "#(hidden)", msgBadHash},
		{"!zz", "!(hidden)", msgBadHash},
		{"#" + strings.Repeat("é", 32), "#(hidden)", msgBadHash},
		{"(on)", "(on)", msgSyntax},
		{"(>secret)", "(>(hidden)", msgSyntax},
		{"(+get (+set))", "(+get (+set))", msgSyntax},
		{")", ")", msgSyntax},
		{">my secret", "(hidden)", msgSyntax},
		{"on >pw off nonsense", "nonsense", msgSyntax},
	} {
		_, err := ParseUser("app", tt.rules, Options{})
		var re *RuleError
		if !errors.As(err, &re) || re.Token != tt.token || re.Msg != tt.msg {
			t.Errorf("ParseUser(%q) = %v; want token %q, %q", tt.rules, err, tt.token, tt.msg)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseUser(%q) = %v, which tells the password", tt.rules, err)
		}
	}
	for rules, want := range map[string]string{
		"(+get":                "Unmatched parenthesis in acl selector starting at '(+get'.",
		"on (~a +@all off ( )": "",
		"(>secret x":           "Unmatched parenthesis in acl selector starting at '(>(hidden)'.",
	} {
		_, err := ParseUser("app", rules, Options{})
		if want != "" && (err == nil || err.Error() != want) {
			t.Errorf("ParseUser(%q) = %v; want %q", rules, err, want)
		}
	}
	for _, name := range []string{"a b", "a\x00", "\t"} {
		if _, err := ParseUser(name, "on", Options{}); err == nil || err.Error() != errUserName {
			t.Errorf("ParseUser(name %q) = %v; want %q", name, err, errUserName)
		}
	}
}

func TestRulesReadInOrder(t *testing.T) {
	u := mustUser(t, "on >a >b >a <b nopass >c sanitize-payload ~x %R~y %W~y resetkeys %r~z %W~z", Options{})
	if !u.Enabled || u.NoPass || len(u.Passwords) != 1 {
		t.Errorf("enabled %v, nopass %v, %d passwords; want on, a password", u.Enabled, u.NoPass, len(u.Passwords))
	}
	if k := u.selectors[0].keys; len(k) != 1 || k[0].String() != "~z" {
		t.Errorf("keys = %v; want ~z, to read and write", k)
	}
	if u := mustUser(t, "on >pw ~a +@all (+get ~b) reset", Options{}); u.Rules() != "off sanitize-payload resetchannels -@all" {
		t.Errorf("after reset: %q; want nothing", u.Rules())
	}
	if u := mustUser(t, `(+get ~"foo") ( ) (~a)(~b) (+set "~x")`, Options{}); u.Rules() !=
		`off sanitize-payload resetchannels -@all (~foo resetchannels -@all +get) (resetchannels -@all) (~a)(~b resetchannels -@all) (~x resetchannels -@all +set)` {
		t.Errorf("selectors = %q", u.Rules())
	}
	if u := mustUser(t, `(+get "~x)`, Options{}); u.Rules() != "off sanitize-payload resetchannels -@all (resetchannels -@all)" {
		t.Errorf("unbalanced quotes = %q; want an empty selector", u.Rules())
	}
}

func TestWithLeavesTheUserAlone(t *testing.T) {
	u := mustUser(t, "on ~a +get (+set ~b)", Options{})
	before := u.Rules()
	if _, err := u.With([]string{"+@all", "allkeys", "clearselectors", "nonsense"}, Options{}); err == nil {
		t.Errorf("With(nonsense) = no error; want one")
	}
	v, err := u.With([]string{"+@all", "resetkeys", "~c", ">pw", "clearselectors"}, Options{})
	if err != nil {
		t.Fatalf("With = %v; want no error", err)
	}
	if u.Rules() != before || v.Rules() == before {
		t.Errorf("With changed %q to %q, and made %q", before, u.Rules(), v.Rules())
	}
}

// As Redis 7.2 and newer print command rules.
func TestCommandRulesArePrintedAsWritten(t *testing.T) {
	for rules, want := range map[string]string{
		"+config|get +config": "-@all +config", "+config +config|get": "-@all +config +config|get", "+get -get": "-@all -get",
		"+GET +@Read -@ALL +set": "-@all +set", "+@all -@admin +client|id -@admin": "+@all +client|id -@admin", "+get +set +get": "-@all +set +get",
		"+select|0 +SELECT|A -select": "-@all -select", "+gets|x": "",
		"+acl|list +acl": "-@all +acl|list +acl", "+slowlog|get +slowlog": "-@all +slowlog|get +slowlog", "+acl|list -acl": "-@all -acl",
	} {
		u, err := ParseUser("app", rules, Options{})
		if want == "" {
			if err == nil {
				t.Errorf("ParseUser(%q) = no error; want one", rules)
			}
			continue
		}
		if err != nil || u.Rules() != "off sanitize-payload resetchannels "+want {
			t.Errorf("ParseUser(%q) prints %q, %v; want ... %q", rules, u.Rules(), err, want)
		}
	}
}

// meaning is what two users must share to be the same.
func meaning(u *User) string {
	v := u.clone()
	var b strings.Builder
	for _, s := range v.selectors {
		for id := range command.Count() {
			b.WriteByte("01"[btoi(s.allowed.has(id))] + 2*byte(btoi(s.named.has(id))))
		}
		b.WriteString(strings.Join(s.words(), " "))
		b.WriteByte("01"[btoi(s.runsAll())])
		for _, f := range s.firstArgs {
			b.WriteString(command.ByID(f.id).Name + "|" + f.arg + " ")
		}
	}
	return b.String() + u.Rules()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// FuzzRules: whatever is accepted prints so that it reads again as the same.
func FuzzRules(f *testing.F) {
	for _, s := range []string{
		"on >pw ~a %R~b &c +@all -@dangerous +config|get (+get ~x)", "nopass allkeys allchannels allcommands", "%RW~* +select|0 reset",
		`(+get ~"a\x41" '&b')`, "+config|set -config +config", "~( ~)", "(~a)(~b)", "+@all -get +get", "%R",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, rules string) {
		u, err := ParseUser("app", rules, Options{})
		if err != nil {
			return
		}
		again, err := ParseUser("app", u.Rules(), Options{})
		if err != nil {
			t.Fatalf("ParseUser(%q) prints %q, which reads as %v", rules, u.Rules(), err)
		}
		if got, want := meaning(again), meaning(u); got != want {
			t.Fatalf("ParseUser(%q) prints %q, which is another user", rules, u.Rules())
		}
	})
}

// TestRulesAgreeWithServer gives random words to ACL SETUSER: the same error, or the same flags, passwords, keys, channels.
func TestRulesAgreeWithServer(t *testing.T) {
	size, rng := differentialSize(t)
	client := redistest.Start(t, redistest.Options{}).Client()
	g := newGenerator(t, rng, client)
	ctx := context.Background()
	good := 0
	for range size / 10 {
		words := []string{"reset"}
		for range 1 + g.IntN(5) {
			words = append(words, g.word())
		}
		line := []any{"ACL", "SETUSER", "app"}
		for _, w := range words {
			line = append(line, w)
		}
		serverErr := client.Do(ctx, line...).Err()
		u, err := NewUser("app", words, Options{})
		var re *RuleError
		switch {
		case err == nil && serverErr == nil:
			good++
			sameUser(t, client, u, words)
		case err == nil || serverErr == nil:
			t.Errorf("NewUser(%q) = %v; the server says %v", words, err, serverErr)
		case errors.As(err, &re) && !strings.HasSuffix(serverErr.Error(), ": "+re.Msg):
			t.Errorf("NewUser(%q) = %v; the server says %v", words, err, serverErr)
		}
	}
	if good < size/100 {
		t.Errorf("%d of %d users were good; want more to compare", good, size/10)
	}
}

// word makes one rule, often a wrong one.
func (g *generator) word() string {
	hash := strings.Repeat("0123456789abcdef", 4)
	words := []string{
		"on", "OFF", "nopass", "resetpass", ">pw", "<pw", "#" + hash, "!" + hash, "#" + strings.ToUpper(hash), "#abc", "sanitize-payload",
		"skip-sanitize-payload", "allkeys", "~*", "resetkeys", "allchannels", "&*", "resetchannels", "allcommands", "nocommands", "+@ALL",
		"-@all", "clearselectors", "()", "( )", "(~a +get", ")", "+set ~b)", "(", "(on)", "(>pw)", `(~"x y")`, `(~"a" '&b' +get)`,
		`("~a\x2a\n")`, `(+get "~a)`, `("+get"x)`, "(~a)(~b)", "%", "%~a", "%RR~a", "%WR~a", "%r", "%Rx~a", "~a b", "~a\x00", "&a\tb", "",
		"+config", "-config|get", "+config|nope", "+config|get|x", "+get|a|b", "+select|0", "-select|0", "+get|", "+|get", "+", "-", "@all",
		"+nosuch", "+@nosuch", "+@", "(+@nosuch)", "%RW~*", "&",
	}
	switch g.IntN(4) {
	case 0:
		return pick(g, keyRules)
	case 1:
		return pick(g, channelRules)
	}
	w := pick(g, words)
	if g.IntN(5) == 0 && w != "" && strings.IndexByte("#!<>", w[0]) < 0 {
		w = g.randomCase(w)
	}
	return w
}

// sameUser compares with ACL GETUSER what every version prints alike: not the commands.
func sameUser(t *testing.T, client *redis.Client, u *User, words []string) {
	t.Helper()
	m, err := client.Do(context.Background(), "ACL", "GETUSER", "app").Result()
	if err != nil {
		t.Fatalf("ACL GETUSER = %v; want a map", err)
	}
	got := m.(map[any]any)
	flags := stringSet(got["flags"])
	for name, want := range map[string]bool{"on": u.Enabled, "nopass": u.NoPass, "skip-sanitize-payload": u.SkipSanitize} {
		if slices.Contains(flags, name) != want {
			t.Errorf("NewUser(%q) has %s: %v; the server says %v", words, name, want, flags)
		}
	}
	if n := len(got["passwords"].([]any)); n != len(u.Passwords) {
		t.Errorf("NewUser(%q) has %d passwords; the server %d", words, len(u.Passwords), n)
	}
	sameSelector(t, words, u.selectors[0], got)
	others, _ := got["selectors"].([]any)
	if len(others) != len(u.selectors)-1 {
		t.Errorf("NewUser(%q) has %d more selectors; the server %d", words, len(u.selectors)-1, len(others))
		return
	}
	for i, o := range others {
		sameSelector(t, words, u.selectors[i+1], o.(map[any]any))
	}
}

func sameSelector(t *testing.T, words []string, s *selector, server map[any]any) {
	t.Helper()
	var keys, channels []string
	if s.allKeys {
		keys = []string{"~*"}
	}
	for _, k := range s.keys {
		keys = append(keys, strings.Replace(k.String(), "%RW~*", "~*", 1)) // which Redis cannot tell from all keys
	}
	if s.allChannels {
		channels = []string{"&*"}
	}
	for _, p := range s.channels {
		channels = append(channels, "&"+p.text)
	}
	if got := strings.Join(keys, " "); got != server["keys"] {
		t.Errorf("NewUser(%q) has keys %q; the server %q", words, got, server["keys"])
	}
	if got := strings.Join(channels, " "); got != server["channels"] {
		t.Errorf("NewUser(%q) has channels %q; the server %q", words, got, server["channels"])
	}
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
