package users

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"redisgate/identity"
	"redisgate/policy"
)

func patterns(t testing.TB, texts ...string) (out []identity.Pattern) {
	t.Helper()
	for _, s := range texts {
		p, err := identity.ParsePattern(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// certified is define for a user with certificates.
func certified(t testing.TB, name, rules string, certificates []identity.Pattern, allow ...string) Definition {
	t.Helper()
	d := define(t, name, rules, allow...)
	d.Certificates = certificates
	return d
}

func TestInitial(t *testing.T) {
	s := newSet(t,
		certified(t, "app", "on >pw ~*", patterns(t, "CN:app", "DNS:*.app.internal")),
		certified(t, "bare", "on ~*", patterns(t, "CN:bare")),
		certified(t, "off", "off ~*", patterns(t, "CN:off")),
		certified(t, "office", "on ~*", patterns(t, "CN:office"), "10.0.0.0/8"),
		define(t, "default", "on nopass ~*"),
	)
	cn := func(name string) *identity.Certificate { return &identity.Certificate{CommonName: name} }
	for _, test := range []struct {
		addr     netip.Addr
		c        *identity.Certificate
		user     string // who acts
		standing Standing
	}{
		{outside, nil, "default", Nobody},
		{outside, cn("stranger"), "default", Nobody},
		{outside, cn("app"), "app", Holder},
		{outside, &identity.Certificate{DNS: []string{"one.app.internal"}}, "app", Holder},
		{outside, cn("bare"), "bare", Holder},
		{inside, cn("office"), "office", Holder},
		{outside, cn("office"), "", Outside},
		{unix, cn("office"), "", Outside},
		{inside, cn("off"), "", Off},
		{inside, &identity.Certificate{CommonName: "bare", DNS: []string{"one.app.internal"}}, "", Several},
		{inside, &identity.Certificate{CommonName: "bare", Unclear: true}, "", Unclear},
		{inside, &identity.Certificate{Unclear: true}, "", Unclear},
	} {
		u, st, ok := s.Initial(test.addr, test.c)
		if st != test.standing || ok != (test.user != "") || ok && u.Name != test.user {
			t.Errorf("Initial(%v, %+v) = %v, %v, %v; want %q, %v", test.addr, test.c, u, st, ok, test.user, test.standing)
		}
		if st.Refused() != (test.user == "") {
			t.Errorf("%v is refused: %v", st, st.Refused())
		}
	}
	// Who has no password is reached by none.
	for _, password := range []string{"", "pw", "bare"} {
		if u, _, ok := s.Authenticate(inside, nil, []byte("bare"), []byte(password)); ok {
			t.Errorf("Authenticate(bare, %q) = %v; want nobody", password, u.Name)
		}
	}
}

func TestPasswordsThatNeedACertificate(t *testing.T) {
	app, fast, free := defineSlow(t, "app", "on >pw ~*", slowOld), define(t, "fast", "on >pw ~*"), defineSlow(t, "free", "on >pw ~*", slowOld)
	app.Certificates, app.RequireCertificate = patterns(t, "CN:app"), true
	fast.Certificates, fast.RequireCertificate = patterns(t, "CN:fast"), true
	s, err := NewSet([]Definition{app, fast, free}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cn := func(name string) *identity.Certificate { return &identity.Certificate{CommonName: name} }
	for _, test := range []struct {
		c              *identity.Certificate
		name, password string
		slot           int // -1: refused
	}{
		{nil, "app", "pw", -1},
		{nil, "app", "old", -1},
		{cn("fast"), "app", "pw", -1},
		{cn("fast"), "app", "old", -1},
		{cn("x"), "app", "old", -1},
		{&identity.Certificate{CommonName: "app", Unclear: true}, "app", "old", -1},
		{cn("app"), "app", "wrong", -1},
		{cn("app"), "app", "pw", 0},
		{cn("app"), "app", "old", 1},
		{nil, "fast", "pw", -1},
		{cn("fast"), "fast", "old", -1},
		{cn("fast"), "fast", "pw", 0},
		{nil, "free", "old", 1},
		{cn("app"), "free", "pw", 0},
	} {
		name, password := []byte(test.name), []byte(test.password)
		u, slot, ok := s.AuthenticateProved(inside, test.c, name, password, s.Prove(name, password))
		if slot != test.slot || ok != (slot >= 0) || ok && u.Name != test.name {
			t.Errorf("%s with %q and %+v = %v, password %d, %v; want password %d", test.name, test.password, test.c, u, slot, ok, test.slot)
		}
	}
}

func TestCertificatesGoWithNoPasswordLess(t *testing.T) {
	const nopass = "redisgate: user 'app' has certificates, and with nopass anybody would be that user without one"
	bound := define(t, "app", "on >pw ~*")
	bound.RequireCertificate = true
	for want, d := range map[string]Definition{
		nopass: certified(t, "app", "on nopass ~*", patterns(t, "CN:app")),
		"redisgate: user 'app' requires a certificate and has none": bound,
	} {
		_, err := NewSet([]Definition{d}, nil)
		wantError(t, "NewSet", err, want)
	}

	extras := map[string]Extra{"app": {Certificates: patterns(t, "CN:app"), RequireCertificate: true}}
	d, st := filed(t, "user app on >pw ~*\nuser ops on >pw ~* &* +@all\n", extras)
	holds := func(when string, want bool) {
		t.Helper()
		u, standing := st.Load().Certified(outside, &identity.Certificate{CommonName: "app"})
		if (u != nil) != want || want && (u.Name != "app" || !u.RequireCertificate || standing == Nobody) {
			t.Errorf("%s the certificate is %v's, %v; want app's: %v", when, u, standing, want)
		}
	}
	holds("at first", true)
	wantError(t, "SetUser", d.SetUser("", "app", []string{"nopass"}), nopass)
	if err := d.SetUser("", "app", []string{"+get"}); err != nil {
		t.Fatal(err)
	}
	holds("after SetUser", true)
	if err := d.Save(""); err != nil {
		t.Fatal(err)
	}
	holds("after Save", true)
	if _, err := d.DelUser("", []string{"app"}); err != nil {
		t.Fatal(err)
	}
	holds("after DelUser", false)
	if err := d.SetUser("", "app", []string{"on"}); err != nil {
		t.Fatal(err)
	}
	holds("after another SetUser", true)
	before := st.Load()
	if err := os.WriteFile(d.File(), []byte("user app on nopass ~*\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Load(""); err == nil || !strings.Contains(err.Error(), nopass) || st.Load() != before {
		t.Errorf("Load() = %v; want that it says %q and changes nothing", err, nopass)
	}
}

// What the configuration adds to a user stays whatever changes the user.
func TestExtrasOutliveChanges(t *testing.T) {
	allow, err := policy.ParseNetworks([]string{inside.String()})
	if err != nil {
		t.Fatal(err)
	}
	extras := map[string]Extra{"app": {
		Allow: allow, Slow: slow(t, slowOld), MaxConnections: 3,
		Certificates: patterns(t, "CN:app"), RequireCertificate: true,
	}}
	d, st := filed(t, "user app on >pw ~*\nuser ops on >pw ~* &* +@all\n", extras)
	setUser := func() error { return d.SetUser("", "app", []string{"on", "+get"}) }
	for _, change := range []struct {
		name string
		do   func() error
	}{
		{"nothing", func() error { return nil }},
		{"ACL SETUSER", setUser},
		{"ACL SAVE", func() error { return d.Save("") }},
		{"ACL DELUSER and SETUSER", func() error {
			_, err := d.DelUser("", []string{"app"})
			return errors.Join(err, setUser())
		}},
		{"ACL SETUSER and LOAD", func() error { return errors.Join(setUser(), d.Load("")) }},
	} {
		if err := change.do(); err != nil {
			t.Fatal(err)
		}
		u := st.Load().Lookup([]byte("app"))
		if u.Allow.Len() != 1 || len(u.Slow) != 1 || u.MaxConnections != 3 || len(u.Certificates) != 1 || !u.RequireCertificate {
			t.Errorf("after %s the user is %+v; want all that the configuration adds", change.name, u)
		}
		if whose, st := st.Load().Certified(inside, &identity.Certificate{CommonName: "app"}); whose != u || st != Holder {
			t.Errorf("after %s the certificate is %v's, %v", change.name, whose, st)
		}
	}
}
