package migration

import (
	"strings"
	"testing"
)

const hash = "#9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

func TestUsers(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		want       string // the user's rules, or empty: not carried over
		note       string // part of the only note, or empty: none
	}{
		{"7.0", "user app on " + hash + " ~data:* resetchannels &ev:* -@all +get +@hash", "on sanitize-payload " + hash + " ~data:* resetchannels &ev:* -@all +get +@hash", ""},
		{"8", "user app on sanitize-payload " + hash + " ~data:* %R~ro:* %W~wo:* resetchannels -@all +get", "on sanitize-payload " + hash + " ~data:* %R~ro:* %W~wo:* resetchannels -@all +get", ""},
		{"6.0", "user app on " + hash + " ~data:* -@all +get", "on sanitize-payload " + hash + " ~data:* resetchannels -@all +get", ""},
		{"Valkey 9", "user app on sanitize-payload " + hash + " ~data:* resetchannels alldbs -@all +get", "on sanitize-payload " + hash + " ~data:* resetchannels -@all +get", ""},
		{"databases of Valkey 9", "user app on " + hash + " ~data:* resetchannels db=0,1 -@all +get", "", "list of databases"},
		{"a new kind of rule", "user app on " + hash + " ~data:* ^x -@all +get", "", "of a kind that redisgate does not know"},
		{"off", "user app off ~data:* resetchannels -@all", "off sanitize-payload ~data:* resetchannels -@all", "off in Redis"},
		{"nopass", "user app on nopass ~data:* resetchannels -@all", "off nopass sanitize-payload ~data:* resetchannels -@all", "--keep-nopass"},
		{"nopass and off", "user app off nopass ~data:* resetchannels -@all", "off nopass sanitize-payload ~data:* resetchannels -@all", "off in Redis"},
		{"everything", "user app on " + hash + " ~* &* +@all", "on sanitize-payload " + hash + " ~* &* +@all", "redisgate reserves; may do everything"},
		{"a module's command", "user app on " + hash + " ~x resetchannels -@all +get +ft.search +@search", "on sanitize-payload " + hash + " ~x resetchannels -@all +get", "redisgate does not know"},
		{"without a module's command", "user app on " + hash + " ~* &* +@all -ft.search", "on sanitize-payload " + hash + " ~* &* +@all -waitaof", "redisgate does not know; has +@all; may run scripts"},
		{"reserved by name", "user app on " + hash + " ~* resetchannels -@all +debug +config|set +config|get", "on sanitize-payload " + hash + " ~* resetchannels -@all +config|get", "endanger the server"},
		{"scripts", "user app on " + hash + " ~x resetchannels -@all +eval", "on sanitize-payload " + hash + " ~x resetchannels -@all +eval", "unsafe_scripts"},
		{"skip-sanitize-payload", "user app on skip-sanitize-payload " + hash + " ~x resetchannels -@all", "on skip-sanitize-payload " + hash + " ~x resetchannels -@all", "skip-sanitize-payload"},
		{"selectors", "user app on " + hash + " resetchannels -@all (~a resetchannels -@all +get) (%R~it's\\x resetchannels &c -@all +@read)", "on sanitize-payload " + hash + ` resetchannels -@all (~a resetchannels -@all +get) ("%R~it's\\x" resetchannels &c -@all +@read)`, ""},
		{"reserved in a selector", "user app on " + hash + " resetchannels -@all (~a resetchannels -@all +debug -nosuch)", "on sanitize-payload " + hash + " resetchannels -@all (~a resetchannels -@all -waitaof)", "endanger the server; a rule names commands"},
		{"a pattern that ends a selector", "user app on " + hash + " ~x resetchannels -@all (~a) resetchannels -@all +get +set)", "", "cannot be told apart"},
		{"an open selector", "user app on " + hash + " ~x resetchannels -@all (~a -@all", "", "has no end"},
		{"a password in a selector", "user app on " + hash + " ~x resetchannels -@all (>x -@all)", "", "of a kind"},
		{"no hash", "user app on #123 ~x resetchannels -@all", "", "does not understand"},
		{"a NUL", "user app on " + hash + " ~x resetchannels -@all (~y\x00 -@all +@all)", "", "NUL"},
		{"a line", "user app on " + hash + " ~x\nuser resetchannels -@all", "", "does not understand"},
		{"a tab in the name", "user a\tpp on " + hash + " -@all", "", "spaces or null"},
		{"no name", "user  on " + hash + " -@all", "", "empty"},
		{"no UTF-8", "user \xff on " + hash + " -@all", "", "UTF-8"},
		{"long", "user app on " + hash + " -@all" + strings.Repeat(" +get", 10_001), "", "too long"},
		{"quotes", `user a"b'\$(x) on ` + hash + " -@all", "on sanitize-payload " + hash + " resetchannels -@all", ""},
	} {
		r, err := Users([]string{tc.line}, Options{})
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		var notes []string
		for _, n := range r.Notes {
			notes = append(notes, n.Text)
			if s := n.String(); strings.ContainsAny(s, "\n\t\x00") || !strings.HasPrefix(s, `"`) {
				t.Errorf("%s: the note is printed as %q", tc.name, s)
			}
		}
		got := ""
		if len(r.Users) == 1 {
			got = r.Users[0].Rules()
		}
		if got != tc.want {
			t.Errorf("%s: rules = %q; want %q", tc.name, got, tc.want)
		}
		wanted := strings.Split(tc.note, "; ")
		if (tc.note == "") != (len(notes) == 0) {
			t.Errorf("%s: notes = %q; want %q", tc.name, notes, tc.note)
		}
		for i, n := range notes {
			if tc.note != "" && (i >= len(wanted) || !strings.Contains(n, wanted[i])) {
				t.Errorf("%s: notes = %q; want %q", tc.name, notes, wanted)
				break
			}
		}
		if len(r.Users) == 1 {
			if _, err := r.File(); err != nil {
				t.Errorf("%s: File() = %v", tc.name, err)
			}
		}
	}
}

