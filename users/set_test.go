package users

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"redisgate/policy"
	"redisgate/policy/command"
)

var (
	inside  = netip.MustParseAddr("10.0.0.5")
	mapped  = netip.MustParseAddr("::ffff:10.0.0.5")
	outside = netip.MustParseAddr("192.0.2.5")
	unix    = netip.Addr{}
)

func define(t testing.TB, name, rules string, allow ...string) Definition {
	t.Helper()
	u, err := policy.ParseUser(name, rules, policy.Options{})
	if err != nil {
		t.Fatalf("ParseUser(%q, %q) = %v", name, rules, err)
	}
	d := Definition{User: u}
	if allow != nil {
		if d.Allow, err = policy.ParseNetworks(allow); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func newSet(t testing.TB, definitions ...Definition) *Set {
	t.Helper()
	s, err := NewSet(definitions, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testSet(t testing.TB) *Set {
	t.Helper()
	nowhere := define(t, "nowhere", "on >pw")
	nowhere.Allow = &policy.Networks{}
	return newSet(t,
		define(t, "app", "on >old >new ~* +@all"),
		define(t, "office", "on >pw ~* +@all", "10.0.0.0/8"),
		define(t, "off", "off >pw ~* +@all"),
		define(t, "open", "on nopass ~* +@all"),
		define(t, "openoffice", "on nopass ~* +@all", "10.0.0.0/8"),
		define(t, "openoff", "off nopass ~* +@all"),
		define(t, "bare", "on ~* +@all"),
		nowhere,
	)
}

func TestAuthenticate(t *testing.T) {
	s := testSet(t)
	for _, test := range []struct {
		addr           netip.Addr
		name, password string
		ok             bool
	}{
		{outside, "app", "old", true},
		{outside, "app", "new", true},
		{unix, "app", "new", true},
		{outside, "app", "", false},
		{outside, "app", "pw", false},
		{outside, "APP", "old", false},
		{outside, "app\x00", "old", false},
		{inside, "office", "pw", true},
		{mapped, "office", "pw", true},
		{outside, "office", "pw", false},
		{unix, "office", "pw", false},
		{inside, "office", "old", false},
		{inside, "off", "pw", false},
		{outside, "open", "", true},
		{outside, "open", "anything", true},
		{inside, "openoffice", "anything", true},
		{outside, "openoffice", "anything", false},
		{inside, "openoff", "anything", false},
		{inside, "bare", "", false},
		{inside, "nowhere", "pw", false},
		{inside, "nobody", "pw", false},
		{inside, "", "", false},
		{inside, "default", "", false},
		{inside, "default", "pw", false},
	} {
		u, _, ok := s.Authenticate(test.addr, nil, []byte(test.name), []byte(test.password))
		if ok != test.ok || ok && u.Name != test.name || !ok && u != nil {
			t.Errorf("Authenticate(%v, %q, %q) = %v, %v; want %v", test.addr, test.name, test.password, u, ok, test.ok)
		}
	}
}

// The password is so long that hashing it is nearly all of the work, and who
// skips it is found out whatever else the machine does.
func TestAuthenticateCostsTheSame(t *testing.T) {
	s := testSet(t)
	password := []byte(strings.Repeat("x", 4<<20))
	cost := func(addr netip.Addr, name string) time.Duration {
		least := time.Hour
		for range 7 {
			start := time.Now()
			s.Authenticate(addr, nil, []byte(name), password)
			least = min(least, time.Since(start))
		}
		return least
	}
	wrong := cost(outside, "app")
	for _, test := range []struct {
		addr netip.Addr
		name string
	}{
		{outside, "nobody"},
		{outside, "off"},
		{outside, "office"},
		{unix, "office"},
		{outside, "default"},
		{outside, "bare"},
		{outside, "open"},
		{outside, "openoff"},
	} {
		if c := cost(test.addr, test.name); c < wrong/10 || c > wrong*10 {
			t.Errorf("Authenticate(%v, %q) takes %v; want about %v, what a wrong password takes", test.addr, test.name, c, wrong)
		}
	}
}

func TestDefaultExistsAndIsOff(t *testing.T) {
	for _, s := range []*Set{newSet(t), testSet(t), NewStore(nil).Load()} {
		d := s.Default()
		if d == nil || d.Enabled || d.NoPass || len(d.Passwords) > 0 || d.AllPowerful() {
			t.Fatalf("Default() = %+v; want it off and powerless", d)
		}
		if s.Lookup([]byte("default")) != d {
			t.Error("Lookup(default) is not Default()")
		}
		if u, ok := s.Anonymous(inside); ok {
			t.Errorf("Anonymous() = %v; want nobody", u.Name)
		}
		for _, request := range []string{"ping", "get k", "flushall", "acl whoami"} {
			var args [][]byte
			for _, w := range strings.Fields(request) {
				args = append(args, []byte(w))
			}
			cmd, failure := command.Lookup(args)
			if cmd == nil {
				t.Fatalf("Lookup(%q): %v", request, failure)
			}
			var uses command.Uses
			if dec := d.Authorise(0, cmd, args, &uses); dec.Allowed() {
				t.Errorf("default may run %q; want it refused", request)
			}
		}
	}
}

func TestConfiguredDefault(t *testing.T) {
	s := newSet(t, define(t, "app", "on >pw"), define(t, "default", "on nopass ~* +@all", "10.0.0.0/8"))
	if n := len(s.All()); n != 2 {
		t.Errorf("%d users; want 2", n)
	}
	if u, ok := s.Anonymous(inside); !ok || u != s.Default() || u.Name != "default" {
		t.Errorf("Anonymous(%v) = %v, %v; want default", inside, u, ok)
	}
	for _, a := range []netip.Addr{outside, unix} {
		if u, ok := s.Anonymous(a); ok {
			t.Errorf("Anonymous(%v) = %v; want nobody", a, u.Name)
		}
	}
	for _, rules := range []string{"on >pw ~* +@all", "off nopass ~* +@all"} {
		if u, ok := newSet(t, define(t, "default", rules)).Anonymous(inside); ok {
			t.Errorf("%s: Anonymous() = %v; want nobody", rules, u.Name)
		}
	}
}

func TestAdmits(t *testing.T) {
	s := testSet(t)
	for _, test := range []struct {
		name string
		addr netip.Addr
		want bool
	}{
		{"app", outside, true},
		{"app", unix, true},
		{"office", inside, true},
		{"office", mapped, true},
		{"office", outside, false},
		{"office", unix, false},
		{"nowhere", inside, false},
	} {
		if got := s.Lookup([]byte(test.name)).Admits(test.addr); got != test.want {
			t.Errorf("%s: Admits(%v) = %v; want %v", test.name, test.addr, got, test.want)
		}
	}
}

func TestNewSetRefuses(t *testing.T) {
	for _, test := range []struct {
		definitions []Definition
		want        string
	}{
		{[]Definition{define(t, "a", "on"), define(t, "b", "on"), define(t, "a", "off")}, `"a" is defined twice`},
		{[]Definition{define(t, "default", "on"), define(t, "default", "off")}, `"default" is defined twice`},
		{[]Definition{{}}, "without rules"},
	} {
		if s, err := NewSet(test.definitions, nil); s != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("NewSet() = %v, %v; want %q", s, err, test.want)
		}
	}
}

func TestIndexesStayWithNames(t *testing.T) {
	next := func(previous *Set, names ...string) *Set {
		var ds []Definition
		for _, n := range names {
			ds = append(ds, define(t, n, "on"))
		}
		s, err := NewSet(ds, previous)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var s *Set
	for _, test := range []struct{ names, all, labels []string }{
		{[]string{"a", "b"}, []string{"a", "b", "default"}, []string{"a", "b", "default"}},
		{[]string{"b", "c"}, []string{"b", "c", "default"}, []string{"a", "b", "default", "c"}},
		{[]string{"default", "a"}, []string{"default", "a"}, []string{"a", "b", "default", "c"}},
		{nil, []string{"default"}, []string{"a", "b", "default", "c"}},
	} {
		s = next(s, test.names...)
		if !reflect.DeepEqual(s.Labels(), test.labels) {
			t.Errorf("Labels() = %q; want %q", s.Labels(), test.labels)
		}
		var all []string
		for _, u := range s.All() {
			all = append(all, u.Name)
			if s.Labels()[u.Index] != u.Name || s.Lookup([]byte(u.Name)) != u {
				t.Errorf("%s: Index = %d of %q", u.Name, u.Index, s.Labels())
			}
		}
		if !reflect.DeepEqual(all, test.all) {
			t.Errorf("All() = %q; want %q", all, test.all)
		}
	}
}

func TestAuthenticateAllocatesNothing(t *testing.T) {
	s := testSet(t)
	name, nobody, password := []byte("office"), []byte("nobody"), []byte("pw")
	if n := testing.AllocsPerRun(100, func() {
		s.Authenticate(inside, nil, name, password)
		s.Authenticate(inside, nil, nobody, password)
		s.Anonymous(inside)
	}); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}

// The figures are to be alike: what fails must not show.
func BenchmarkAuthenticate(b *testing.B) {
	s := testSet(b)
	for _, test := range []struct {
		what, name, password string
		addr                 netip.Addr
	}{
		{"right", "app", "new", inside},
		{"wrong-password", "app", "pw", inside},
		{"wrong-address", "office", "pw", outside},
		{"unknown", "nobody", "pw", inside},
		{"off", "off", "pw", inside},
	} {
		b.Run(test.what, func(b *testing.B) {
			name, password := []byte(test.name), []byte(test.password)
			for b.Loop() {
				s.Authenticate(test.addr, nil, name, password)
			}
		})
	}
}
