package users

import (
	"fmt"
	"testing"

	"redisgate/policy"
)

// Somebody who makes and removes users for as long as he likes makes no new labels,
// and takes none from those who have one.
func TestLabelsAreBounded(t *testing.T) {
	d, st := configured(t)
	if err := d.SetUser("", "early", nil); err != nil {
		t.Fatal(err)
	}
	early := st.Load().Lookup([]byte("early"))
	// Sets of many users at once fill the labels sooner than commands do.
	for round := range 3 {
		err := st.Update(func(old *Set) (*Set, error) {
			definitions := []Definition{{User: old.Lookup([]byte("app")).User}, {User: early.User, Origin: Runtime}}
			for i := range MaxUsers - 3 {
				u, err := policy.ParseUser(fmt.Sprintf("r%d-%d", round, i), "", policy.Options{})
				if err != nil {
					return nil, err
				}
				definitions = append(definitions, Definition{User: u, Origin: Runtime})
			}
			return NewSet(definitions, old)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s := st.Load()
	if n := len(s.Labels()); n != MaxLabels || s.Labels()[n-1] != OtherUsers {
		t.Errorf("%d labels, the last %q; want %d, the last %q", n, s.Labels()[n-1], MaxLabels, OtherUsers)
	}
	if _, err := d.DelUser("", []string{"early", "r2-0", "r2-1", "r2-2"}); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		name := fmt.Sprint("late", i)
		if err := d.SetUser("", name, nil); err != nil {
			t.Fatal(err)
		}
		if u := st.Load().Lookup([]byte(name)); u.Index != MaxLabels-1 || u.Label != OtherUsers {
			t.Fatalf("%s has index %d, label %q; want the last", name, u.Index, u.Label)
		}
		if _, err := d.DelUser("", []string{name}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(st.Load().Labels()); n != MaxLabels {
		t.Errorf("%d labels; want no more than %d", n, MaxLabels)
	}
	if err := d.SetUser("", "early", nil); err != nil {
		t.Fatal(err)
	}
	if u := st.Load().Lookup([]byte("early")); u.Index != early.Index || u.Label != "early" {
		t.Errorf("early has index %d, label %q; want %d and its name, as before", u.Index, u.Label, early.Index)
	}
	for _, u := range st.Load().All() {
		if st.Load().Labels()[u.Index] != u.Label || u.Label != u.Name && u.Label != OtherUsers {
			t.Fatalf("%s has index %d and label %q", u.Name, u.Index, u.Label)
		}
	}
}

// A set that was never used must not leave its labels in the one that was.
func TestSetsDoNotShareNewLabels(t *testing.T) {
	s := newSet(t, define(t, "app", "on"))
	a, err := s.with(define(t, "a", ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.with(define(t, "b", ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]*Set{"a": a, "b": b} {
		u := set.Lookup([]byte(name))
		if set.Labels()[u.Index] != name || len(set.Labels()) != 3 || len(s.Labels()) != 2 {
			t.Errorf("labels of %s are %q, of the set before %q", name, set.Labels(), s.Labels())
		}
	}
}

func TestAuthenticateSaysWhichPassword(t *testing.T) {
	s := testSet(t)
	for _, test := range []struct {
		name, password string
		slot           int
	}{
		{"app", "old", 0},
		{"app", "new", 1},
		{"app", "pw", -1},
		{"office", "pw", -1}, // not from there
		{"off", "pw", -1},
		{"open", "anything", -1},
		{"nobody", "pw", -1},
	} {
		if _, slot, _ := s.Authenticate(outside, nil, []byte(test.name), []byte(test.password)); slot != test.slot {
			t.Errorf("Authenticate(%s, %s) says password %d; want %d", test.name, test.password, slot, test.slot)
		}
	}
}
