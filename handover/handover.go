// Package handover passes listening sockets from a running process to the one that takes
// its place, over a unix socket, so that clients notice nothing: the sockets are never
// closed, and who connects meanwhile waits in their queue.
//
// It knows what a descriptor is and who is at the other end of a unix socket. It does not
// know what the sockets are for, nor how accepting begins or ends.
//
// The conversation, by lines, of the old process at its socket with the new one:
//
//	new: redisgate hand-over 1
//	old: sockets N               with N descriptors
//	new: ready                   it could accept, and does not yet
//	old: yours                   it accepts no more; or "never": it goes on
//
// A new process that ends or is silent before "ready" has changed nothing. At each moment
// one of the two accepts, or, between the last two lines, nobody.
package handover

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// MaxSockets is how many sockets can be passed: Linux takes 253 at a time.
const MaxSockets = 200

// Each step of the conversation has a time-out.
const (
	helloTimeout = 5 * time.Second
	// BuildTimeout is how long a new process may take from the sockets to being ready.
	BuildTimeout = 30 * time.Second
	// takeTimeout is longer, since one hand-over waits for another.
	takeTimeout  = BuildTimeout + 10*time.Second
	yieldTimeout = 20 * time.Second
)

const (
	hello = "redisgate hand-over 1\n"
	ready = "ready\n"
	yours = "yours\n"
	no    = "never\n" // as long as yours
	given = "sockets %d\n"
)

// maxLine bounds a line of the other side's.
const maxLine = 64

// deadline bounds the steps that follow.
func deadline(c *net.UnixConn, d time.Duration) error { return c.SetDeadline(time.Now().Add(d)) }

// expect reads one line, which must be want.
func expect(c io.Reader, want string) error {
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if string(got) != want {
		return fmt.Errorf("the other process says %q; want %q", got, want)
	}
	return nil
}

// errStranger is about a process of somebody else's.
var errStranger = errors.New("the process at the other end is of another user")

// checkPeer refuses everybody but processes of this user and of root.
func checkPeer(c *net.UnixConn) error {
	uid, err := peer(c)
	if err != nil {
		return fmt.Errorf("who is at the other end cannot be found out: %w", err)
	}
	if !trusted(uid, os.Geteuid()) {
		return fmt.Errorf("%w: %d", errStranger, uid)
	}
	return nil
}

// trusted says whether a process of user uid may do what one of user own can do.
func trusted(uid, own int) bool { return uid == 0 || uid == own }

// reason is an error's text with the usual ones in words.
func reason(err error) string {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "it is silent"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it has ended"
	}
	return strings.TrimSpace(err.Error())
}
