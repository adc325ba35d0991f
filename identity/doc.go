// Package identity says whom a client certificate names: it reads the names that
// stand in one, and patterns of names that belong to somebody, and finds to whom a
// certificate belongs.
//
// What a certificate says is taken literally; only the operator's patterns have a
// '*'. The package judges no signature and no date, and does not know users, TLS or
// sockets.
package identity
