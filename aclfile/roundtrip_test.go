package aclfile

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"redisgate/policy"
)

// same says where what was printed and read again differs from what was printed.
func same(before []*policy.User, after []Entry) error {
	byName := make(map[string]*policy.User)
	for _, e := range after {
		byName[e.Name] = e.User
	}
	if len(byName) != len(before) {
		return fmt.Errorf("%d users became %d", len(before), len(byName))
	}
	for _, u := range before {
		v := byName[u.Name]
		if v == nil || v.Rules() != u.Rules() || v.Enabled != u.Enabled || v.NoPass != u.NoPass || v.AllPowerful() != u.AllPowerful() || len(v.Passwords) != len(u.Passwords) {
			return fmt.Errorf("user %q with %s became %+v", u.Name, u.Rules(), v)
		}
	}
	return nil
}

func roundTrip(t testing.TB, before []*policy.User) {
	t.Helper()
	text, err := Format(before)
	if err != nil {
		t.Fatalf("Format() = %v", err)
	}
	after, err := Parse(text, nil)
	if err != nil {
		t.Fatalf("Parse(%q), which Format has printed, = %v", text, err)
	}
	if err := same(before, after); err != nil {
		t.Fatalf("%v\nfile:\n%s", err, text)
	}
	var users []*policy.User
	size := 0
	for _, e := range after {
		users = append(users, e.User)
		size += Size(e.User)
	}
	if again, err := Format(users); err != nil || !bytes.Equal(again, text) {
		t.Fatalf("Format() of what was read = %q, %v; want %q", again, err, text)
	}
	if size != len(text) {
		t.Fatalf("Size() of all is %d; want %d", size, len(text))
	}
}

var words = strings.Fields(`on off nopass >pw >other #` + hash[1:] + ` <pw resetpass ~a ~b* ~* %R~a %W~a %RW~* allkeys resetkeys &c &* allchannels
	resetchannels +@all -@all +@read -@write +get -get +config|get +config|set +shutdown +select|0 +client reset clearselectors
	sanitize-payload skip-sanitize-payload (+get) (~a) (%R~b &c) ()`)

// randomWord is a word of rules, or something that looks like one.
func randomWord(r *rand.Rand) string {
	w := words[r.IntN(len(words))]
	switch r.IntN(8) {
	case 0: // a pattern of odd bytes
		odd := "ab\"'()\\#*[]?^-%~&|\x7f\xffü"
		b := []byte([]string{"~", "%R~", "&"}[r.IntN(3)])
		for range r.IntN(6) {
			b = append(b, odd[r.IntN(len(odd))])
		}
		return string(b)
	case 1: // a selector
		return "(" + randomWord(r) + " " + words[r.IntN(len(words))] + ")"
	}
	return w
}

func randomUser(r *rand.Rand, name string) *policy.User {
	u, err := policy.NewUser(name, nil, policy.Options{})
	if err != nil {
		panic(err)
	}
	for range r.IntN(12) {
		if next, err := u.With([]string{randomWord(r)}, policy.Options{}); err == nil {
			u = next
		}
	}
	return u
}

func TestWhatFormatPrintsParseReads(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{"default", "a", "ab", "B", "user", "#x", "ünï", "\"q", "on", "(", "\x01", strings.Repeat("n", 256)}
	for range 2000 {
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		var users []*policy.User
		for _, n := range names[:1+r.IntN(len(names)-1)] {
			users = append(users, randomUser(r, n))
		}
		roundTrip(t, users)
	}
}

func TestFormatOrdersByTheBytesOfNames(t *testing.T) {
	var users []*policy.User
	for _, n := range []string{"b", "default", "B", "ä", "a"} {
		users = append(users, randomUser(rand.New(rand.NewPCG(1, 1)), n))
	}
	text, err := Format(users)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		got = append(got, strings.Fields(line)[1])
	}
	if want := "B a b default ä"; strings.Join(got, " ") != want {
		t.Errorf("order = %q; want %q", got, want)
	}
	if users[0].Name != "b" {
		t.Error("Format has changed its argument")
	}
}

func TestFormatPrintsNothingThatParseRefuses(t *testing.T) {
	long, err := policy.ParseUser("long", "~"+strings.Repeat("x", MaxLine), policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := Format([]*policy.User{long}); err == nil || !strings.Contains(err.Error(), "'long' are longer than 1MB") {
		t.Errorf("Format() of a line over 1 MB = %d bytes, %v; want an error", len(text), err)
	}
	most, err := policy.ParseUser("most", "~"+strings.Repeat("x", MaxLine-100), policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, []*policy.User{most})
	for rules, fit := range map[int]bool{MaxRules - 4: true, MaxRules - 3: false} {
		var b strings.Builder // beside "off", "sanitize-payload", "resetchannels" and "-@all"
		for i := range rules {
			fmt.Fprintf(&b, " ~%d", i)
		}
		u, err := policy.ParseUser("many", b.String(), policy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := Fits(u); (err == nil) != fit {
			t.Errorf("Fits() of %d rules = %v; want that it fits: %v", rules+4, err, fit)
		}
	}
	var many []*policy.User
	for range 65 {
		many = append(many, most)
	}
	if text, err := Format(many); err == nil || !strings.Contains(err.Error(), "64MB") {
		t.Errorf("Format() of 65 MB = %d bytes, %v; want an error", len(text), err)
	}
}

// Whatever a file holds, Parse says what is wrong, or reads users that print and
// read the same again.
func FuzzACLFile(f *testing.F) {
	f.Add("user default on nopass ~* &* +@all\nuser a on >pw ~a (+get %R~b)\n")
	f.Add("# x\r\nUSER a\nuser\tb on\nuser c +nope >secret two #12 (a\nuser c\n")
	f.Add("user a (+get \"~q\\\")\") +select|0 %RW~*\x00\nuser \xff on")
	f.Add("user a  ( ) (\"~)\") &* -@all +config|set\n\n")
	f.Add("\xef\xbb\xbfuser a on\t\n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := Parse([]byte(text), nil)
		var ps Problems
		if errors.As(err, &ps) {
			load := ps.LoadText("f")
			if !strings.HasSuffix(load, Unchanged) || strings.ContainsAny(load, "\r\n") {
				t.Errorf("LoadText() = %q; want one line", load)
			}
			for i, p := range ps {
				if p.Line < 0 || p.Line > strings.Count(text, "\n")+1 || p.Msg == "" || i > maxProblems {
					t.Errorf("problem %d = %+v", i, p)
				}
			}
			return
		}
		if err != nil {
			t.Fatalf("Parse() = %v; want Problems", err)
		}
		var users []*policy.User
		for _, e := range entries {
			users = append(users, e.User)
		}
		roundTrip(t, users)
	})
}
