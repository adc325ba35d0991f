package resp

import "errors"

// ErrIncomplete says that more bytes are needed before the request ends.
var ErrIncomplete = errors.New("resp: the request is not complete")

// ProtocolError says that a client's bytes are no request. The connection is to
// be closed after the error has been sent: nothing behind such bytes can be
// trusted to be the beginning of a request.
type ProtocolError struct {
	text string
	// stricter marks a request that Redis would read on, or would judge later
	// or otherwise, and that is refused here.
	stricter bool
}

// Error returns the text for the client, without "-ERR " and line end:
// "Protocol error: invalid multibulk length". Of the client's bytes it holds at
// most one.
func (e *ProtocolError) Error() string { return e.text }

// Texts are Redis's. Where Redis has no error, the nearest of its texts is used.
var (
	errQuotes      = &ProtocolError{text: "Protocol error: unbalanced quotes in request"}
	errCount       = &ProtocolError{text: "Protocol error: invalid multibulk length"}
	errCountUnauth = &ProtocolError{text: "Protocol error: unauthenticated multibulk length"}
	errBulk        = &ProtocolError{text: "Protocol error: invalid bulk length"}
	errBulkUnauth  = &ProtocolError{text: "Protocol error: unauthenticated bulk length"}

	// Redis has these three when it finds no line end in what it has read so far
	// and that is over 64 KB, so a longer line passes if it comes in few reads.
	errInlineTooBig = &ProtocolError{text: "Protocol error: too big inline request", stricter: true}
	errCountTooBig  = &ProtocolError{text: "Protocol error: too big mbulk count string", stricter: true}
	errBulkTooBig   = &ProtocolError{text: "Protocol error: too big bulk count string", stricter: true}

	// Redis searches lines with strchr: behind a NUL it sees no line end, so the
	// connection hangs until 64 KB are in and an error comes.
	errInlineNUL = &ProtocolError{text: errInlineTooBig.text, stricter: true}
	errCountNUL  = &ProtocolError{text: errCount.text, stricter: true}
	errBulkNUL   = &ProtocolError{text: errBulk.text, stricter: true}
	// Redis skips the byte after the CR of a header, and the two bytes after a
	// payload, whatever they are.
	errCountEnd   = &ProtocolError{text: errCount.text, stricter: true}
	errBulkEnd    = &ProtocolError{text: errBulk.text, stricter: true}
	errPayloadEnd = &ProtocolError{text: errBulk.text, stricter: true}
	// Redis's own limits are INT_MAX arguments, none for those of an inline
	// command, and 1 GB of query buffer, over which it closes without a word.
	errCountLimit         = &ProtocolError{text: errCount.text, stricter: true}
	errBulkLimit          = &ProtocolError{text: errBulk.text, stricter: true}
	errInlineCount        = &ProtocolError{text: errCount.text, stricter: true}
	errInlineCountUnauth  = &ProtocolError{text: errCountUnauth.text, stricter: true}
	errInlineRequestLimit = &ProtocolError{text: errInlineTooBig.text, stricter: true}
	errRequestLimit       = &ProtocolError{text: "Protocol error: too big request", stricter: true}
)

// errExpectedBulk is Redis's text for an argument that does not begin with '$'.
// Redis maps line ends in its errors to spaces (addReplyErrorSdsEx).
func errExpectedBulk(got byte) *ProtocolError {
	if got == '\r' || got == '\n' {
		got = ' '
	}
	return &ProtocolError{text: "Protocol error: expected '$', got '" + string([]byte{got}) + "'"}
}
