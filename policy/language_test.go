package policy

import (
	"errors"
	"strings"
	"testing"

	"redisgate/policy/command"
)

// TestLanguage goes through what Redis's rules mean, each as it prints again (acl.c; what servers of 7.2 and newer print).
// "=" stands for a user to whom nothing has been given.
func TestLanguage(t *testing.T) {
	const hash = "30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4" // of "pw"
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	const nothing = "off sanitize-payload resetchannels -@all"
	for _, tt := range []struct {
		about, rules, want string
	}{
		{"a new user has nothing", "", "="},
		{"keywords in any case", "ON NoPass +@ALL ALLKEYS AllChannels", "on nopass sanitize-payload ~* &* +@all"},
		{"reset in any case", "on nopass +@all RESET", "="},
		{"the last of on and off counts", "on off on", "on sanitize-payload resetchannels -@all"},
		{"nopass empties the list", ">pw nopass", "off nopass sanitize-payload resetchannels -@all"},
		{"a password ends nopass", "nopass >pw", "off sanitize-payload #" + hash + " resetchannels -@all"},
		{"resetpass ends both", "nopass >pw nopass resetpass", "="},
		{"the same password once, in place", ">pw > >pw #" + hash, "off sanitize-payload #" + hash + " #" + empty + " resetchannels -@all"},
		{"taken away as a password and as a hash", ">pw > <pw !" + empty, "="},
		{"patterns in order", "~b %R~a %W~c", "off sanitize-payload ~b %R~a %W~c resetchannels -@all"},
		{"the same pattern adds rights in place", "%R~a ~b %W~a", "off sanitize-payload ~a ~b resetchannels -@all"},
		{"letters in any order and case", "%RW~a %WR~b %rw~c %w~d", "off sanitize-payload ~a ~b ~c %W~d resetchannels -@all"},
		{"no ~ is the empty pattern", "%R", "off sanitize-payload %R~ resetchannels -@all"},
		{"an empty pattern", "~", "off sanitize-payload ~ resetchannels -@all"},
		{"all keys twice", "allkeys ~*", "off sanitize-payload ~* resetchannels -@all"},
		{"all keys take the patterns", "~a ~*", "off sanitize-payload ~* resetchannels -@all"},
		{"patterns after resetkeys", "~* resetkeys ~a", "off sanitize-payload ~a resetchannels -@all"},
		{"a star for both rights is a pattern", "%RW~* ~a", "off sanitize-payload %RW~* ~a resetchannels -@all"},
		{"and so it is in two steps", "%R~* %W~*", "off sanitize-payload %RW~* resetchannels -@all"},
		{"a star for one", "%R~*", "off sanitize-payload %R~* resetchannels -@all"},
		{"channels", "&a &b &a", "off sanitize-payload resetchannels &a &b -@all"},
		{"all channels twice", "&* allchannels", "off sanitize-payload &* -@all"},
		{"channels after resetchannels", "&* resetchannels &a", "off sanitize-payload resetchannels &a -@all"},
		{"all commands take the rules", "+get -set +@all", "off sanitize-payload resetchannels +@all"},
		{"so does nocommands", "+@all +get nocommands", "="},
		{"rules as given", "-@all +get +@hash -hset", "off sanitize-payload resetchannels -@all +get +@hash -hset"},
		{"a rule again moves to the end", "+get +set +get", "off sanitize-payload resetchannels -@all +set +get"},
		{"of whatever sign", "+get +set -get", "off sanitize-payload resetchannels -@all +set -get"},
		{"a command takes its parts", "+config|get +config", "off sanitize-payload resetchannels -@all +config"},
		{"a part after its command", "+config +config|get", "off sanitize-payload resetchannels -@all +config +config|get"},
		{"a rule without effect", "+@all +client|id", "off sanitize-payload resetchannels +@all +client|id"},
		{"the full name", "+CONFIG|Get +GET", "off sanitize-payload resetchannels -@all +config|get +get"},
		{"first arguments", "+select|0 +SELECT|1 +debug|Object", "off sanitize-payload resetchannels -@all +select|0 +select|1 +debug|object"},
		{"a command takes its first arguments", "+select|0 -select", "off sanitize-payload resetchannels -@all -select"},
		{"selectors", "(~a +get) (%R~b)", nothing + " (~a resetchannels -@all +get) (%R~b resetchannels -@all)"},
		{"split selectors", "(~a +get ) ( )", nothing + " (~a resetchannels -@all +get) (resetchannels -@all)"},
		{"the same selector twice", "(+get) (+get)", nothing + " (resetchannels -@all +get) (resetchannels -@all +get)"},
		{"quotes in a selector", `(+get ~"foo" '&b')`, nothing + " (~foo resetchannels &b -@all +get)"},
		{"quotes that do not match", `(+get ~"foo)`, nothing + " (resetchannels -@all)"},
		{"parentheses inside one", "(~a)(~b)", nothing + " (~a)(~b resetchannels -@all)"},
		{"clearselectors", "~a (~b) (~c) clearselectors", "off sanitize-payload ~a resetchannels -@all"},
		{"payloads", "skip-sanitize-payload", "off skip-sanitize-payload resetchannels -@all"},
		{"payloads again", "skip-sanitize-payload sanitize-payload", "="},
		{
			"as Redis documents it", "on >pw ~a ~b &c +get +@hash (~z +set)",
			"on sanitize-payload #" + hash + " ~a ~b resetchannels &c -@all +get +@hash (~z resetchannels -@all +set)",
		},
	} {
		if tt.want == "=" {
			tt.want = nothing
		}
		u, err := ParseUser("app", tt.rules, Options{})
		if err != nil {
			t.Errorf("%s: ParseUser(%q) = %v; want no error", tt.about, tt.rules, err)
			continue
		}
		if got := u.Rules(); got != tt.want {
			t.Errorf("%s: ParseUser(%q) prints\n%q; want\n%q", tt.about, tt.rules, got, tt.want)
		}
		again, err := ParseUser("app", u.Rules(), Options{})
		if err != nil || again.Rules() != u.Rules() {
			t.Errorf("%s: %q does not load again as it is (%v)", tt.about, u.Rules(), err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", "a", "A(b)", "\xff", "é", "+@all", "(", "\x01\x7f"} {
		if u, err := ParseUser(name, "on", Options{}); err != nil || u.Name != name {
			t.Errorf("ParseUser(name %q) = %v; want no error", name, err)
		}
	}
	for _, space := range "\x00 \t\n\v\f\r" {
		if _, err := ParseUser("a"+string(space)+"b", "on", Options{}); err == nil {
			t.Errorf("ParseUser(name with %q) = no error; want one", space)
		}
		if _, err := NewUser("a", []string{"~a" + string(space) + "b"}, Options{}); err == nil {
			t.Errorf("a key pattern with %q = no error; want one", space)
		}
		if _, err := NewUser("a", []string{"&a" + string(space) + "b"}, Options{}); err == nil {
			t.Errorf("a channel pattern with %q = no error; want one", space)
		}
	}
}

// An empty word does nothing, but a selector may not hold one.
func TestEmptyWords(t *testing.T) {
	if u, err := NewUser("a", []string{"", "on", ""}, Options{}); err != nil || !u.Enabled {
		t.Errorf("NewUser with empty words = %v; want no error", err)
	}
	var rule *RuleError
	if _, err := NewUser("a", []string{`("" +get)`}, Options{}); !errors.As(err, &rule) || rule.Msg != msgSyntax {
		t.Errorf("a selector with an empty word = %v; want %s", err, msgSyntax)
	}
}

// A category acts on commands and subcommands, and through a container on all of its subcommands: containers are @slow,
// so +@slow reaches what is @fast in them.
func TestCategoriesReachThroughContainers(t *testing.T) {
	for _, tt := range []struct {
		rules, request string
		want           bool
	}{
		{"+@slow", "CLIENT ID", true},
		{"+@all -@slow", "CLIENT ID", false},
		{"+@connection", "CLIENT ID", true},
		{"+@connection", "CLIENT LIST", true},
		{"+@admin", "CLIENT LIST", true},
		{"+@admin", "CLIENT ID", false},
		{"+@slow -@fast", "GET k", false},
		{"+@fast", "GET k", true},
		{"+client|id", "CLIENT INFO", false},
		{"+client -client|id", "CLIENT ID", false},
		{"+client -client|id", "CLIENT INFO", true},
		{"+select|0 +@connection -@connection", "SELECT 0", false},
		{"+set|AB ~*", "SET ab v", true},
		{"+set|ab ~*", "set AB v", true},
		{"+set|ab ~*", "SET abc v", false},
		{"+set|ab ~*", "SET ab\x00 v", false},
		{"+set -set|ab", "SET ab v", false},
	} {
		u, err := ParseUser("app", "allkeys "+strings.Replace(tt.rules, "~*", "", 1), Options{})
		if strings.Contains(tt.rules, "-set|ab") {
			if err == nil {
				t.Errorf("ParseUser(%q) = no error; want one: a first argument cannot be taken away", tt.rules)
			}
			continue
		}
		if err != nil {
			t.Errorf("ParseUser(%q) = %v; want no error", tt.rules, err)
			continue
		}
		var uses command.Uses
		args := split(tt.request)
		if got := u.Authorise(0, mustFind(t, args), args, &uses).Allowed(); got != tt.want {
			t.Errorf("user %q: %q is allowed: %v; want %v", tt.rules, tt.request, got, tt.want)
		}
	}
}
