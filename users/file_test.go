package users

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"redisgate/policy"
)

const twoUsers = "user ops on nopass ~* &* +@all\nuser app on nopass ~a +config|set\n"

func TestLoad(t *testing.T) {
	d, st := filed(t, twoUsers, nil)
	const app, ops = "app (filed) on nopass ~a resetchannels -@all +config|set", "ops (filed) on nopass ~* &* +@all"
	wantPeople(t, st, app, offDefault, ops)
	indexes := map[string]int{}
	for _, u := range st.Load().All() {
		indexes[u.Name] = u.Index
	}
	// What was changed at run time is gone after the next Load.
	for _, rules := range [][]string{{"app", "off"}, {"new", "on"}, {"default", "on"}} {
		if err := d.SetUser("", rules[0], rules[1:]); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := d.DelUser("", []string{"ops"}); n != 1 || err != nil {
		t.Fatalf("DelUser(ops) = %d, %v; want 1", n, err)
	}
	wantPeople(t, st, "app (runtime) off nopass ~a resetchannels -@all +config|set", "default (runtime) on resetchannels -@all", "new (runtime) on resetchannels -@all")
	calls := 0
	d.OnChange(func(old, latest *Set) {
		if calls++; old.Lookup([]byte("new")) == nil || latest.Lookup([]byte("new")) != nil {
			t.Error("the listener is not told the sets before and after Load")
		}
	})
	if err := d.Load(""); err != nil || calls != 1 {
		t.Fatalf("Load() = %v with %d calls", err, calls)
	}
	wantPeople(t, st, app, offDefault, ops)
	for _, u := range st.Load().All() {
		if u.Index != indexes[u.Name] {
			t.Errorf("%s has the index %d; want %d as before", u.Name, u.Index, indexes[u.Name])
		}
	}
}

func TestLoadThatFailsChangesNothing(t *testing.T) {
	d, st := filed(t, twoUsers, map[string]Extra{"app": {}})
	if err := d.SetUser("", "new", []string{"on"}); err != nil {
		t.Fatal(err)
	}
	before := st.Load()
	d.OnChange(func(_, _ *Set) { t.Error("a listener is told of a change that failed") })
	const unchanged = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
	for _, test := range []struct{ text, want string }{
		{"user app on\n# x\n", "FILE:2 should start with user keyword followed by the username. " + unchanged},
		{"user app on +nope\nuser app on\n", "FILE:1: Error in applying operation '+nope': Unknown command or category name in ACL. WARNING: Duplicate user 'app' found on line 2. " + unchanged},
		{"user app on (+get\n", "FILE:1: Unmatched parenthesis in selector definition." + unchanged},
		{"user app on >hunter2 #hunter2\n", "FILE:1: The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters. " + unchanged},
		{"user app on\x00\n", "FILE:1: contains a NUL byte. " + unchanged},
		{"", "FILE: no user is in the file: nobody could log in. " + unchanged},
		{"user ops on\n", "FILE: no line for 'app', to which the configuration has a [[user]]. " + unchanged},
	} {
		rewrite(t, d.File(), test.text)
		wantError(t, "Load() of "+test.text, d.Load(""), strings.ReplaceAll(test.want, "FILE", d.File()))
		if st.Load() != before {
			t.Fatalf("Load() of %q has changed the set", test.text)
		}
	}
	if err := os.Remove(d.File()); err != nil {
		t.Fatal(err)
	}
	wantError(t, "Load() without the file", d.Load(""), "Error loading ACLs, opening file '"+d.File()+"': No such file or directory")
	if st.Load() != before {
		t.Error("Load() without the file has changed the set")
	}
}

func TestSave(t *testing.T) {
	d, st := filed(t, twoUsers, nil)
	for _, rules := range [][]string{{"app", "resetpass", ">test", "(+get %R~b)"}, {"new", "on"}} {
		if err := d.SetUser("", rules[0], rules[1:]); err != nil {
			t.Fatal(err)
		}
	}
	calls := 0
	d.OnChange(func(_, _ *Set) { calls++ })
	if err := d.Save(""); err != nil {
		t.Fatal(err)
	}
	want := `user app on sanitize-payload #9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 ~a resetchannels -@all +config|set (%R~b resetchannels -@all +get)
user default off sanitize-payload resetchannels -@all
user new on sanitize-payload resetchannels -@all
user ops on nopass sanitize-payload ~* &* +@all
`
	got, err := os.ReadFile(d.File())
	if err != nil || string(got) != want {
		t.Errorf("Save() has written %q, %v; want %q", got, err, want)
	}
	saved := people(st)
	if strings.Contains(saved, "(runtime)") || strings.Contains(saved, "(builtin)") || calls != 1 {
		t.Errorf("after Save, with %d calls, users are\n%s\nwant all of them the file's", calls, saved)
	}
	set := st.Load()
	if err := d.Save(""); err != nil || st.Load() != set || calls != 1 {
		t.Errorf("a second Save() = %v, with a new set: %v; want that nothing changes", err, st.Load() != set)
	}
	if err := d.Load(""); err != nil || people(st) != saved {
		t.Errorf("Load() after Save() = %v, users\n%s\nwant\n%s", err, people(st), saved)
	}
}

func TestSaveThatFailsSaysWhy(t *testing.T) {
	d, st := filed(t, twoUsers, nil)
	if err := d.SetUser("", "new", []string{"on"}); err != nil {
		t.Fatal(err)
	}
	before := st.Load()
	if err := os.RemoveAll(filepath.Dir(d.File())); err != nil {
		t.Fatal(err)
	}
	err := d.Save("")
	if err == nil || !strings.HasPrefix(err.Error(), "There was an error trying to save the ACLs: ") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("Save() without the directory = %v; want the reason", err)
	}
	if st.Load() != before {
		t.Error("Save() that failed has changed the set")
	}
}

