package users

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"redisgate/auth"
	"redisgate/identity"
	"redisgate/policy"
)

// Who is the same is the same pointer, whatever else changes; whoever differs in
// anything is not.
func TestReplaceKeepsWhoIsTheSame(t *testing.T) {
	person := func(change func(*Definition)) Definition {
		d := define(t, "app", "on >pw ~a* +get (~b* +set)", "10.0.0.0/8")
		hash, err := auth.ParseSlow("$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$c29tZWhhc2hzb21laGFzaHNvbWVoYXNoc29tZWhhc2g")
		if err != nil {
			t.Fatal(err)
		}
		pattern, err := identity.ParsePattern("CN:app")
		if err != nil {
			t.Fatal(err)
		}
		d.Slow, d.Certificates, d.MaxConnections, d.Rates = []auth.Slow{hash}, []identity.Pattern{pattern}, 5, Rates{Commands: 1, Bytes: 2}
		if change != nil {
			change(&d)
		}
		return d
	}
	parse := func(rules string, o policy.Options) *policy.User {
		u, err := policy.ParseUser("app", rules, o)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	const rules = "on >pw ~a* +get (~b* +set)"
	for name, change := range map[string]func(*Definition){
		"nothing":      nil,
		"password":     func(d *Definition) { d.User = parse("on >other ~a* +get (~b* +set)", policy.Options{}) },
		"key":          func(d *Definition) { d.User = parse("on >pw ~c* +get (~b* +set)", policy.Options{}) },
		"selector":     func(d *Definition) { d.User = parse("on >pw ~a* +get (~b* +del)", policy.Options{}) },
		"off":          func(d *Definition) { d.User = parse("off >pw ~a* +get (~b* +set)", policy.Options{}) },
		"databases":    func(d *Definition) { d.User = parse(rules, policy.Options{Databases: []int{1}}) },
		"scripts":      func(d *Definition) { d.User = parse(rules, policy.Options{UnsafeScripts: true}) },
		"networks":     func(d *Definition) { d.Allow = define(t, "x", "on", "10.0.0.0/9").Allow },
		"no networks":  func(d *Definition) { d.Allow = nil },
		"slow":         func(d *Definition) { d.Slow = nil },
		"certificates": func(d *Definition) { d.Certificates = nil },
		"required":     func(d *Definition) { d.RequireCertificate = true },
		"connections":  func(d *Definition) { d.MaxConnections = 6 },
		"rates":        func(d *Definition) { d.Rates.Bytes = 3 },
		"origin":       func(d *Definition) { d.Origin = Filed },
	} {
		st := NewStore(newSet(t, person(nil), define(t, "other", "on")))
		d := NewDirectory(st, DirectoryOptions{})
		before := st.Load()
		// The new set knows nothing of the old one, and has another order.
		if err := d.Replace(Replacement{Set: newSet(t, define(t, "new", "on"), person(change))}, nil); err != nil {
			t.Fatal(err)
		}
		was, is := before.Lookup([]byte("app")), st.Load().Lookup([]byte("app"))
		if (was == is) != (name == "nothing") {
			t.Errorf("with a change of %s the user is the same: %v", name, was == is)
		}
		if was.Index != is.Index || st.Load().Lookup([]byte("new")).Index == was.Index {
			t.Errorf("with a change of %s the index becomes %d; want %d, and another for the new one", name, is.Index, was.Index)
		}
		if before.Default() != st.Load().Default() {
			t.Errorf("default is another one though nobody has defined it")
		}
	}
}

// What SETUSER and DELUSER have done is named when it is gone, and only then.
func TestReplaceNamesWhatIsDiscarded(t *testing.T) {
	const file = "user a on >pw +get\nuser b on >pw +get\nuser c on >pw +get\n"
	d, st := filed(t, file, nil)
	var told []string
	d.OnDiscard(func(g Discarded) { told = append(told, fmt.Sprint(g.Changed, g.Deleted)) })
	expect := func(when string, want ...string) {
		t.Helper()
		if !slices.Equal(told, want) {
			t.Errorf("%s it was told %q; want %q", when, told, want)
		}
		told = nil
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	set := func(name string, rules ...string) { t.Helper(); do(d.SetUser("", name, rules)) }
	del := func(name string) { t.Helper(); _, err := d.DelUser("", []string{name}); do(err) }
	load := func() { t.Helper(); do(d.Load("")) }

	load()
	expect("when nothing was changed")
	set("a", "+set")
	set("made", "on")
	del("b")
	set("c", "+set")
	set("c", "-set")      // may do what the file says, by other words
	set("c", "reset")     // and here not
	del("c")              // nor is it there
	set("fleeting", "on") // of which nothing is left
	del("fleeting")
	load()
	expect("with changes", "[a made] [b c]")
	for _, name := range []string{"a", "b", "c"} {
		if u := st.Load().Lookup([]byte(name)); u == nil || u.Origin != Filed || !u.Same(define(t, name, "on >pw +get").User) {
			t.Errorf("%s is not as the file has it", name)
		}
	}
	load()
	expect("when they are gone")

	saved := ""
	d.OnSave(func(file string) { saved = file })
	defer func() {
		if saved == "" || saved == d.File() {
			t.Errorf("saved was %q; want the file of that time", saved)
		}
	}()

	// What is saved stays, and so does what the file has come to say too.
	set("made", "on")
	do(d.Save(""))
	load()
	expect("when they are saved")
	set("made", "on", "+ping")
	rewrite(t, d.File(), file+"user made on +ping\n")
	load()
	expect("when the file says the same")

	// Another file, and users of the configuration.
	set("made", "on", "+get")
	other := filepath.Join(t.TempDir(), "other.acl")
	do(d.Replace(Replacement{DirectoryOptions{File: other, Config: "new.toml"}, newSet(t, define(t, "a", "on >pw +get")), d.Version()}, nil))
	expect("with other users", "[made] []")
	if d.File() != other {
		t.Errorf("the file is %s; want %s", d.File(), other)
	}
	if err := d.SetUser("", "a", []string{"off"}); err == nil || err.Error() != "User 'a' is defined in new.toml and is changed there" {
		t.Errorf("SETUSER = %v; want that it is the new configuration's", err)
	}
}

// What Save or Load has done since the users were read is not undone.
func TestReplaceReadsAgainWhatWasSaved(t *testing.T) {
	const file = "user a on >pw +get\nuser b on >pw +get\n"
	type change func(t *testing.T, d *Directory)
	remove := func(t *testing.T, d *Directory) {
		t.Helper()
		if _, err := d.DelUser("", []string{"b"}); err != nil {
			t.Fatal(err)
		}
		if err := d.Save(""); err != nil {
			t.Fatal(err)
		}
	}
	load := func(t *testing.T, d *Directory) {
		t.Helper()
		rewrite(t, d.File(), "user a on >pw +get\n")
		if err := d.Load(""); err != nil {
			t.Fatal(err)
		}
	}
	begun := func(t *testing.T, d *Directory, extras map[string]Extra) Replacement {
		t.Helper()
		r := Replacement{Options: DirectoryOptions{File: d.File(), Extras: extras}, Version: d.Version()}
		definitions, err := r.Options.read()
		if err != nil {
			t.Fatal(err)
		}
		r.Set = newSet(t, definitions...)
		return r
	}
	for name, meanwhile := range map[string]change{"ACL SAVE": remove, "ACL LOAD": load} {
		d, st := filed(t, file, nil)
		d.OnDiscard(func(g Discarded) { t.Errorf("after %s it was told %v", name, g) })
		r := begun(t, d, map[string]Extra{"a": {MaxConnections: 7}})
		meanwhile(t, d)
		if err := d.Replace(r, nil); err != nil {
			t.Errorf("after %s: Replace() = %v", name, err)
		}
		if u := st.Load().Lookup([]byte("b")); u != nil {
			t.Errorf("after %s the user who was removed is back: %v", name, u)
		}
		if u := st.Load().Lookup([]byte("a")); u == nil || u.MaxConnections != 7 {
			t.Errorf("after %s there is not what the new configuration adds to a: %v", name, u)
		}
	}

	// What cannot be together is refused whole.
	d, st := filed(t, file, nil)
	r := begun(t, d, map[string]Extra{"b": {MaxConnections: 7}})
	remove(t, d)
	before := st.Load()
	if err := d.Replace(r, nil); err == nil || !strings.Contains(err.Error(), "no line for 'b'") {
		t.Errorf("Replace() = %v; want that the file has no b", err)
	}
	if st.Load() != before || len(d.o.Load().Extras) != 0 {
		t.Error("something has changed all the same")
	}

	// The aclfile is of no interest to a configuration without one.
	d, st = filed(t, file, nil)
	r = begun(t, d, nil)
	remove(t, d)
	r.Options = DirectoryOptions{}
	r.Set = newSet(t, define(t, "b", "on"))
	if err := d.Replace(r, nil); err != nil || st.Load().Lookup([]byte("b")) == nil {
		t.Errorf("Replace() = %v without b; want the users of the configuration", err)
	}
}

// What is exchanged beside the users is when they are in force, and waited for when
// everybody was told of them; on an error it stays.
func TestReplaceBeside(t *testing.T) {
	d, st := filed(t, "user a on >pw +get\n", nil)
	var order []string
	d.OnChange(func(_, _ *Set) { order = append(order, "told") })
	beside := func() func() {
		order = append(order, fmt.Sprint("beside ", st.Load().Lookup([]byte("b")) != nil))
		return func() { order = append(order, "waited") }
	}
	r := Replacement{Set: newSet(t, define(t, "b", "on"))}
	if err := d.Replace(r, beside); err != nil {
		t.Fatal(err)
	}
	if want := []string{"beside true", "told", "waited"}; !slices.Equal(order, want) {
		t.Errorf("the order is %q; want %q", order, want)
	}
	order = nil
	r.Options.File, r.Version = filepath.Join(t.TempDir(), "none"), d.Version()+1
	if err := d.Replace(r, beside); err == nil || len(order) > 0 {
		t.Errorf("Replace() = %v, and then %q; want an error and nothing else", err, order)
	}
}
