package main

import (
	"strings"
	"testing"
)

const explained = socketConfig + `
[network]
allow = ["10.0.0.0/8"]
deny = ["10.66.0.0/16"]

[[user]]
name = "app"
acl = "on #2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90 ~app:* %R~log:* &ev:* -@all +@read +@write -@dangerous +publish (~tmp:* +@all)"
allow = ["10.1.0.0/16"]
databases = [3, 4]

[[user]]
name = "ops"
acl = "on >hunter2 allkeys allchannels +@all +config|set"

[[user]]
name = "late"
acl = "on >hunter2 ~* +@all +config|set -@dangerous"

[[user]]
name = "gone"
acl = "off >hunter2 ~* +@all"
`

func TestExplain(t *testing.T) {
	path := write(t, explained)
	for _, tc := range []struct {
		args string
		code int
		want []string // lines, the space after the name being one
	}{
		{"--user app -- GET app:1", 0, []string{
			"verdict allow", `user "app"`, "command get in database 3", "because +@read allows the command, and patterns of the same selector all its keys",
			"selector root: ~app:* %R~log:* resetchannels &ev:* -@all +@read +@write -@dangerous +publish", "rule +@read", `key "app:1" (read): ~app:*`,
		}},
		{"--user app -- set tmp:1 -1 GET", 0, []string{
			"verdict allow", "selector 2 of 2: ~tmp:* resetchannels +@all", "rule +@all", `key "tmp:1" (read and write): ~tmp:*`,
		}},
		{"--user app EXISTS log:1", 0, []string{"verdict allow", `key "log:1" (existence only): %R~log:*`}},
		{"--user app -- APPEND log:1 x", 3, []string{
			"verdict deny", `because no pattern allows to write the key "log:1": %R~log:* does not allow enough`,
			"advice add a pattern that matches it, such as %W~log:1", "answer -NOPERM No permissions to access a key",
			`key "log:1" (write): none; %R~log:* matches it, but does not allow enough`,
			"note no other selector allows it either; each must allow the whole request alone",
		}},
		{"--user app -- FLUSHALL", 3, []string{
			"verdict deny", "answer -NOPERM User app has no permissions to run the 'flushall' command, which reaches all keys",
		}},
		{"--user app -- PUBLISH ev:1 m", 0, []string{"verdict allow", "rule +publish", `channel "ev:1": &ev:*`}},
		{"--user app -- PUBLISH x m", 3, []string{"verdict deny", `channel "x": none`}},
		{"--user app --db 5 -- GET app:1", 3, []string{"verdict deny", "because the user has the databases [3 4] only, and not 5", "advice add it to the databases of the user"}},
		{"--user app --db 4 -- GET app:1", 0, []string{"command get in database 4"}},
		{"--user app --from 10.1.2.3 -- GET app:1", 0, []string{"verdict allow"}},
		{"--user app --from 10.2.2.3 -- GET app:1", 3, []string{
			"verdict deny", "because 10.2.2.3 is not in the user's own list of addresses", "advice add it to the user's allow",
			"answer -WRONGPASS invalid username-password pair or user is disabled.", "rule +@read",
		}},
		{"--user app --from unix -- GET app:1", 3, []string{"because the user has a list of addresses, and a unix socket has none"}},
		{"--user ops --from unix -- GET app:1", 0, []string{"verdict allow", `key "app:1" (read): ~*`}},
		{"--user ops --from 10.66.0.1 -- GET k", 3, []string{"because 10.66.0.1 is in network.deny", "answer none: the connection is closed before TLS"}},
		{"--user ops --from 192.0.2.1 -- GET k", 3, []string{"because 192.0.2.1 is not in network.allow"}},
		{"--user ops --from ::ffff:10.3.0.1 -- GET k", 0, []string{"verdict allow"}},
		{"--user gone -- GET k", 3, []string{"verdict deny", "because the user is off and cannot log in"}},
		{"--user default -- GET k", 3, []string{"verdict deny", "because the user is off and cannot log in"}},
		{"--user ops -- CONFIG SET a b", 0, []string{"verdict allow", "command config|set in database 0", "rule +config|set"}},
		{"--user ops -- MONITOR", 3, []string{"advice add +monitor after the last +@all or -@all, in the configuration or the aclfile", "rule none"}},
		{"--user late -- CONFIG SET a b", 3, []string{"because -@dangerous takes it away, and it is reserved", "advice add +config|set after -@dangerous and the last +@all or -@all, in the configuration or the aclfile"}},
		{"--user ops -- NOSUCH a", 0, []string{"verdict allow", "because redisgate does not know the command, and forwards it for a user who may do everything"}},
		{"--user app -- NOSUCH a", 3, []string{"verdict deny", "answer -ERR unknown command 'NOSUCH', with args beginning with: 'a' "}},
		{"--user app -- GTE a", 3, []string{"verdict deny", "advice did you mean get?"}},
		{"--user app -- GET", 3, []string{"verdict deny", "answer -ERR wrong number of arguments for 'get' command"}},
		{"--user ops -- CONFIG NOSUCH", 3, []string{"answer -ERR unknown subcommand 'NOSUCH'. Try CONFIG HELP."}},
		{"--user app -- SET app:1 v NOSUCH", 3, []string{"answer -ERR syntax error"}},
	} {
		r := invoke(t, "", append([]string{"explain", "--config", path}, strings.Fields(tc.args)...)...)
		if r.code != tc.code || r.stderr != "" {
			t.Errorf("explain %s = %d, %q; want %d and no error", tc.args, r.code, r.stderr, tc.code)
		}
		var lines []string
		for line := range strings.Lines(r.stdout) {
			name, value := line[:10], strings.TrimSuffix(line[11:], "\n")
			lines = append(lines, strings.TrimRight(name, " ")+" "+value)
		}
		for _, want := range tc.want {
			if !strings.Contains("\n"+strings.Join(lines, "\n")+"\n", "\n"+want+"\n") {
				t.Errorf("explain %s did not say %q:\n%s", tc.args, want, r.stdout)
			}
		}
		if strings.Contains(r.stdout, "2bd806c9") || strings.Contains(r.stdout, "hunter2") {
			t.Errorf("explain %s shows a password or its hash:\n%s", tc.args, r.stdout)
		}
	}
}

