package policy

import (
	"context"
	"strings"
	"testing"

	"redisgate/internal/redistest"
	"redisgate/policy/command"
)

func split(s string) [][]byte {
	var out [][]byte
	for _, w := range strings.Fields(s) {
		out = append(out, []byte(w))
	}
	return out
}

func mustUser(t testing.TB, rules string, opt Options) *User {
	t.Helper()
	u, err := ParseUser("app", rules, opt)
	if err != nil {
		t.Fatalf("ParseUser(%q) = %v; want no error", rules, err)
	}
	return u
}

func mustFind(t testing.TB, args [][]byte) *command.Command {
	t.Helper()
	cmd, failure := command.Lookup(args)
	if failure != command.Found {
		t.Fatalf("Lookup(%q) = failure %d; want Found", args, failure)
	}
	return cmd
}

func judge(t testing.TB, u *User, args [][]byte) (Decision, string) {
	t.Helper()
	cmd := mustFind(t, args)
	var uses command.Uses
	d := u.Authorise(0, cmd, args, &uses)
	return d, string(d.AppendText(nil, u, cmd))
}

func TestTextsForTheClient(t *testing.T) {
	for _, tt := range []struct{ rules, request, want string }{
		{"~app:* +get", "GET app:1", ""},
		{"~app:* +get", "CONFIG GET x", "NOPERM User app has no permissions to run the 'config|get' command"},
		{"~app:* +@all", "config set dir x", "NOPERM User app has no permissions to run the 'config|set' command, which is reserved: the rule +config|set in redisgate's configuration or ACL file would grant it"},
		{"~app:* +config", "config set dir x", "NOPERM User app has no permissions to run the 'config|set' command"},
		{"~app:* +get", "GET b", "NOPERM No permissions to access a key"},
		{"~app:* +publish", "PUBLISH b m", "NOPERM No permissions to access a channel"},
		{"~app:* +@all", "KEYS *", "NOPERM User app has no permissions to run the 'keys' command, which reaches all keys"},
		{"~app:* +sort", "SORT app:1 BY x*", "ERR BY option of SORT denied due to insufficient ACL permissions."},
		{"~app:* +sort", "SORT app:1 GET #", "ERR GET option of SORT denied due to insufficient ACL permissions."},
		{"~* +set", "SET k v NOPE", "ERR syntax error"},
	} {
		if _, got := judge(t, mustUser(t, tt.rules, Options{}), split(tt.request)); got != tt.want {
			t.Errorf("user %q: %q = %q; want %q", tt.rules, tt.request, got, tt.want)
		}
	}
	u := mustUser(t, "allkeys allchannels +@all", Options{Databases: []int{1}})
	if _, got := judge(t, u, split("GET k")); got != "NOPERM No permissions to access a database" {
		t.Errorf("GET in another database = %q", got)
	}
	if _, got := judge(t, mustUser(t, "~* +eval", Options{}), split("EVAL s 0")); !strings.HasPrefix(got, "NOPERM User app has no permissions to run the 'eval' command: ") {
		t.Errorf("EVAL = %q; want what it needs", got)
	}
}

// The text of SORT's own restriction is the server's, which checks it when it runs the command.
func TestSortTextsAreTheServers(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	s.Do("ACL", "SETUSER", "default", "resetkeys", "~app:*")
	client := s.Client()
	u := mustUser(t, "~app:* +@all", Options{})
	for _, request := range []string{"SORT app:1 BY x*", "SORT app:1 GET #", "SORT_RO app:1 GET x"} {
		line := []any{}
		for _, a := range split(request) {
			line = append(line, a)
		}
		err := client.Do(context.Background(), line...).Err()
		if _, got := judge(t, u, split(request)); err == nil || got != err.Error() {
			t.Errorf("%q = %q; the server says %v", request, got, err)
		}
	}
}

