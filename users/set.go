package users

import (
	"fmt"
	"net/netip"

	"redisgate/auth"
	"redisgate/policy"
)

// Set is all users at one moment. It is immutable and may be read from any
// goroutine.
type Set struct {
	byName map[string]*User
	all    []*User // in the order of their definitions, default last if it was added
	labels []string

	standard *User // default

	// What an unknown user is judged by, so that it costs what others cost.
	most   int              // passwords that any user has
	decoys *policy.Networks // the longest list of addresses
}

// NewSet makes a set of users. Two of one name are an error. A user named default
// that is not among them is added, off and allowed nothing: in Redis it would be
// open to everybody.
//
// previous is the set that this one replaces, or nil; from it come the users'
// indexes.
func NewSet(definitions []Definition, previous *Set) (*Set, error) {
	s := &Set{byName: make(map[string]*User, len(definitions)+1), most: 1}
	indexes := make(map[string]int)
	if previous != nil {
		s.labels = append(s.labels, previous.labels...)
		for i, name := range s.labels {
			indexes[name] = i
		}
	}
	for _, d := range definitions {
		if d.User == nil {
			return nil, fmt.Errorf("a user without rules")
		}
		if s.byName[d.User.Name] != nil {
			return nil, fmt.Errorf("user %q is defined twice", d.User.Name)
		}
		s.add(d, indexes)
	}
	if s.byName[Default] == nil {
		off, err := policy.ParseUser(Default, "", policy.Options{})
		if err != nil {
			return nil, fmt.Errorf("making the default user: %w", err)
		}
		if off.Enabled || off.NoPass || len(off.Passwords) > 0 {
			return nil, fmt.Errorf("a user without rules is not off")
		}
		s.add(Definition{User: off}, indexes)
	}
	s.standard = s.byName[Default]
	return s, nil
}

func (s *Set) add(d Definition, indexes map[string]int) {
	index, ok := indexes[d.User.Name]
	if !ok {
		index = len(s.labels)
		s.labels = append(s.labels, d.User.Name)
	}
	u := &User{User: d.User, Allow: d.Allow, Index: index}
	s.byName[u.Name] = u
	s.all = append(s.all, u)
	s.most = max(s.most, len(u.Passwords))
	if d.Allow.Len() > s.decoys.Len() {
		s.decoys = d.Allow
	}
}

// Lookup finds a user by its name, case-sensitively as Redis does, or gives nil.
func (s *Set) Lookup(name []byte) *User {
	return s.byName[string(name)] // the compiler allocates nothing for this
}

// Default gives the user named default. There always is one.
func (s *Set) Default() *User { return s.standard }

// All gives every user once, in the order of the definitions. The slice is the
// set's and must not be changed.
func (s *Set) All() []*User { return s.all }

// Labels gives the names that indexes stand for, those of users that are gone
// included: Labels()[u.Index] == u.Name. The slice is the set's and must not be
// changed.
func (s *Set) Labels() []string { return s.labels }

// Authenticate says who logs in with that name and password from that address:
// the effective one, or an invalid one for a unix socket's client, whom a user with
// a list of addresses refuses.
//
// An unknown user, one that is off, a wrong password and a wrong address get the
// same answer after the same work: the password is hashed, compared with as many
// hashes as any user has, and one list of addresses is searched. A user that needs
// no password takes any.
func (s *Set) Authenticate(addr netip.Addr, name, password []byte) (u *User, ok bool) {
	u = s.Lookup(name)
	if u == nil {
		auth.VerifyNobody(s.most, password)
		s.decoys.Contains(addr)
		return nil, false
	}
	_, right := auth.Verify(u.Passwords, s.most, password)
	var admitted bool
	if u.Allow == nil {
		s.decoys.Contains(addr)
		admitted = true
	} else {
		admitted = u.Allow.Contains(addr)
	}
	if !u.Enabled || !(right || u.NoPass) || !admitted {
		return nil, false
	}
	return u, true
}

// Anonymous gives the user as whom a client from that address acts without AUTH:
// default, if it is on, needs no password and may log in from there.
func (s *Set) Anonymous(addr netip.Addr) (u *User, ok bool) {
	if d := s.standard; d.Enabled && d.NoPass && d.Admits(addr) {
		return d, true
	}
	return nil, false
}
