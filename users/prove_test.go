package users

import (
	"strings"
	"testing"

	"redisgate/aclfile"
	"redisgate/auth"
	"redisgate/policy"
)

// Small hashes of "old" and "new", made by the argon2 of Debian: argon2 somesalt123 -id -t 1 -k 7168 -p 1 -l 32 -e.
const (
	slowOld = "$argon2id$v=19$m=7168,t=1,p=1$c29tZXNhbHQxMjM$3M0bT8RGtgeVHMCKBUpUBiKVnuHEdBRq7GRj4mffa/Q"
	slowNew = "$argon2id$v=19$m=7168,t=1,p=1$c29tZXNhbHQxMjM$VdqT7c4oOVgUaT/Soahr0ylS3H/TWfsS8kYFKcIB1jU"
)

func slow(t testing.TB, texts ...string) (out []auth.Slow) {
	t.Helper()
	for _, text := range texts {
		h, err := auth.ParseSlow(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, h)
	}
	return out
}

func defineSlow(t testing.TB, name, rules string, hashes ...string) Definition {
	d := define(t, name, rules)
	d.Slow = slow(t, hashes...)
	return d
}

// login proves and then authenticates, as a client's log-in does.
func login(s *Set, name, password string) (slot int, ok bool) {
	_, slot, ok = s.AuthenticateProved(inside, nil, []byte(name), []byte(password), s.Prove([]byte(name), []byte(password)))
	return slot, ok
}

func TestSlowPasswords(t *testing.T) {
	s := newSet(t, defineSlow(t, "ann", "on >plain ~* +@all", slowOld, slowNew), defineSlow(t, "off", "off", slowOld), define(t, "bob", "on >old"))
	for _, test := range []struct {
		name, password string
		slot           int
		ok             bool
	}{
		{"ann", "plain", 0, true},
		{"ann", "old", 1, true},
		{"ann", "new", 2, true}, // both are right, while one takes the other's place
		{"ann", "other", -1, false},
		{"ann", "", -1, false},
		{"off", "old", -1, false},
		{"bob", "old", 0, true},
		{"bob", "new", -1, false},
		{"nobody", "old", -1, false},
		{"default", "old", -1, false},
	} {
		if slot, ok := login(s, test.name, test.password); ok != test.ok || ok && slot != test.slot {
			t.Errorf("%s with %q = %d, %v; want %d, %v", test.name, test.password, slot, ok, test.slot, test.ok)
		}
		// Without the proof no slow hash counts.
		if _, slot, ok := s.Authenticate(inside, nil, []byte(test.name), []byte(test.password)); ok && slot != 0 {
			t.Errorf("%s with %q needs no proof", test.name, test.password)
		}
	}
	if !s.Slow() || testSet(t).Slow() {
		t.Error("Slow() does not say whether anybody has a slow hash")
	}
	if n := newSet(t, defineSlow(t, "a", "on", strings.Replace(slowOld, "p=1", "p=4", 1))).Lanes(); n != 4 || testSet(t).Lanes() != 1 {
		t.Errorf("Lanes() = %d; want 4, and 1 without slow hashes", n)
	}
}

func TestAProofCountsForWhoHasThatHashNow(t *testing.T) {
	before := newSet(t, defineSlow(t, "ann", "on", slowOld), defineSlow(t, "bob", "on", slowNew))
	proof := before.Prove([]byte("ann"), []byte("old"))
	for name, test := range map[string]struct {
		now Definition
		as  string
		ok  bool
	}{
		"the same":         {defineSlow(t, "ann", "on", slowOld), "ann", true},
		"one more":         {defineSlow(t, "ann", "on", slowNew, slowOld), "ann", true},
		"it is another's":  {defineSlow(t, "ann", "on", slowNew), "ann", false},
		"there is none":    {define(t, "ann", "on"), "ann", false},
		"the user is off":  {defineSlow(t, "ann", "off", slowOld), "ann", false},
		"somebody else":    {defineSlow(t, "bob", "on", slowNew), "bob", false},
		"the user is gone": {define(t, "carl", "on"), "ann", false},
		"from another place": {func() Definition {
			d := defineSlow(t, "ann", "on", slowOld)
			d.Allow, _ = policy.ParseNetworks([]string{"192.0.2.0/24"})
			return d
		}(), "ann", false},
	} {
		if _, _, ok := newSet(t, test.now).AuthenticateProved(inside, nil, []byte(test.as), []byte("old"), proof); ok != test.ok {
			t.Errorf("%s: the proof counts = %v; want %v", name, ok, test.ok)
		}
	}
}

// Whoever skips the work would tell who has a password.
func TestProveCostsTheSame(t *testing.T) {
	s := newSet(t, defineSlow(t, "ann", "on", slowOld, slowNew), defineSlow(t, "bob", "on", slowNew), define(t, "carl", "on >old"))
	for _, test := range [][2]string{{"ann", "wrong"}, {"ann", "old"}, {"bob", "wrong"}, {"bob", "new"}, {"carl", "wrong"}, {"nobody", "wrong"}, {"", ""}} {
		tried, worth := 0, int64(0)
		s.prove([]byte(test[0]), func(hash *auth.Slow) bool {
			tried++
			worth += hash.Cost()
			return hash.Fits([]byte(test[1]))
		})
		if want := slow(t, slowOld, slowNew); tried != len(want) || worth != cost(want) {
			t.Errorf("%q tries %d hashes that cost %d; want %d that cost %d", test, tried, worth, len(want), cost(want))
		}
	}
}

func TestNopassAndSlowPasswordsAreAnError(t *testing.T) {
	_, err := NewSet([]Definition{defineSlow(t, "ann", "on nopass", slowOld)}, nil)
	if err == nil || !strings.Contains(err.Error(), "any password would do") {
		t.Errorf("NewSet() = %v; want an error", err)
	}
}

func TestSetUserLeavesThePasswordsOfTheConfiguration(t *testing.T) {
	extras := map[string]Extra{"ann": {Slow: slow(t, slowOld)}}
	ann, err := policy.ParseUser("ann", "on >plain ~* &* +@all", policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := NewSet(DefineFiled([]aclfile.Entry{{User: ann, Name: "ann"}}, DirectoryOptions{Extras: extras}), nil)
	if err != nil {
		t.Fatal(err)
	}
	st := NewStore(set)
	d := NewDirectory(st, DirectoryOptions{File: "users.acl", Extras: extras})
	for _, rule := range []string{"resetpass", "RESET", "nopass"} {
		if err := d.SetUser("", "ann", []string{rule}); err == nil || !strings.Contains(err.Error(), "passwords in the configuration") {
			t.Errorf("SetUser(%s) = %v; want an error", rule, err)
		}
	}
	if err := d.SetUser("", "ann", []string{"<plain", "+get"}); err != nil {
		t.Fatal(err)
	}
	if _, ok := login(st.Load(), "ann", "old"); !ok {
		t.Error("the password of the configuration is lost by ACL SETUSER")
	}
	if _, ok := login(st.Load(), "ann", "plain"); ok {
		t.Error("a password that was taken away is right")
	}
	if _, err := d.DelUser("", []string{"ann"}); err != nil {
		t.Fatal(err)
	}
	if _, ok := login(st.Load(), "ann", "old"); ok {
		t.Error("a user who is gone logs in")
	}
}