func TestReservedNeedsARuleThatNamesIt(t *testing.T) {
	for _, tt := range []struct {
		rules, request string
		want           Reason
	}{
		{"+@all", "MONITOR", ReasonReserved},
		{"+@admin", "MONITOR", ReasonReserved},
		{"+@dangerous +@slow", "DEBUG SLEEP 0", ReasonReserved},
		{"+monitor", "MONITOR", ReasonAllowed},
		{"+@all +monitor", "MONITOR", ReasonAllowed},
		{"+monitor +@all", "MONITOR", ReasonReserved},
		{"+monitor -@all", "MONITOR", ReasonReserved},
		{"+monitor -@admin", "MONITOR", ReasonReserved},
		{"+monitor -monitor", "MONITOR", ReasonReserved},
		{"+monitor -@admin +@admin", "MONITOR", ReasonReserved},
		{"+config", "CONFIG SET a b", ReasonReserved},
		{"+config", "CONFIG GET a", ReasonAllowed},
		{"+config|set", "CONFIG SET a b", ReasonAllowed},
		{"+config|set +config", "CONFIG SET a b", ReasonAllowed},
		{"+config|set -config", "CONFIG SET a b", ReasonReserved},
		{"+script", "SCRIPT DEBUG YES", ReasonReserved},
		{"+cluster", "CLUSTER INFO", ReasonAllowed},
		{"+cluster|info", "CLUSTER INFO", ReasonAllowed},
		{"+cluster|info", "CLUSTER NODES", ReasonReserved},
		{"+cluster -cluster|info", "CLUSTER INFO", ReasonReserved},
		{"+debug|object", "DEBUG object k", ReasonAllowed},
		{"+debug|object", "DEBUG SLEEP 0", ReasonReserved},
		{"+debug|object +@all", "DEBUG OBJECT k", ReasonReserved},
		{"+@all +debug|object -@admin", "DEBUG OBJECT k", ReasonReserved},
		{"+module", "MODULE LIST", ReasonAllowed},
		{"+@all +shutdown", "SHUTDOWN", ReasonAllowed},
		{"allcommands", "CLUSTER SLOTS", ReasonReserved},
	} {
		u := mustUser(t, "allkeys allchannels "+tt.rules, Options{})
		if d, _ := judge(t, u, split(tt.request)); d.Reason != tt.want {
			t.Errorf("user %q: %q = %v; want %v", tt.rules, tt.request, d.Reason, tt.want)
		}
	}
	for rules, want := range map[string]bool{"+monitor": false, "+config|set": false, "+config": true, "+@all": true, "+debug|object": false, "-monitor": true, "+cluster": false, "(+monitor)": false} {
		_, err := ParseUser("app", rules, Options{RefuseReserved: true})
		if (err == nil) != want {
			t.Errorf("ParseUser(%q) that refuses to grant reserved commands = %v; want it accepted: %v", rules, err, want)
		}
	}
}

func TestAllPowerful(t *testing.T) {
	for rules, want := range map[string]bool{
		"allkeys allchannels +@all": true, "allkeys allchannels +@all -get +get": true, "allkeys allchannels +@all -get": false,
		"allkeys +@all": false, "%RW~* allchannels +@all": false, "allkeys (allchannels +@all)": false, "(allkeys allchannels +@all)": true, "": false,
		"allkeys allchannels +@read +@write +@slow +@fast": false,
	} {
		u := mustUser(t, rules, Options{})
		if got := u.AllPowerful(); got != want {
			t.Errorf("user %q is all-powerful: %v; want %v", rules, got, want)
		}
		if got := u.AuthoriseUnknown().Allowed(); got != want {
			t.Errorf("user %q may run an unknown command: %v; want %v", rules, got, want)
		}
		if d, _ := judge(t, u, split("EVAL s 0")); d.Allowed() != want {
			t.Errorf("user %q may run scripts: %v; want %v", rules, d.Allowed(), want)
		}
	}
	if mustUser(t, "allkeys allchannels +@all", Options{Databases: []int{0}}).AllPowerful() {
		t.Errorf("a user of one database is all-powerful; want not")
	}
	if d := (Decision{}); d.Allowed() {
		t.Errorf("the zero Decision allows; want it to refuse")
	}
}

// A head is judged at least as strictly as the whole.
func TestAuthoriseHead(t *testing.T) {
	u := mustUser(t, "%W~w* ~rw* &c* +set +append +publish +mset", Options{})
	for _, tt := range []struct {
		head string
		argc int
		want Reason
	}{
		{"SET w1", 3, ReasonAllowed},
		{"SET w1", 5, ReasonKey},
		{"SET rw1", 5, ReasonAllowed},
		{"SET x", 3, ReasonKey},
		{"APPEND w1", 3, ReasonAllowed},
		{"APPEND w1", 4, ReasonSyntax},
		{"SET", 3, ReasonSyntax},
		{"MSET w1", 3, ReasonSyntax},
		{"GET w1", 2, ReasonCommand},
		{"PUBLISH c", 3, ReasonAllowed},
		{"PUBLISH d", 3, ReasonChannel},
	} {
		head := split(tt.head)
		cmd := command.ByName(string(head[0]))
		var uses command.Uses
		if d := u.AuthoriseHead(0, cmd, head, tt.argc, &uses); d.Reason != tt.want {
			t.Errorf("AuthoriseHead(%q, %d) = %v (%v); want %v", tt.head, tt.argc, d.Reason, d.Err, tt.want)
		}
	}
}

func TestAuthoriseDoesNotAllocate(t *testing.T) {
	u := mustUser(t, "~user:* ~session:* ~cache:* &ch* +@all (~x +get)", Options{Databases: []int{0}})
	var uses command.Uses
	for _, request := range []string{
		"GET cache:1", "SET cache:1 v EX 10", "MGET cache:1 cache:2 cache:3 cache:4 cache:5 cache:6 cache:7 cache:8 cache:9 cache:10",
		"GET denied", "SUBSCRIBE ch1 ch2", "CONFIG SET a b",
	} {
		args := split(request)
		cmd := mustFind(t, args)
		if got := testing.AllocsPerRun(100, func() { u.Authorise(0, cmd, args, &uses) }); got != 0 {
			t.Errorf("Authorise(%q) allocates %v times; want 0", request, got)
		}
	}
}
