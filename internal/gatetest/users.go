package gatetest

import (
	"testing"

	"redisgate/policy"
	"redisgate/users"
)

// BuildUsers makes a set of users out of ACL rules.
func BuildUsers(t testing.TB, rules map[string]string, databases map[string][]int) *users.Set {
	t.Helper()
	var all []users.Definition
	for name, rule := range rules {
		u, err := policy.ParseUser(name, rule, policy.Options{Databases: databases[name]})
		must(t, err)
		all = append(all, users.Definition{User: u})
	}
	set, err := users.NewSet(all, nil)
	must(t, err)
	return set
}

// logWriter sends the gate's log to the test's.
type logWriter struct{ t testing.TB }

func (w logWriter) Write(p []byte) (int, error) {
	w.t.Logf("gate: %s", p)
	return len(p), nil
}