func TestUsersWithoutAPasswordStayOnIfAskedFor(t *testing.T) {
	r, err := Users([]string{"user default on nopass ~* &* +@all"}, Options{NoPass: true})
	if err != nil || len(r.Users) != 1 || !r.Users[0].Enabled {
		t.Fatalf("Users = %v, %v; want default, on", r.Users, err)
	}
	if len(r.Notes) == 0 || !strings.Contains(r.Notes[0].Text, "whoever gets through") {
		t.Errorf("notes = %v; want what that means", r.Notes)
	}
}

func TestWhatIsNoListOfUsersIsAnError(t *testing.T) {
	for _, lines := range [][]string{{"PONG"}, {"user app"}, {"User app on"}, {""}, make([]string, 10_001)} {
		if r, err := Users(lines, Options{}); err == nil {
			t.Errorf("Users(%.60q) = %v; want an error", lines, r)
		}
	}
}

// TestNotesDoNotGrow since they are for people.
func TestNotesDoNotGrow(t *testing.T) {
	var lines []string
	for i := range 5000 {
		lines = append(lines, "user "+strings.Repeat("x", i%250+1)+string(rune('a'+i/250))+" off -@all")
	}
	r, err := Users(lines, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range r.Notes {
		if s := n.String(); len(s) > 2000 || len(n.Names) > shownNames && !strings.Contains(s, " more: ") {
			t.Errorf("a note of %d bytes: %.200s", len(s), s)
		}
	}
}

// FuzzUsers: nobody gets what a file cannot say, and nothing breaks out of a line.
func FuzzUsers(f *testing.F) {
	f.Add("user app on " + hash + " ~a resetchannels -@all +get (~b resetchannels -@all +set)")
	f.Add("user a\"b on nopass %R~x &c +@all -debug|x -ft.search (~\"' +@all)")
	f.Fuzz(func(t *testing.T, line string) {
		r, err := Users([]string{line}, Options{NoPass: true})
		if err != nil || len(r.Users) == 0 {
			return
		}
		text, err := r.File()
		if err != nil {
			t.Fatalf("File() of %q = %v", line, err)
		}
		if strings.Count(string(text), "\n") != 1 {
			t.Fatalf("File() of %q = %q; want one line", line, text)
		}
		if u := r.Users[0]; u.AllPowerful() && !strings.Contains(strings.ToLower(line), "+@all") {
			t.Fatalf("%q may do everything", line)
		}
	})
}