func TestExplainOfWordsInOnePairOfQuotes(t *testing.T) {
	r := invoke(t, "", "explain", "--config", write(t, explained), "--user", "app", "--", "GET app:1")
	if r.code != 3 || !strings.Contains(r.stdout, "words of their own, without quotes") {
		t.Errorf("explain -- 'GET app:1' = %d, and does not say what is wrong:\n%s%s", r.code, r.stdout, r.stderr)
	}
}

func TestExplainThatCannotJudge(t *testing.T) {
	path, broken := write(t, explained), write(t, socketConfig+"[[user]]\nname = \"a\"\nacl = \"+nosuch\"\n")
	for _, tc := range []struct{ args, want, hint string }{
		{"--config " + path + " --user defaul -- GET k", "User 'defaul' not found", "did you mean default?"},
		{"--config " + path + " --user zzzzzz -- GET k", "User 'zzzzzz' not found", "the users are app, ops, late, gone, default"},
		{"--config " + path + " --user app", "there is no command to explain", "for example `redisgate explain --config FILE --user app -- GET app:1`"},
		{"--config " + path + " -- GET k", "--user USER is missing", "name the one who asks: --user app"},
		{"--config " + path + " --user app --from there -- GET k", `--from "there" is not an address`, "write an address such as 10.20.30.4 or fd00::1, or unix"},
		{"--user app -- GET k", "--config FILE is missing", "`redisgate init DIR` writes one"},
		{"--config " + broken + " --user a -- GET k", `user[0].acl: word 1, "+nosuch": Unknown command`, ""},
	} {
		r := invoke(t, "", append([]string{"explain"}, strings.Fields(tc.args)...)...)
		if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, tc.want) || !strings.Contains(r.stderr, "hint: "+tc.hint) {
			t.Errorf("explain %s = %d, %q, %q; want 1, an error %q and a hint %q", tc.args, r.code, r.stdout, r.stderr, tc.want, tc.hint)
		}
	}
}

// What stands in a request must not reach the terminal as it is.
func TestExplainPrintsNoControlCharacters(t *testing.T) {
	path := write(t, explained)
	for _, args := range [][]string{{"GET", "\x1b[2J\n"}, {"NO\x1bSUCH", "\x1b[2J"}, {"PUBLISH", "\x1b]0;x\a", "m"}} {
		r := invoke(t, "", append([]string{"explain", "--config", path, "--user", "app", "--"}, args...)...)
		if r.code != 3 || strings.ContainsAny(r.stdout+r.stderr, "\x1b\a") {
			t.Errorf("explain %q = %d, %q; want 3 and nothing that a terminal obeys", args, r.code, r.stdout)
		}
	}
}
