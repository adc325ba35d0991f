package tlsfeed

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
)

// Kind says why a handshake did not come to its end.
type Kind uint8

// The kinds. A label of a metric or a decision to log is made of these.
const (
	Failed      Kind = iota + 1 // the client's TLS is not acceptable, or ours is not to it
	Vanished                    // the client left before its first byte, as a TCP health check does
	TimedOut                    // the time was up
	Cancelled                   // the caller's context ended
	OverTotal                   // the time was up waiting behind too many unfinished handshakes in all
	OverAddress                 // the same, behind too many of the client's address
)

var kindTexts = [...]string{
	Failed:      "failed",
	Vanished:    "the client left without a byte",
	TimedOut:    "timed out",
	Cancelled:   "cancelled",
	OverTotal:   "too many unfinished handshakes",
	OverAddress: "too many unfinished handshakes from one address",
}

func (k Kind) String() string {
	if k == 0 || int(k) >= len(kindTexts) {
		return "unknown"
	}
	return kindTexts[k]
}

var (
	errTooLong = errors.New("tlsfeed: handshake is too long")
	errGone    = errors.New("tlsfeed: no permit in time")
)

// HandshakeError is the error of [Slots.Handshake]. Its text is made of fixed
// words only and can be logged; the wrapped error may quote what the client
// has sent.
type HandshakeError struct {
	Kind Kind
	Err  error
}

func (e *HandshakeError) Error() string {
	text := "tls handshake: " + e.Kind.String()
	if r := reason(e.Err); e.Kind == Failed && r != "" {
		text += ": " + r
	}
	return text
}

func (e *HandshakeError) Unwrap() error { return e.Err }

func handshakeError(ctx context.Context, sh *shake, err error) *HandshakeError {
	kind := Failed
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		kind = TimedOut
	case ctx.Err() != nil:
		kind = Cancelled
	case sh.got == 0:
		kind = Vanished
	}
	return &HandshakeError{Kind: kind, Err: err}
}

// reason names the cause in words that the client did not choose.
func reason(err error) string {
	var op *net.OpError
	var own interface{ HandshakeReason() string }
	switch {
	case err == nil:
		return ""
	case errors.As(err, &own):
		return own.HandshakeReason() // of whoever made the config, in fixed words
	case is[tls.RecordHeaderError](err):
		return "not TLS, or a record out of form"
	case is[x509.UnknownAuthorityError](err):
		return "the client's certificate is not signed by a known authority"
	case is[x509.CertificateInvalidError](err), is[*tls.CertificateVerificationError](err):
		return "the client's certificate is not valid"
	case errors.Is(err, errTooLong):
		return "more bytes than any handshake needs"
	case errors.As(err, &op) && op.Op == "remote error":
		return "the client refused: " + op.Err.Error() // an alert's name or number
	case errors.As(err, &op) && op.Op == "local error":
		return "refused: " + op.Err.Error() // an alert's too
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the client left in the middle"
	case errors.As(err, &op):
		return "the connection broke"
	}
	return ""
}

func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}
