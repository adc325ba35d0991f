package users

import (
	"sync"
	"sync/atomic"
)

// Store holds the set of this moment. Readers take no lock.
type Store struct {
	set atomic.Pointer[Set] // never nil

	changing sync.Mutex // one writer at a time, from reading the old set to the swap
}

// NewStore starts with a set; nil is one of nobody.
func NewStore(s *Set) *Store {
	st := &Store{}
	st.set.Store(orNobody(s))
	return st
}

// Load gives the set of this moment. A caller that asks twice may get two: judge
// one command by one set.
func (st *Store) Load() *Set { return st.set.Load() }

// Swap replaces the set and gives the old one. Who is logged in is not looked at:
// that is for those who know the sessions.
func (st *Store) Swap(s *Set) (old *Set) {
	st.changing.Lock()
	defer st.changing.Unlock()
	return st.set.Swap(orNobody(s))
}

// Update replaces the set by what change makes of it, with no other change in
// between. On an error the old set stays.
func (st *Store) Update(change func(old *Set) (*Set, error)) error {
	st.changing.Lock()
	defer st.changing.Unlock()
	s, err := change(st.set.Load())
	if err != nil {
		return err
	}
	st.set.Store(orNobody(s))
	return nil
}

// orNobody makes nil the set in which nobody can log in.
func orNobody(s *Set) *Set {
	if s != nil {
		return s
	}
	s, err := NewSet(nil, nil)
	if err != nil {
		panic(err) // rules that do not depend on anything
	}
	return s
}
