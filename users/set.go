package users

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"redisgate/aclfile"
	"redisgate/auth"
	"redisgate/identity"
	"redisgate/policy"
)

// Set is all users at one moment. It is immutable and may be read from any
// goroutine.
type Set struct {
	byName map[string]*User
	all    []*User // in the order of their definitions, default last if it was added
	size   int     // bytes of all users in an aclfile

	labels  []string
	indexes map[string]int // of labels
	own     bool           // labels and indexes are no earlier set's

	standard *User // default

	owners identity.Table[*User] // of certificates

	// What an unknown user is judged by, so that it costs what others cost.
	most   int              // passwords that any user's rules have
	slow   []auth.Slow      // the list that takes longest to try
	decoys *policy.Networks // the longest list of addresses
}

// NewSet makes a set of users. Two of one name are an error, and so are more than
// MaxUsers. A user named default that is not among them is added, off and allowed
// nothing: in Redis it would be open to everybody.
//
// previous is the set that this one replaces, or nil; from it come the users'
// indexes, and the users themselves that are the same: whoever is one of them has the
// same pointer in both sets.
func NewSet(definitions []Definition, previous *Set) (*Set, error) {
	s := &Set{byName: make(map[string]*User, len(definitions)+1), most: 1}
	if previous != nil {
		s.labels, s.indexes = previous.labels, previous.indexes
	}
	for _, d := range definitions {
		if d.User == nil {
			return nil, fmt.Errorf("a user without rules")
		}
		if s.byName[d.User.Name] != nil {
			return nil, fmt.Errorf("user %q is defined twice", d.User.Name)
		}
		if err := d.check(); err != nil {
			return nil, err
		}
		s.add(s.newUser(d).asIn(previous))
	}
	if s.byName[Default] == nil {
		off, err := policy.ParseUser(Default, "", policy.Options{})
		if err != nil {
			return nil, fmt.Errorf("making the default user: %w", err)
		}
		if off.Enabled || off.NoPass || len(off.Passwords) > 0 {
			return nil, fmt.Errorf("a user without rules is not off")
		}
		s.add(s.newUser(Definition{User: off, Origin: Builtin}).asIn(previous))
	}
	if len(s.all) > MaxUsers {
		return nil, errTooMany
	}
	s.standard = s.byName[Default]
	return s, nil
}

// errTooMany is an error for clients too.
var errTooMany = fmt.Errorf("redisgate: no more than %d users", MaxUsers)

// with makes a set of this one's users, with d in place of the user of its name or
// as one more, or with d.User nil, without those that are gone.
func (s *Set) with(d Definition, gone map[string]bool) (*Set, error) {
	next := &Set{byName: make(map[string]*User, len(s.all)+1), most: 1, labels: s.labels, indexes: s.indexes}
	var changed *User
	if d.User != nil {
		if err := d.check(); err != nil {
			return nil, err
		}
		changed = next.newUser(d)
	}
	for _, u := range s.all {
		switch {
		case gone[u.Name]:
		case changed != nil && u.Name == changed.Name:
			next.add(changed)
		default:
			next.add(u)
		}
	}
	if changed != nil && next.byName[changed.Name] == nil {
		next.add(changed)
	}
	if len(next.all) > MaxUsers {
		return nil, errTooMany
	}
	next.standard = next.byName[Default]
	return next, nil
}

// newUser gives a user its index, which an earlier set may have given already.
func (s *Set) newUser(d Definition) *User {
	u := &User{
		User: d.User, Allow: d.Allow, Slow: d.Slow, MaxConnections: d.MaxConnections, Rates: d.Rates, Origin: d.Origin,
		Certificates: d.Certificates, RequireCertificate: d.RequireCertificate, Label: d.User.Name, size: aclfile.Size(d.User),
	}
	index, ok := s.indexes[u.Name]
	switch {
	case ok:
	case len(s.labels) < MaxLabels-1:
		index = len(s.labels)
		s.remember(u.Name, index)
	default:
		if len(s.labels) < MaxLabels {
			s.remember(OtherUsers, MaxLabels-1)
		}
		index, u.Label = MaxLabels-1, OtherUsers
	}
	u.Index = index
	return u
}

// remember gives a name its index for ever. Other sets look at the old slice and
// the old map.
func (s *Set) remember(name string, index int) {
	if !s.own {
		s.own = true
		s.indexes = maps.Clone(s.indexes)
		if s.indexes == nil {
			s.indexes = make(map[string]int)
		}
		s.labels = slices.Clone(s.labels)
	}
	s.indexes[name] = index
	s.labels = append(s.labels, name)
}

func (s *Set) add(u *User) {
	s.byName[u.Name] = u
	s.all = append(s.all, u)
	s.size += u.size
	s.most = max(s.most, len(u.Passwords))
	if cost(u.Slow) > cost(s.slow) {
		s.slow = u.Slow
	}
	if u.Allow.Len() > s.decoys.Len() {
		s.decoys = u.Allow
	}
	for _, p := range u.Certificates {
		s.owners.Add(p, u)
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
// included: Labels()[u.Index] == u.Label. The slice is the set's and must not be
// changed.
func (s *Set) Labels() []string { return s.labels }

// Authenticate says who logs in with that name and password from that address:
// the effective one, or an invalid one for a unix socket's client, whom a user with
// a list of addresses refuses. cert is the client's certificate, verified; nil: none.
// slot is the place of the password among the user's,
// from 0 in the order of its rules, or -1 if it needs none.
//
// An unknown user, one that is off, a wrong password and a wrong address get the
// same answer after the same work: the password is hashed, compared with as many
// hashes as any user has, one list of addresses is searched, and it is looked up whose
// the certificate is. A user that needs no password takes any.
func (s *Set) Authenticate(addr netip.Addr, cert *identity.Certificate, name, password []byte) (u *User, slot int, ok bool) {
	return s.AuthenticateProved(addr, cert, name, password, auth.Secret{})
}

// AuthenticateProved is Authenticate of a password of which Prove, of this set or an
// earlier one, has found which of the slow hashes it fits: that counts if the user has
// that very hash now. Its slot is one behind those of the rules.
func (s *Set) AuthenticateProved(addr netip.Addr, cert *identity.Certificate, name, password []byte, proved auth.Secret) (u *User, slot int, ok bool) {
	u = s.Lookup(name)
	whose, _ := s.Certified(addr, cert)
	if u == nil {
		auth.VerifyNobody(s.most, password)
		s.decoys.Contains(addr)
		return nil, -1, false
	}
	slot, right := auth.Verify(u.Passwords, s.most, password)
	if !right && !proved.Empty() {
		i := slices.IndexFunc(u.Slow, func(h auth.Slow) bool { return h.Text().Reveal() == proved.Reveal() })
		if right = i >= 0; right {
			slot = len(u.Passwords) + i
		}
	}
	var admitted bool
	if u.Allow == nil {
		s.decoys.Contains(addr)
		admitted = true
	} else {
		admitted = u.Allow.Contains(addr)
	}
	if !u.Enabled || !(right || u.NoPass) || !admitted || u.RequireCertificate && whose != u {
		return nil, -1, false
	}
	return u, slot, true
}

// Anonymous gives the user as whom a client from that address acts without AUTH:
// default, if it is on, needs no password and may log in from there.
func (s *Set) Anonymous(addr netip.Addr) (u *User, ok bool) {
	if d := s.standard; d.Enabled && d.NoPass && d.Admits(addr) {
		return d, true
	}
	return nil, false
}
