package policy

import (
	"errors"
	"strings"
	"testing"

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
