package aclfile

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"redisgate/policy"
)

const hash = "#9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

func problemsOf(t testing.TB, text string) Problems {
	t.Helper()
	entries, err := Parse([]byte(text), nil)
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatalf("Parse(%q) = %v, %v; want Problems", text, entries, err)
	}
	return ps
}

func TestWhatIsWrongIsSaidWithLineWordAndReason(t *testing.T) {
	const syntax, unknownCommand = "Syntax error", "Unknown command or category name in ACL"
	const badHash = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
	const noUser = `does not begin with "user" and a name`
	const ok = "user ok on nopass\n"
	for _, test := range []struct{ text, want, hint string }{
		{"# comment\n" + ok, "line 1: " + noUser, "no comments"},
		{ok + "\n  # >hunter2\n", "line 3: " + noUser, "no comments"},
		{ok + "; hunter2\n", "line 2: " + noUser, "no comments"},
		{ok + "// hunter2\n", "line 2: " + noUser, "no comments"},
		{ok + "USER app on\n", "line 2: " + noUser, "small letters"},
		{ok + "User app on\n", "line 2: " + noUser, "small letters"},
		{ok + "user\n", "line 2: " + noUser, "name and rules"},
		{ok + "user \t\r\n", "line 2: " + noUser, "name and rules"},
		{ok + "user\tapp on\n", "line 2: " + noUser, "not a tab"},
		{ok + "app on >hunter2\n", "line 2: " + noUser, "each line is as"},
		{ok + "\"user\" app on\n", "line 2: " + noUser, "each line is as"},
		{ok + "hunter2\n", "line 2: " + noUser, "each line is as"},
		{"\ufeffuser app on\n", "line 1: " + noUser, "byte order mark"},
		{ok + "user  app on >hunter2\n", "line 2: the username is empty", "one space"},
		{ok + "user app\ton >hunter2\n", `line 2: user "app\ton": the username contains invalid characters`, "not a tab"},
		{ok + "user a\xffb on\n", "line 2: the username is not UTF-8", "letters"},
		{ok + "user " + strings.Repeat("n", 257) + " on\n", "line 2: the username is longer than 256 bytes", "shorter"},
		{ok + "\nuser app on\nuser app off\n", `line 4: user "app" is defined twice: on line 3 too`, "one line"},
		{ok + "user default on\nuser default off\n", `line 3: user "default" is defined twice: on line 2 too`, "one line"},
		{ok + "user app on\x00 >hunter2\n", "line 2: contains a NUL byte", "plain text"},
		{"u\x00s\x00e\x00r\x00\n", "line 1: contains a NUL byte", "plain text"},
		{ok + "user app on +nope\n", `line 2: user "app": word 4, "+nope": ` + unknownCommand, ""},
		{ok + "user app on  +nope\n", `line 2: user "app": word 4, "+nope": ` + unknownCommand, ""},
		{ok + "user app on +@raed\n", `line 2: user "app": word 4, "+@raed": ` + unknownCommand, ""},
		{ok + "user app on -select|0\n", `line 2: user "app": word 4, "-select|0": ` + unknownCommand, ""},
		{ok + "user app on +config|get|x\n", `line 2: user "app": word 4, "+config|get|x": Allowing first-arg of a subcommand is not supported`, ""},
		{ok + "user app on hunter2\n", `line 2: user "app": word 4: ` + syntax, ""},
		{ok + "user app on >my hunter2 +get\n", `line 2: user "app": word 5: ` + syntax, ""},
		{ok + "user app on #hunter2\n", `line 2: user "app": word 4: ` + badHash, ""},
		{ok + "user app on " + strings.ToUpper(hash) + "\n", `line 2: user "app": word 4: ` + badHash, ""},
		{ok + "user app on <hunter2\n", `line 2: user "app": word 4: The password you are trying to remove from the user does not exist`, ""},
		{ok + "user app on !" + hash[1:] + "\n", `line 2: user "app": word 4: The password you are trying to remove from the user does not exist`, ""},
		{ok + "user app on ~* ~a\n", `line 2: user "app": word 5, "~a": Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns`, ""},
		{ok + "user app on &* &a\n", `line 2: user "app": word 5, "&a": Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels`, ""},
		{ok + "user app on %RR~a\n", `line 2: user "app": word 4, "%RR~a": ` + syntax, ""},
		{ok + "user app on %~a\n", `line 2: user "app": word 4, "%~a": ` + syntax, ""},
		{ok + "user app on\t+get\n", `line 2: user "app": word 3: ` + syntax, "not a tab"},
		{ok + "user app on (+get ~a\n", `line 2: user "app": word 4: a selector is not closed`, "')'"},
		{ok + "user app on (+get >hunter2) +get\n", `line 2: user "app": word 4: ` + syntax, ""},
		{ok + "user app on (+nope ~a) ~b\n", `line 2: user "app": word 4, "(+nope ~a)": ` + unknownCommand, ""},
		{ok + "user app on (+nope hunter2 \"hunter2\") ~b\n", `line 2: user "app": word 4, "(+nope (hidden) \"(hidden)": ` + unknownCommand, ""},
		{ok + "user app on (+get hunter2)\n", `line 2: user "app": word 4: ` + syntax, ""},
		{ok + "user app on (on)\n", `line 2: user "app": word 4, "(on)": ` + syntax, ""},
		{ok + "user app \t(+get (~a)\n", `line 2: user "app": word 3: ` + syntax, "not a tab"},
		{ok + "user >hunter2 on +nope\n", `line 2: user ">(hidden)": word 4, "+nope": ` + unknownCommand, ""},
		{ok + strings.Repeat("x", MaxLine+1) + "\n", "line 2: longer than 1MB", "each line is as"},
		{"", "no user is in the file: nobody could log in", "each line is as"},
		{" \n\t\r\n", "no user is in the file: nobody could log in", "each line is as"},
	} {
		ps := problemsOf(t, test.text)
		short := test.text[max(0, len(test.text)-80):]
		if len(ps) != 1 || ps[0].Error() != test.want || !strings.Contains(ps[0].Hint, test.hint) || test.hint == "" && ps[0].Hint != "" {
			t.Errorf("Parse(...%q) = %q, hint %q; want %q, hint %q", short, ps.Error(), ps[0].Hint, test.want, test.hint)
		}
		shown := ps.Error() + ps.LoadText("users.acl") + ps[0].Hint
		if strings.Contains(shown, "hunter2") || strings.Contains(shown, hash[1:20]) {
			t.Errorf("Parse(...%q) shows a secret: %s", short, shown)
		}
		if strings.ContainsAny(ps.LoadText("users.acl"), "\r\n\x00") {
			t.Errorf("LoadText() of ...%q = %q; want one line", short, ps.LoadText("users.acl"))
		}
	}
}