func TestExtrasStayWithTheirNames(t *testing.T) {
	office, err := policy.ParseNetworks([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	d, st := filed(t, twoUsers, map[string]Extra{"app": {Allow: office, Databases: []int{3, 1}, UnsafeScripts: true}})
	check := func(when string) {
		t.Helper()
		for _, u := range st.Load().All() {
			is := u.Allow == office && slices.Equal(u.Databases, []int{3, 1}) && u.UnsafeScripts
			none := u.Allow == nil && len(u.Databases) == 0 && !u.UnsafeScripts
			if u.Name == "app" && !is || u.Name != "app" && !none {
				t.Errorf("%s %s has allow %v, databases %v, unsafe scripts %v", when, u.Name, u.Allow, u.Databases, u.UnsafeScripts)
			}
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check("after Load")
	do(d.SetUser("", "app", []string{"reset", "on", ">x"}))
	check("after SetUser")
	_, err = d.DelUser("", []string{"app"})
	do(err)
	check("after DelUser")
	do(d.SetUser("", "app", []string{"on", ">y"}))
	check("after DelUser and SetUser")
	if st.Load().Lookup([]byte("app")).AllPowerful() {
		t.Error("app can do everything")
	}
	do(d.Save(""))
	check("after Save")
	do(d.Load(""))
	check("after Save and Load")
}

// A [[user]] without a line would keep the next start from succeeding.
func TestSaveKeepsALineForWhomTheConfigurationKnows(t *testing.T) {
	d, st := filed(t, twoUsers, map[string]Extra{"app": {}})
	if _, err := d.DelUser("", []string{"app"}); err != nil {
		t.Fatal(err)
	}
	if err := d.Save(""); err != nil {
		t.Fatal(err)
	}
	if st.Load().Lookup([]byte("app")) != nil {
		t.Error("Save() brings back a user who was removed")
	}
	if err := d.Load(""); err != nil {
		t.Fatalf("Load() of what Save has written = %v", err)
	}
	wantPeople(t, st, "app (filed) off resetchannels -@all", "default (filed) off resetchannels -@all", "ops (filed) on nopass ~* &* +@all")
}
