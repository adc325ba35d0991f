// Package users is the live list of users: who there is, under which password and
// from which address each may log in. What a user may do is policy's.
//
// A [Set] is immutable: it is built whole, judged, and then swapped into the
// [Store], where every reader finds either all of it or all of its predecessor.
//
// A [Log] remembers who was refused what.
//
// The package does not know RESP, sockets or configuration files.
package users
