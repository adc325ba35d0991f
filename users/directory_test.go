package users

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"redisgate/aclfile"
	"redisgate/policy"
)

// configured makes a directory without an aclfile: app is the configuration's.
func configured(t testing.TB) (*Directory, *Store) {
	t.Helper()
	d := define(t, "app", "on >pw ~* +@all")
	st := NewStore(newSet(t, d))
	return NewDirectory(st, DirectoryOptions{Config: "/etc/redisgate.toml"}), st
}

// filed makes a directory of an aclfile with that text.
func filed(t testing.TB, text string, extras map[string]Extra) (*Directory, *Store) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.acl")
	rewrite(t, path, text)
	st := NewStore(nil)
	d := NewDirectory(st, DirectoryOptions{File: path, Config: "/etc/redisgate.toml", Extras: extras})
	if err := d.Load(""); err != nil {
		t.Fatal(err)
	}
	return d, st
}

func rewrite(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// people lists a store's users with their origins and rules.
func people(st *Store) string {
	var out []string
	for _, u := range st.Load().All() {
		origin := [...]string{Configured: "configured", Builtin: "builtin", Filed: "filed", Runtime: "runtime"}[u.Origin]
		out = append(out, fmt.Sprintf("%s (%s) %s", u.Name, origin, strings.ReplaceAll(u.Rules(), " sanitize-payload", "")))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func wantPeople(t *testing.T, st *Store, want ...string) {
	t.Helper()
	if got := people(st); got != strings.Join(want, "\n") {
		t.Errorf("users are\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func wantError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("%s = %v; want %s", what, err, want)
	}
}

const (
	offDefault = "default (builtin) off resetchannels -@all"
	appUser    = "app (configured) on #30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4 ~* resetchannels +@all"
)

func TestSetUser(t *testing.T) {
	d, st := configured(t)
	for _, step := range []struct {
		name, rules string
		want        string // of that user
	}{
		{"new", "", "new (runtime) off resetchannels -@all"},
		{"new", "on nopass ~a +get", "new (runtime) on nopass ~a resetchannels -@all +get"},
		{"new", "~b -get +@read", "new (runtime) on nopass ~a ~b resetchannels -@all -get +@read"},
		{"new", "reset", "new (runtime) off resetchannels -@all"},
		{"new", "(+get ~a) on (+set ~b c|d)", ""},
		{"new", "(+get ~a b", ""},
		{"default", "on nopass", "default (runtime) on nopass resetchannels -@all"},
		{"New", "on", "New (runtime) on resetchannels -@all"},
	} {
		err := d.SetUser("", step.name, strings.Fields(step.rules))
		if (err == nil) != (step.want != "") {
			t.Errorf("SetUser(%s, %s) = %v", step.name, step.rules, err)
		}
		if step.want != "" && !strings.Contains("\n"+people(st)+"\n", "\n"+step.want+"\n") {
			t.Errorf("after SetUser(%s, %s) users are\n%s\nwant %s", step.name, step.rules, people(st), step.want)
		}
	}
	wantPeople(t, st, "New (runtime) on resetchannels -@all", appUser, "default (runtime) on nopass resetchannels -@all", "new (runtime) off resetchannels -@all")
}

func TestSetUserThatFailsChangesNothing(t *testing.T) {
	d, st := configured(t)
	before := st.Load()
	d.OnChange(func(_, _ *Set) { t.Error("a listener is told of a change that failed") })
	for _, test := range []struct {
		name, rules, want string
	}{
		{"x", "on +nope", "Error in ACL SETUSER modifier '+nope': Unknown command or category name in ACL"},
		{"x", "on hunter2", "Error in ACL SETUSER modifier 'hunter2': Syntax error"},
		{"x", "on #hunter2", "Error in ACL SETUSER modifier '#(hidden)': The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"},
		{"x", "on (a", "Unmatched parenthesis in acl selector starting at '(a'."},
		{"x", "on +config|set", "Error in ACL SETUSER modifier '+config|set': This command is reserved: it can be granted in the configuration or the aclfile only"},
		{"x", "(+shutdown)", "Error in ACL SETUSER modifier '(+shutdown)': This command is reserved: it can be granted in the configuration or the aclfile only"},
		{"default", "<none", "Error in ACL SETUSER modifier '<(hidden)': The password you are trying to remove from the user does not exist"},
		{"", "on", "the username is empty"},
		{"a b", "on", "Usernames can't contain spaces or null characters"},
		{"a\nb", "on", "Usernames can't contain spaces or null characters"},
		{"a\x00", "on", "Usernames can't contain spaces or null characters"},
		{"a\xff", "on", "the username is not UTF-8"},
		{strings.Repeat("n", 257), "on", "the username is longer than 256 bytes"},
		{"app", "off", "User 'app' is defined in /etc/redisgate.toml and is changed there"},
		{"app", "", "User 'app' is defined in /etc/redisgate.toml and is changed there"},
		{"x", "~" + strings.Repeat("k", aclfile.MaxLine), "redisgate: the rules of user 'x' are longer than 1MB"},
		{"x", strings.Repeat("+get ", aclfile.MaxRules+1), "redisgate: more than 10000 rules"},
	} {
		what := fmt.Sprintf("SetUser(%.20q, %.20s)", test.name, test.rules)
		wantError(t, what, d.SetUser("", test.name, strings.Fields(test.rules)), test.want)
		if st.Load() != before {
			t.Fatalf("%s has changed the set", what)
		}
	}
}

func TestWordsOfSetUserAreNotSplit(t *testing.T) {
	d, st := configured(t)
	if err := d.SetUser("", "x", []string{"on", ">pass word", "+@all\x00x"}); err == nil || strings.ContainsAny(err.Error(), "\x00\r\n") {
		t.Errorf("SetUser with a NUL = %q; want an error in one line", err)
	}
	if err := d.SetUser("", "x", []string{"on", ">pass word\n", ""}); err != nil {
		t.Fatal(err)
	}
	if _, slot, ok := st.Load().Authenticate(inside, nil, []byte("x"), []byte("pass word\n")); !ok || slot != 0 {
		t.Error("a password with a space does not log in")
	}
}

func TestDelUser(t *testing.T) {
	d, st := configured(t)
	for _, name := range []string{"a", "b", "c"} {
		if err := d.SetUser("", name, nil); err != nil {
			t.Fatal(err)
		}
	}
	full := st.Load()
	for _, test := range []struct{ names, want string }{
		{"a default", "The 'default' user cannot be removed"},
		{"default a", "The 'default' user cannot be removed"},
		{"a app b", "User 'app' is defined in /etc/redisgate.toml and is changed there"},
	} {
		n, err := d.DelUser("", strings.Fields(test.names))
		wantError(t, "DelUser("+test.names+")", err, test.want)
		if n != 0 || st.Load() != full {
			t.Errorf("DelUser(%s) removes %d users; want none", test.names, n)
		}
	}
	calls := 0
	d.OnChange(func(_, _ *Set) { calls++ })
	for _, test := range []struct {
		names       string
		want, calls int
	}{{"nobody A", 0, 0}, {"", 0, 0}, {"a nobody a", 1, 1}, {"a", 0, 1}, {"b c", 2, 2}} {
		n, err := d.DelUser("", strings.Fields(test.names))
		if n != test.want || err != nil || calls != test.calls {
			t.Errorf("DelUser(%s) = %d, %v with %d calls; want %d with %d", test.names, n, err, calls, test.want, test.calls)
		}
	}
	wantPeople(t, st, appUser, offDefault)
}

func TestListenersSeeBothSetsInOrder(t *testing.T) {
	d, st := configured(t)
	last, calls := st.Load(), 0
	d.OnChange(func(old, latest *Set) {
		if old != last || st.Load() != latest {
			t.Error("a listener is told of other sets than those of the change")
		}
		last = latest
		calls++
	})
	d.OnChange(func(_, _ *Set) { calls += 100 })
	done := make(chan bool)
	for i := range 8 {
		go func() {
			_ = d.SetUser("", fmt.Sprintf("u%d", i), []string{"on"})
			_, _ = d.DelUser("", []string{fmt.Sprintf("u%d", i)})
			done <- true
		}()
	}
	for range 8 {
		<-done
	}
	if calls != 16*101 {
		t.Errorf("calls = %d; want both listeners once a change", calls)
	}
	if err := d.SetUser("", "x", []string{"on"}); err != nil || last.Lookup([]byte("x")) == nil {
		t.Errorf("SetUser() = %v and returns before the listener has seen x", err)
	}
}

func TestWithoutAnACLFile(t *testing.T) {
	d, _ := configured(t)
	const want = "This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration."
	wantError(t, "Load()", d.Load(""), want)
	wantError(t, "Save()", d.Save(""), want)
	if d.File() != "" {
		t.Errorf("File() = %q; want none", d.File())
	}
}

func TestUsersOfADirectoryWithoutAConfiguration(t *testing.T) {
	d := NewDirectory(NewStore(newSet(t, define(t, "app", "on"))), DirectoryOptions{})
	wantError(t, "SetUser(app)", d.SetUser("", "app", nil), "User 'app' is defined in the configuration and is changed there")
}

func TestUsersAreBounded(t *testing.T) {
	var ds []Definition
	for i := range MaxUsers - 1 {
		u, err := policy.ParseUser(fmt.Sprint("u", i), "", policy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, Definition{User: u, Origin: Runtime})
	}
	st := NewStore(newSet(t, ds...))
	d := NewDirectory(st, DirectoryOptions{})
	wantError(t, "SetUser of one too many", d.SetUser("", "more", nil), "redisgate: no more than 10000 users")
	if err := d.SetUser("", "u5", []string{"on"}); err != nil {
		t.Errorf("SetUser of one who is there = %v; want no error", err)
	}
	if _, err := d.DelUser("", []string{"u6"}); err != nil {
		t.Fatal(err)
	}
	if err := d.SetUser("", "more", nil); err != nil {
		t.Errorf("SetUser after one has left = %v; want no error", err)
	}
	if _, err := NewSet(append(ds, define(t, "one", "")), nil); err == nil {
		t.Error("NewSet of one user too many = nil; want an error")
	}
}

func TestRulesOfAllUsersAreBounded(t *testing.T) {
	long := "~" + strings.Repeat("k", aclfile.MaxLine-100)
	u, err := policy.ParseUser("u0", long, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var ds []Definition
	for i := range 64 {
		same := *u
		same.Name = fmt.Sprint("u", i)
		ds = append(ds, Definition{User: &same, Origin: Runtime})
	}
	st := NewStore(newSet(t, ds...))
	d := NewDirectory(st, DirectoryOptions{})
	wantError(t, "SetUser", d.SetUser("", "more", []string{long}), "redisgate: the rules of all users are longer than 64MB")
	if _, err := d.DelUser("", []string{"u0"}); err != nil {
		t.Fatal(err)
	}
	if err := d.SetUser("", "more", []string{long}); err != nil || st.Load().Lookup([]byte("more")) == nil {
		t.Errorf("SetUser after one has left = %v; want no error", err)
	}
}