func TestEverythingThatIsWrongIsSaidAtOnce(t *testing.T) {
	entries, err := Parse([]byte("# head\nuser a on +nope hunter2 +nada >x ~* ~y\nuser b on\nuser b off\nuser c (+get\nuser d +get"), nil)
	want := `line 1: does not begin with "user" and a name
line 2: user "a": word 4, "+nope": Unknown command or category name in ACL
line 2: user "a": word 5: Syntax error
line 2: user "a": word 6, "+nada": Unknown command or category name in ACL
line 2: user "a": word 9, "~y": Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns
line 4: user "b" is defined twice: on line 3 too
line 5: user "c": word 3: a selector is not closed`
	if err == nil || err.Error() != want {
		t.Errorf("Parse() = %v\nwant %s", err, want)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name)
		if (e.User == nil) != (e.Name == "a" || e.Name == "c") {
			t.Errorf("user of line %d, %s, is %v; want none where something is wrong", e.Line, e.Name, e.User)
		}
	}
	if !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("entries are of %q; want a, b, c and d", got)
	}
}

func TestParseReadsWhatRedisReads(t *testing.T) {
	for _, test := range []struct{ text, name, rules string }{
		{"user a", "a", "off sanitize-payload resetchannels -@all"},
		{"user a on nopass\n", "a", "on nopass sanitize-payload resetchannels -@all"},
		{"\r\n \t user a on\r\n\r\n", "a", "on sanitize-payload resetchannels -@all"},
		{"user a  on   +get ", "a", "on sanitize-payload resetchannels -@all +get"},
		{"user a ON +@READ \t+GET\t ~K*", "a", "on sanitize-payload ~K* resetchannels -@all +@read +get"},
		{"user a on >test ~data:* &ev:*", "a", "on sanitize-payload " + hash + " ~data:* resetchannels &ev:* -@all"},
		{"user a (+get ~a b*)", "", ""},
		{"user a (+get  ~a) (%R~b +set )", "a", "off sanitize-payload resetchannels -@all (~a resetchannels -@all +get) (%R~b resetchannels -@all +set)"},
		{"user a (+get \"~q(\")", "a", "off sanitize-payload resetchannels -@all (~q( resetchannels -@all +get)"},
		{"user a on +config|set +shutdown", "a", "on sanitize-payload resetchannels -@all +config|set +shutdown"},
		{"user user on", "user", "on sanitize-payload resetchannels -@all"},
		{"user ü/\"(#) on", "ü/\"(#)", "on sanitize-payload resetchannels -@all"},
		{"user a " + strings.Repeat(" ", 5000) + "on", "a", "on sanitize-payload resetchannels -@all"},
	} {
		entries, err := Parse([]byte(test.text), nil)
		if test.name == "" {
			if err == nil {
				t.Errorf("Parse(%.60q) = %v; want an error", test.text, entries[0].User.Rules())
			}
			continue
		}
		if err != nil || len(entries) != 1 || entries[0].Name != test.name || entries[0].User.Name != test.name || entries[0].User.Rules() != test.rules {
			t.Errorf("Parse(%.60q) = %+v, %v; want %s with %s", test.text, entries, err, test.name, test.rules)
		}
	}
}

