// Package auth answers whether a password is right, and how often an address
// may be wrong about it. It holds the [Secret] type for what must not be
// printed.
//
// It does not know RESP, sockets, users' rules or where users are kept.
package auth
