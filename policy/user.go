// Package policy is pure judgement over values: may this address connect, may this user run this command. It reads rules in
// Redis's ACL language (ParseUser), matches keys and channels with Redis's globs, and decides as Redis does (Authorise), with
// none of the ways around that Redis's own key extraction leaves open; package command does the one reading of arguments.
// Where redisgate is stricter than Redis the comment of the function concerned says so.
//
// The package knows no sockets, no TLS, no time, no logging and no configuration files.
package policy

import (
	"slices"

	"redisgate/policy/command"
)

// Hash is the SHA-256 of a password.
type Hash = [32]byte

// User is what one user may do. It is immutable once ParseUser or With has returned it, and safe for concurrent use.
type User struct {
	Name          string
	Enabled       bool   // may log in; sessions that exist are not affected, as in Redis
	NoPass        bool   // any password will do
	Passwords     []Hash // in the order of the rules
	Databases     []int  // those that the user may use; empty: all. The first is where a session starts
	UnsafeScripts bool   // scripts although the user may not do everything
	SkipSanitize  bool   // skip-sanitize-payload; kept for printing only

	selectors []*selector // the root selector, then those of (...) rules, in order
	powerful  bool
	readsAll  bool
}

// Options are the properties of a user that Redis's rules cannot express.
type Options struct {
	Databases      []int
	UnsafeScripts  bool
	RefuseReserved bool // a rule that grants a reserved command is an error: for ACL SETUSER
}

// AllPowerful reports whether one selector allows all commands, keys and channels, and all databases are allowed.
func (u *User) AllPowerful() bool { return u.powerful }

func (u *User) everything() bool {
	if len(u.Databases) > 0 {
		return false
	}
	for _, s := range u.selectors {
		if s.allKeys && s.allChannels && s.runsAll() {
			return true
		}
	}
	return false
}

func (u *User) clone() *User {
	c := *u
	c.Passwords = append([]Hash(nil), u.Passwords...)
	c.Databases = append([]int(nil), u.Databases...)
	c.selectors = make([]*selector, len(u.selectors))
	for i, s := range u.selectors {
		c.selectors[i] = s.clone()
	}
	return &c
}

// MayUse reports whether a database is one of the user's.
func (u *User) MayUse(db int) bool {
	if len(u.Databases) == 0 {
		return true
	}
	for _, d := range u.Databases {
		if d == db {
			return true
		}
	}
	return false
}

// Same reports whether two users may do the same, log in alike and print alike. It takes as long as printing both.
func (u *User) Same(v *User) bool {
	return u == v || u.Name == v.Name && u.UnsafeScripts == v.UnsafeScripts && slices.Equal(u.Databases, v.Databases) &&
		u.Enabled == v.Enabled && slices.Equal(u.Passwords, v.Passwords) && u.Rules() == v.Rules()
}

// bits is a set of command IDs.
type bits [(512 + 63) / 64]uint64

func (b *bits) has(id int) bool { return b[uint(id)/64%uint(len(b))]&(1<<(uint(id)%64)) != 0 }
func (b *bits) set(id int)      { b[id/64] |= 1 << (id % 64) }
func (b *bits) clear(id int)    { b[id/64] &^= 1 << (id % 64) }

// A set of commands is sized by hand, so that it needs no slice; this does not compile when it is too small.
var _ [512 - command.Total]struct{}
