package policy

import (
	"testing"

	"redisgate/policy/command"
)

func TestMayRun(t *testing.T) {
	for _, tc := range []struct {
		rules  string
		option Options
		may    []string
		mayNot []string
	}{
		{"~a -@all +get +select|1", Options{}, []string{"get", "select", "auth"}, []string{"set", "ping"}},
		{"~a +@all", Options{}, []string{"get"}, []string{"flushall", "scan", "eval", "config|set", "info"}},
		{"~a +@all +scan +info", Options{UnsafeScripts: true}, []string{"scan", "info", "eval"}, []string{"flushall", "monitor"}},
		{"-@all (~* +flushall)", Options{}, []string{"flushall"}, []string{"eval"}},
		{"~* &* +@all +monitor", Options{}, []string{"eval", "monitor", "acl|setuser", "flushall"}, []string{"config|set"}},
		{"~* &* +@all", Options{Databases: []int{1}}, []string{"get"}, []string{"eval", "acl|setuser"}},
	} {
		u, err := ParseUser("u", tc.rules, tc.option)
		if err != nil {
			t.Fatal(err)
		}
		for want, names := range map[bool][]string{true: tc.may, false: tc.mayNot} {
			for _, name := range names {
				if got := u.MayRun(command.ByName(name)); got != want {
					t.Errorf("%s: MayRun(%s) = %v; want %v", tc.rules, name, got, want)
				}
			}
		}
	}
}
