package users

import (
	"net/netip"

	"redisgate/policy"
)

// Default is the user of clients that send AUTH with a password alone, and, if it
// needs no password, of those that send no AUTH.
const Default = "default"

// User is one user of a [Set]. It is immutable.
type User struct {
	*policy.User
	Allow *policy.Networks // where the user may log in from; nil: wherever a client may connect from

	// Index is this user's place in counters: from 0, dense, and the same for
	// the same name in every later set made with this one as predecessor.
	Index int
}

// Admits says whether the user may be logged in from an address. An address that
// is not valid, a unix socket's client, is in no list.
func (u *User) Admits(addr netip.Addr) bool {
	return u.Allow == nil || u.Allow.Contains(addr)
}

// Definition is what a user is made of.
type Definition struct {
	User  *policy.User
	Allow *policy.Networks // nil: everywhere; an empty list: nowhere
}
