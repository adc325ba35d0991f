// Package tlsfeed runs crypto/tls on an event loop, with no fork of it.
//
// A connection has two lives. First [Slots.Handshake] runs the handshake on an
// ordinary goroutine over the blocking connection, bounded in number, in time
// and in bytes. Then the [Conn] that it returns is fed by hand: [Conn.Feed]
// lends it the ciphertext that was read from the socket, [Conn.Read] gives the
// plaintext until it says [ErrWouldBlock], and what Write, Close and tls.Conn
// itself have to say is appended to a buffer that the owner lends with
// [Conn.SetOutput]. A Conn never touches a socket or a clock of its own.
//
// The trick is small: the net.Conn beneath tls.Conn is a piece of memory whose
// "would block" is a net.Error with Timeout and Temporary true. tls.Conn keeps
// such an error to itself (readRecordOrCCS in crypto/tls/conn.go does not store
// it), so that its Read can simply be called again when there are more bytes.
// Every other error of a Conn is final, whether crypto/tls stores it or not.
//
// The package does not know Redis, users, certificates, sockets or timers.
package tlsfeed
