package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
	"redisgate/users"
)

// writeBoth writes a configuration with an aclfile beside it and returns the former.
func writeBoth(t *testing.T, config, aclfile string) string {
	t.Helper()
	path := write(t, socketConfig+"[acl]\nfile = \"users.acl\"\n"+config)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "users.acl"), []byte(aclfile), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheckListsErrorsOfTheACLFileWithAllOthers(t *testing.T) {
	path := writeBoth(t, `[network]
deny = ["10.0.0.1/8"]
[[user]]
name = "app"
allow = ["nonsense"]
[[user]]
name = "ops"
acl = "on"
[[user]]
name = "wroker"
`, `# our users
user app on >hunter2 +gte ~* ~x
USER ops on
user worker on hunter3 +@raed
user worker on
user spy on #hunter4 (+get
`)
	r := invoke(t, "", "check", "--config", path)
	dir := filepath.Dir(path)
	got := strings.Split(strings.TrimSuffix(strings.ReplaceAll(strings.ReplaceAll(r.stderr, dir, "DIR"), "redisgate: error: ", ""), "\n"), "\n")
	want := []string{
		`DIR/redisgate.toml:6: network.deny[0]: "10.0.0.1/8" has bits set beyond its prefix length`,
		`hint: write "10.0.0.0/8" for the network, or "10.0.0.1" for the one address`,
		`DIR/redisgate.toml:9: user[0].allow[0]: "nonsense" is not a network`,
		`hint: write a network such as "10.0.0.0/8" or "fd00::/8", or one address`,
		`DIR/redisgate.toml:12: user[1].acl: acl.file is set, which has the rules of all users`,
		"hint: remove it; if the rules are not in that file yet, write them there, as `user NAME RULES`",
		`DIR/users.acl:1: does not begin with "user" and a name`,
		`hint: an ACL file has no comments: remove the line`,
		`DIR/users.acl:2: user "app": word 5, "+gte": Unknown command or category name in ACL`,
		`hint: did you mean +get?`,
		`DIR/users.acl:2: user "app": word 7, "~x": Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns`,
		`hint: remove the pattern, or what allows everything before it`,
		`DIR/users.acl:3: does not begin with "user" and a name`,
		`hint: write user in small letters`,
		`DIR/users.acl:4: user "worker": word 4: Syntax error`,
		`hint: a #hash or a >password, key patterns as ~data:*, channels as &events:*, commands as +get or -keys, categories as +@read`,
		`DIR/users.acl:4: user "worker": word 5, "+@raed": Unknown command or category name in ACL`,
		`hint: did you mean +@read?`,
		`DIR/users.acl:5: user "worker" is defined twice: on line 4 too`,
		`hint: each user has one line`,
		`DIR/users.acl:6: user "spy": word 5: a selector is not closed`,
		`hint: write ')' at its end: (+get ~data:*)`,
	}
	if r.code != 1 || r.stdout != "" || !slices.Equal(got, want) {
		t.Errorf("check = %d, %q and\n%s\nwant 1 and\n%s", r.code, r.stdout, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if strings.Contains(r.stderr, "hunter") {
		t.Errorf("check shows a password:\n%s", r.stderr)
	}
	if serve := invoke(t, "", "serve", "--config", path); serve.code != 1 || serve.stderr != r.stderr {
		t.Errorf("serve = %d, %q; want what check says", serve.code, serve.stderr)
	}
}

func TestCheckFindsTablesOfNobody(t *testing.T) {
	const file = "user app on >x\nuser worker on >y +bad\n"
	for _, test := range []struct {
		config, file string
		want         []string // the error, and its hint if it matters here
	}{
		{"[[user]]\nname = \"wroker\"\n", "user app on >x\nuser worker on >y\n", []string{
			`:6: user[0].name: "wroker" is not in DIR/users.acl`, `hint: did you mean "worker"?`,
		}},
		{"[[user]]\nname = \"default\"\n", "user app on >x\n", []string{
			`:6: user[0].name: "default" is not in DIR/users.acl`, "hint: add a line for the user to the file, or remove this table",
		}},
		// Somebody whose line is wrong is there all the same.
		{"[[user]]\nname = \"worker\"\n", file, []string{
			`DIR/users.acl:2: user "worker": word 5, "+bad": Unknown command or category name in ACL`,
		}},
	} {
		path := writeBoth(t, test.config, test.file)
		r := invoke(t, "", "check", "--config", path)
		got := strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n")
		for i := range got {
			got[i] = strings.TrimPrefix(strings.TrimPrefix(got[i], "redisgate: error: "), path)
			got[i] = strings.ReplaceAll(got[i], filepath.Dir(path), "DIR")
		}
		if len(got) != 2 || !slices.Equal(got[:len(test.want)], test.want) {
			t.Errorf("check said\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}
}

func TestCheckOfAMissingACLFile(t *testing.T) {
	path := write(t, socketConfig+"[acl]\nfile = \"users.acl\"\n[[user]]\nname = \"app\"\n")
	r := invoke(t, "", "check", "--config", path)
	want := "redisgate: error: " + path + ":4: acl.file: " + filepath.Join(filepath.Dir(path), "users.acl") + ": no such file or directory\nhint: each line"
	if r.code != 1 || !strings.HasPrefix(r.stderr, want) || strings.Count(r.stderr, "redisgate: error") != 1 {
		t.Errorf("check = %d, %q; want %q", r.code, r.stderr, want)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "users.acl"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r = invoke(t, "", "check", "--config", path)
	if r.code != 1 || !strings.Contains(r.stderr, "users.acl: no user is in the file: nobody could log in\nhint: ") || strings.Count(r.stderr, "redisgate: error") != 1 {
		t.Errorf("check of an empty file = %d, %q; want that nobody could log in", r.code, r.stderr)
	}
}

func TestUsersOfTheACLFileAreBuilt(t *testing.T) {
	path := writeBoth(t, `[[user]]
name = "app"
allow = ["10.0.0.0/8"]
databases = [3, 1]
`, "user app on >one >two ~* +@all\nuser off off\nuser open on nopass\n")
	b, err := loadAndBuild(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	u, slot, ok := b.users.Authenticate(netip.MustParseAddr("10.2.0.1"), nil, []byte("app"), []byte("two"))
	if !ok || slot != 1 || !slices.Equal(u.Databases, []int{3, 1}) || u.Origin != users.Filed {
		t.Errorf("Authenticate(app) = %+v, %d, %v; want the second password and databases 3 and 1", u, slot, ok)
	}
	if _, _, ok := b.users.Authenticate(netip.MustParseAddr("192.0.2.1"), nil, []byte("app"), []byte("two")); ok {
		t.Error("app logs in from outside of its allow")
	}
	if o := b.directory; o.File != filepath.Join(filepath.Dir(path), "users.acl") || o.Config != path || len(o.Extras) != 1 {
		t.Errorf("the directory has %+v; want both files and one extra", o)
	}
	store := users.NewStore(b.users)
	if err := users.NewDirectory(store, b.directory).Load(""); err != nil || store.Load().Lookup([]byte("app")).Allow == nil {
		t.Errorf("Load() of the directory = %v; want app with its networks", err)
	}
	r := invoke(t, "", "check", "--config", path)
	for _, want := range []string{
		`note: user "off" is off`, `note: user "open" needs no password`, `note: there is no user "default": it is off`, "ok; users: 3;",
	} {
		if r.code != 0 || !strings.Contains(r.stdout, want) {
			t.Errorf("check = %d, %s%s; want %q", r.code, r.stdout, r.stderr, want)
		}
	}
	if err := os.Chmod(b.directory.File, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := invoke(t, "", "check", "--config", path); !strings.Contains(r.stdout, "note: acl.file: every user of this machine can read") {
		t.Errorf("check of a file that all can read says %q; want a note", r.stdout)
	}
}

func TestNotesOnManyUsersEnd(t *testing.T) {
	path := writeBoth(t, "", "user u on nopass\n"+manyUsers(100))
	r := invoke(t, "", "check", "--config", path)
	if n := strings.Count(r.stdout, "note: "); r.code != 0 || n > 30 || !strings.Contains(r.stdout, "there is more to say about users") {
		t.Errorf("check = %d with %d notes:\n%s", r.code, n, r.stdout)
	}
}

func manyUsers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("user off" + strings.Repeat("x", i) + " off\n")
	}
	return b.String()
}

func TestConfiguredUsersAreChangedInTheConfiguration(t *testing.T) {
	path := write(t, socketConfig+anyUser)
	b, err := loadAndBuild(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d := users.NewDirectory(users.NewStore(b.users), b.directory)
	want := "User 'any' is defined in " + path + " and is changed there"
	if err := d.SetUser("", "any", []string{"off"}); err == nil || err.Error() != want {
		t.Errorf("SetUser(any) = %v; want %s", err, want)
	}
	if err := d.SetUser("", "more", []string{"on"}); err != nil {
		t.Errorf("SetUser(more) = %v; want no error", err)
	}
}

func TestServeRunsWithAnACLFile(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	path := writeBoth(t, "[upstream]\naddress = \"unix://"+s.Socket()+"\"\n[metrics]\naddress = \"\"\n[[user]]\nname = \"app\"\ndatabases = [3]\n",
		"user app on >pw ~a* +@all\nuser default on nopass +ping\n")
	b := start(t, "serve", "--config", path)
	b.waitFor(t, b.stderr, "Redis answers")
	c := redistest.NewClient(t, &redis.Options{
		Network: "unix", Addr: filepath.Join(filepath.Dir(path), "gate.sock"), Username: "app", Password: "pw", DB: 3, MaxRetries: -1,
	})
	ctx := t.Context()
	if err := c.Set(ctx, "a1", "v", 0).Err(); err != nil {
		t.Errorf("SET a1 = %v; want no error", err)
	}
	for name, err := range map[string]error{"SET b1": c.Set(ctx, "b1", "v", 0).Err(), "SELECT 0": c.Do(ctx, "SELECT", 0).Err()} {
		if err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%s = %v; want NOPERM", name, err)
		}
	}
	if code := b.stop(); code != 0 {
		t.Errorf("serve ends with %d; want 0", code)
	}
}
