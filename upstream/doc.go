// Package upstream keeps the connections to Redis: one worker's shared
// pipelines, its dedicated connections, the dialing of both, and the health of
// the server behind them.
//
// A shared pipeline carries the commands of many clients; each reply goes back,
// in order, to the one that asked. A dedicated connection belongs to one client
// for a while. Both are a [Conn]: requests in, replies out, framed by package
// resp and moved by package eventloop. The package does not know clients' users,
// policy, or what a command means: the caller says how many replies a request
// has, and sends to a shared pipeline only what leaves no trace there.
//
// All of it but [Dialer] and [Control] belongs to one event loop's goroutine.
package upstream

import "errors"

// Key says on what a connection's replies depend besides the request.
type Key struct {
	DB    int   // database number, as in SELECT
	Proto uint8 // RESP version, 2 or 3
}

// Errors of [Pool.Shared] and [Pool.Dedicated].
var (
	// ErrBusy means that the configured number of connections is in use.
	ErrBusy = errors.New("no upstream connection is free")
	// ErrUnreachable means that Redis refused lately and the back-off still runs.
	ErrUnreachable = errors.New("Redis is unreachable")
)

// Receiver takes what comes back for the requests that it sent.
type Receiver interface {
	// Reply delivers replies, in the order of the requests.
	Reply(d Delivery)
	// Push delivers a piece of an out-of-band message on a dedicated
	// connection; p is valid only during the call, end marks its last piece.
	Push(p []byte, end bool)
	// Lost says that the next n replies will never come, the one begun
	// included. sent is false only when no byte of those requests left.
	Lost(n int, sent bool)
	// Room says that a connection that was Full, or that had not taken all
	// that was appended to it, has room again.
	Room()
}

// Delivery is a piece of the reply stream that belongs to one receiver.
type Delivery struct {
	Data  []byte // valid only during the call
	Began int    // replies whose first byte is in Data
	Ended int    // replies whose last byte is in Data
	// Refused says that Redis has answered a request of SendMany with one error in
	// place of its replies; Began and Ended count them as if they had all come.
	Refused bool
	// Large says that the reply that Data leaves unfinished is a shared pipeline's
	// and larger than LargeReply.
	Large bool
	Since int64 // loop time, in nanoseconds, at which their requests were sent
}
