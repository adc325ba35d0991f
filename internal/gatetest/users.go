package gatetest

import (
	"testing"

	"redisgate/auth"
	"redisgate/identity"
	"redisgate/policy"
	"redisgate/users"
)

// Person is what a user has besides rules.
type Person struct {
	Databases    []int
	Allow        []string // networks; none: everywhere
	Certificates []string // patterns
	Bound        bool     // a password counts only with one of them
	Slow         string   // one more password, with a slow hash; "": none
	Most         int      // connections; 0: any number
}

// BuildUsers makes a set of users out of ACL rules.
func BuildUsers(t testing.TB, rules map[string]string, databases map[string][]int) *users.Set {
	t.Helper()
	people := map[string]Person{}
	for name, list := range databases {
		people[name] = Person{Databases: list}
	}
	return BuildPeople(t, rules, people)
}

// BuildPeople is BuildUsers for users who have more than databases.
func BuildPeople(t testing.TB, rules map[string]string, people map[string]Person) *users.Set {
	t.Helper()
	var all []users.Definition
	for name, rule := range rules {
		p := people[name]
		u, err := policy.ParseUser(name, rule, policy.Options{Databases: p.Databases})
		must(t, err)
		d := users.Definition{User: u, RequireCertificate: p.Bound, MaxConnections: p.Most}
		if p.Slow != "" {
			hash, err := auth.ParseSlow(auth.NewArgon2id([]byte(p.Slow)))
			must(t, err)
			d.Slow = []auth.Slow{hash}
		}
		if p.Allow != nil {
			d.Allow, err = policy.ParseNetworks(p.Allow)
			must(t, err)
		}
		for _, text := range p.Certificates {
			pattern, err := identity.ParsePattern(text)
			must(t, err)
			d.Certificates = append(d.Certificates, pattern)
		}
		all = append(all, d)
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
