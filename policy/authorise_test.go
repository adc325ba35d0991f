package policy

import (
	"strings"
	"testing"

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

func TestAuthoriseSaysWhy(t *testing.T) {
	for _, tt := range []struct {
		rules, request string
		want           Reason
	}{
		{"~app:* +@read", "GET app:1", ReasonAllowed},
		{"~app:* +@read", "get other", ReasonKey},
		{"~app:* +@read", "SET app:1 v", ReasonCommand},
		{"~app:* +@all", "CONFIG SET dir /tmp", ReasonReserved},
		{"allkeys +@all", "MONITOR", ReasonReserved},
	} {
		u := mustUser(t, tt.rules, Options{})
		args := split(tt.request)
		cmd, failure := command.Lookup(args)
		if failure != command.Found {
			t.Fatalf("Lookup(%q) = %v; want Found", tt.request, failure)
		}
		var uses command.Uses
		if d := u.Authorise(0, cmd, args, &uses); d.Reason != tt.want {
			t.Errorf("Authorise(%q, %q) = %v; want %v", tt.rules, tt.request, d.Reason, tt.want)
		}
	}
}
