package acl

import (
	"fmt"
	"strings"
	"testing"

	"redisgate/policy"
	"redisgate/users"
)

func TestDryRun(t *testing.T) {
	c := newCommand(t, "app off ~a:* %R~r:* &ch:* -@all +get +set +keys +dbsize +sort +select +publish +eval +georadius")
	for _, tt := range []struct{ line, want string }{
		{"get a:1", "OK"},
		{"GET b", "User app has no permissions to access the 'b' key"},
		{"set r:1 v", "User app has no permissions to access the 'r:1' key"},
		{"publish ch:1 m", "OK"},
		{"publish x m", "User app has no permissions to access the 'x' channel"},
		{"CONFIG GET x", "User app has no permissions to run the 'config|get' command"},
		{"config set a b", "User app has no permissions to run the 'config|set' command"},
		{"acl list", "User app has no permissions to run the 'acl|list' command"},
		{"dbsize", "User app has no permissions to run the 'dbsize' command, which reaches all keys"},
		{"keys *", "OK"},
		{"sort a:1 by x*", "BY option of SORT denied due to insufficient ACL permissions."},
		{"eval x 0", "User app has no permissions to run the 'eval' command: it needs all commands, keys, channels and databases, or unsafe_scripts in redisgate's configuration"},
		{"auth x", "OK"},
		{"nope", "-ERR Command 'nope' not found"},
		{"config nope", "-ERR Command 'config' not found"},
		{"config", "-ERR wrong number of arguments for 'config' command"},
		{"get", "-ERR wrong number of arguments for 'get' command"},
		{"set a:1 v nope", "-ERR syntax error"},
	} {
		want := fmt.Sprintf("$%d\r\n%s\r\n", len(tt.want), tt.want)
		switch {
		case tt.want == "OK":
			want = "+OK\r\n"
		case tt.want[0] == '-':
			want = tt.want + "\r\n"
		}
		for _, proto := range []int{2, 3} {
			if got := ask(t, c, proto, "default", "ACL DRYRUN app "+tt.line); got != want {
				t.Errorf("DRYRUN %q = %q; want %q", tt.line, got, want)
			}
		}
	}
	if got, want := ask(t, c, 2, "default", "ACL DRYRUN no get k"), "-ERR User 'no' not found\r\n"; got != want {
		t.Errorf("DRYRUN of nobody = %q; want %q", got, want)
	}
	if got, want := string(answer(t, c, 2, "default", "ACL", "DRYRUN", "no\r\n+OK", "get", "k")), "-ERR User 'no  +OK' not found\r\n"; got != want {
		t.Errorf("DRYRUN of two lines = %q; want %q", got, want)
	}
	if n := len(c.Log.Entries(10)); n != 0 {
		t.Errorf("DRYRUN left %d entries in the log", n)
	}
}

func TestDryRunIsInTheDatabaseWhereTheUserStarts(t *testing.T) {
	c := newCommand(t)
	u, err := policy.ParseUser("five", "~* &* +@all", policy.Options{Databases: []int{5, 6}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := users.NewSet([]users.Definition{{User: c.Store.Load().Default().User}, {User: u}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Store.Swap(s)
	for line, want := range map[string]string{
		"get k": "+OK\r\n", "select 6": "+OK\r\n", "copy a b db 5": "+OK\r\n",
		"select 0": "$35\r\nNo permissions to access a database\r\n", "flushall": "$35\r\nNo permissions to access a database\r\n",
	} {
		if got := ask(t, c, 2, "default", "ACL DRYRUN five "+line); got != want {
			t.Errorf("DRYRUN %q = %q; want %q", line, got, want)
		}
	}
}

func TestGenPass(t *testing.T) {
	c := newCommand(t)
	for arg, digits := range map[string]int{"": 64, "1": 1, "4": 1, "5": 2, "9": 3, "128": 32, "4096": 1024} {
		got := ask(t, c, 2, "default", "ACL GENPASS "+arg)
		head, rest, _ := strings.Cut(got, "\n")
		if head != fmt.Sprintf("$%d\r", digits) || strings.TrimLeft(rest, "0123456789abcdef") != "\r\n" {
			t.Errorf("GENPASS %s = %q; want %d digits", arg, got, digits)
		}
	}
	if a, b := ask(t, c, 2, "default", "ACL GENPASS"), ask(t, c, 2, "default", "ACL GENPASS"); a == b {
		t.Errorf("GENPASS gives %q twice", a)
	}
}

func TestLog(t *testing.T) {
	c := newCommand(t)
	c.Log.Add(users.Event{
		Reason: users.LogAuth, Context: users.LogTopLevel, Object: []byte("AUTH"), Username: []byte("x\r\n\xff\x00"), ClientInfo: "id=7 addr=a",
	})
	body := "$5\r\ncount\r\n:1\r\n$6\r\nreason\r\n$4\r\nauth\r\n$7\r\ncontext\r\n$8\r\ntoplevel\r\n$6\r\nobject\r\n$4\r\nAUTH\r\n" +
		"$8\r\nusername\r\n$5\r\nx\r\n\xff\x00\r\n$11\r\nage-seconds\r\nAGE$11\r\nclient-info\r\n$11\r\nid=7 addr=a\r\n" +
		"$8\r\nentry-id\r\n:0\r\n$17\r\ntimestamp-created\r\n:1700000000123\r\n$22\r\ntimestamp-last-updated\r\n:1700000000123\r\n"
	for proto, want := range map[int]string{
		2: "*1\r\n*20\r\n" + strings.Replace(body, "AGE", "$1\r\n0\r\n", 1),
		3: "*1\r\n%10\r\n" + strings.Replace(body, "AGE", ",0\r\n", 1),
	} {
		for _, line := range []string{"ACL LOG", "ACL LOG 1", "ACL LOG 9223372036854775807"} {
			if got := ask(t, c, proto, "default", line); got != want {
				t.Errorf("%s in RESP%d = %q; want %q", line, proto, got, want)
			}
		}
	}
	for line, want := range map[string]string{"0": "*0\r\n", "-1": "*0\r\n", "+1": "-ERR value is not an integer or out of range\r\n"} {
		if got := ask(t, c, 3, "default", "ACL LOG "+line); got != want {
			t.Errorf("ACL LOG %s = %q; want %q", line, got, want)
		}
	}
	if got := ask(t, c, 2, "default", "ACL LOG ReSeT") + ask(t, c, 2, "default", "ACL LOG"); got != "+OK\r\n*0\r\n" {
		t.Errorf("after RESET: %q; want no entries", got)
	}
}