func TestOptionsAreAsked(t *testing.T) {
	entries, err := Parse([]byte("user a on\nuser b on +shutdown\n"), func(name string) policy.Options {
		if name == "b" {
			return policy.Options{Databases: []int{3}, UnsafeScripts: true, RefuseReserved: true}
		}
		return policy.Options{}
	})
	if err != nil {
		t.Fatal(err)
	}
	a, b := entries[0].User, entries[1].User
	if len(a.Databases) > 0 || a.UnsafeScripts || !slices.Equal(b.Databases, []int{3}) || !b.UnsafeScripts {
		t.Errorf("a, b have databases %v and %v; want none and 3", a.Databases, b.Databases)
	}
}

func TestErrorsAndUsersAreBounded(t *testing.T) {
	ps := problemsOf(t, strings.Repeat("# comment\n", 5000))
	if len(ps) != maxProblems+1 || ps[maxProblems].Line != 0 || len(ps.LoadText("f")) > 20_000 {
		t.Errorf("%d problems, the last %v; want 100 and one that says that there may be more", len(ps), ps[len(ps)-1])
	}
	ps = problemsOf(t, "user a "+strings.Repeat("+nope ", 1000))
	if len(ps) != maxProblems+1 {
		t.Errorf("%d problems of one line; want 100 and one more", len(ps))
	}
	var many strings.Builder
	for i := range MaxUsers + 1 {
		many.WriteString("user u" + strings.Repeat("x", i%3) + string(rune('a'+i%26)) + string(rune('α'+i/26)) + "\n")
	}
	ps = problemsOf(t, many.String())
	if len(ps) != 1 || ps[0].Line != MaxUsers+1 || !strings.Contains(ps[0].Msg, "10,000") {
		t.Errorf("10,001 users: %v; want that this is one too many", ps)
	}
	ps = problemsOf(t, "user a "+strings.Repeat("+get  ", MaxRules+1))
	if len(ps) != 1 || ps[0].Msg != "more than 10,000 rules" {
		t.Errorf("10,001 rules: %v; want an error", ps)
	}
	if _, err := Parse([]byte("user a "+strings.Repeat("+get  ", MaxRules)), nil); err != nil {
		t.Errorf("10,000 rules: %v; want no error", err)
	}
}
