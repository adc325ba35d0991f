package users

import (
	"cmp"
	"fmt"
	"net/netip"

	"redisgate/aclfile"
	"redisgate/auth"
	"redisgate/identity"
	"redisgate/policy"
)

// Default is the user of clients that send AUTH with a password alone, and, if it
// needs no password, of those that send no AUTH.
const Default = "default"

// Origin says where a user was defined, and so who may change it.
type Origin uint8

const (
	Configured Origin = iota // a [[user]] with rules: changed in the configuration only
	Builtin                  // default, if nobody defined it
	Filed                    // the aclfile
	Runtime                  // ACL SETUSER, until the end of the process or ACL SAVE
)

// User is one user of a [Set]. It is immutable.
type User struct {
	*policy.User
	Allow  *policy.Networks // where the user may log in from; nil: wherever a client may connect from
	Slow   []auth.Slow      // passwords besides those of the rules; from the configuration, read only
	Origin Origin

	MaxConnections int // at one time; 0: any number
	Rates          Rates

	// Certificates are the client certificates that are this user. With
	// RequireCertificate a password counts only together with one of them.
	Certificates       []identity.Pattern
	RequireCertificate bool

	// Index is this user's place in counters: from 0, dense, less than MaxLabels,
	// and the same for the same name in every later set made with this one as
	// predecessor. Users beyond the first MaxLabels-1 names share the last one.
	Index int

	// Label is what metrics call this user: its name, or OtherUsers. There are at
	// most MaxLabels of them, whatever users come and go.
	Label string

	size int // bytes of its line in an aclfile
}

// Rates are what all connections of one user may do together in a second. 0: any number.
type Rates struct {
	Commands int64
	Bytes    int64 // of requests, and of what Redis answers and publishes
}

// Or is r, with what d says where r says nothing.
func (r Rates) Or(d Rates) Rates {
	return Rates{Commands: cmp.Or(r.Commands, d.Commands), Bytes: cmp.Or(r.Bytes, d.Bytes)}
}

// Names and indexes are bounded, since clients with all rights can make users for
// as long as they like.
const (
	MaxUsers  = aclfile.MaxUsers // at one time, default included
	MaxLabels = 2 * MaxUsers

	// OtherUsers is the label of users for whose names no index was left. No user
	// can have that name.
	OtherUsers = "(other users)"
)

// Admits says whether the user may be logged in from an address. An address that
// is not valid, a unix socket's client, is in no list.
func (u *User) Admits(addr netip.Addr) bool {
	return u.Allow == nil || u.Allow.Contains(addr)
}

// Definition is what a user is made of.
type Definition struct {
	User  *policy.User
	Allow *policy.Networks // nil: everywhere; an empty list: nowhere
	Slow  []auth.Slow      // more passwords, which only the configuration can change

	MaxConnections int // at one time; 0: any number
	Rates          Rates

	// Certificates and RequireCertificate are as in User.
	Certificates       []identity.Pattern
	RequireCertificate bool

	// Origin of a user that a program made up is Configured: nobody may change it.
	Origin Origin
}

// definition is what the user was made of.
func (u *User) definition() Definition {
	return Definition{
		User: u.User, Allow: u.Allow, Slow: u.Slow, MaxConnections: u.MaxConnections, Rates: u.Rates, Origin: u.Origin,
		Certificates: u.Certificates, RequireCertificate: u.RequireCertificate,
	}
}

// check refuses what would let somebody in without the password or certificate that is
// meant.
func (d Definition) check() error {
	switch {
	case len(d.Slow) > 0 && d.User.NoPass:
		return fmt.Errorf("redisgate: user '%s' has passwords in the configuration, and nopass, so that any password would do", d.User.Name)
	case len(d.Certificates) > 0 && d.User.NoPass:
		return fmt.Errorf("redisgate: user '%s' has certificates, and with nopass anybody would be that user without one", d.User.Name)
	case d.RequireCertificate && len(d.Certificates) == 0:
		return fmt.Errorf("redisgate: user '%s' requires a certificate and has none", d.User.Name)
	}
	return nil
}
