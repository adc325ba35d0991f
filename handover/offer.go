package handover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"
)

// Offer is the old process's side. All fields are required.
type Offer struct {
	At      *net.UnixListener // where new processes ask; it is passed on too, as the last
	Sockets []syscall.Conn    // listening, open until Yield is called
	Yield   func()            // ends accepting, and returns when nobody is accepted any more
	Log     *slog.Logger
}

// Serve hands over to one process, and lets those try that come one after the other until
// then. It returns true when that is done. When ctx ends it returns false, after the
// conversation under way, which end cuts off. At is closed then, and its file removed unless
// another process has it.
func (o *Offer) Serve(ctx, end context.Context) bool {
	o.At.SetUnlinkOnClose(false)
	given := false
	defer func() {
		o.At.Close()
		if !given {
			_ = os.Remove(o.At.Addr().String())
		}
	}()
	stop := context.AfterFunc(ctx, func() { o.At.Close() })
	defer stop()
	for backoff := 5 * time.Millisecond; ; {
		c, err := o.At.AcceptUnix()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return false
		default:
			o.Log.Error("accepting a process that asks for the sockets failed", "error", err, "retry_in", backoff)
			select {
			case <-time.After(backoff):
			case <-ctx.Done():
			}
			backoff = min(2*backoff, time.Second)
			continue
		}
		var done bool
		given, done, err = o.hand(end, c)
		c.Close()
		if done {
			if err != nil {
				o.Log.Warn("the sockets are handed over, and the process that has them cannot be told", "reason", reason(err))
			}
			return true
		}
		o.Log.Warn("a hand-over has failed; this process goes on", "reason", reason(err))
		// Whether the other one goes on with them is not known if this one is ending.
		given = given && end.Err() != nil
	}
}

// hand is one conversation, until end. given says that the other has the sockets, done that
// this process accepts no more.
func (o *Offer) hand(end context.Context, c *net.UnixConn) (given, done bool, err error) {
	stop := context.AfterFunc(end, func() { c.Close() })
	defer stop()
	if err := checkPeer(c); err != nil {
		return false, false, err
	}
	if err := deadline(c, helloTimeout); err != nil {
		return false, false, err
	}
	if err := expect(c, hello); err != nil {
		return false, false, err
	}
	if err := o.give(c); err != nil {
		return false, false, fmt.Errorf("giving the sockets: %w", err)
	}
	o.Log.Info("another process has the sockets and starts")
	if err := deadline(c, BuildTimeout); err != nil {
		return true, false, err
	}
	if err := expect(c, ready); err != nil {
		if end.Err() == nil && deadline(c, helloTimeout) == nil {
			_, _ = c.Write([]byte(no)) // it may be about to say so
		}
		return true, false, err
	}
	// From here on there is no way back: closed or not, the sockets are the other's.
	_ = o.At.Close()
	o.Yield()
	if err := deadline(c, helloTimeout); err != nil {
		return true, true, err
	}
	_, err = c.Write([]byte(yours))
	return true, true, err
}

// give sends all descriptors in one message.
func (o *Offer) give(c *net.UnixConn) error {
	all := append(append([]syscall.Conn{}, o.Sockets...), o.At)
	if len(all) > MaxSockets {
		return fmt.Errorf("%d sockets are more than %d", len(all), MaxSockets)
	}
	return withDescriptors(all, func(fds []int) error {
		line := fmt.Appendf(nil, given, len(fds))
		n, oob, err := c.WriteMsgUnix(line, syscall.UnixRights(fds...), nil)
		if err == nil && (n != len(line) || oob == 0) {
			err = errors.New("not all was written")
		}
		return err
	})
}

// withDescriptors calls f with the descriptors of all, which stay open meanwhile.
func withDescriptors(all []syscall.Conn, f func(fds []int) error) error {
	fds := make([]int, 0, len(all))
	var next func() error
	next = func() error {
		if len(fds) == len(all) {
			return f(fds)
		}
		raw, err := all[len(fds)].SyscallConn()
		if err != nil {
			return err
		}
		var inner error
		// Not File().Fd(): that would make the sockets blocking, for both processes.
		err = raw.Control(func(fd uintptr) {
			fds = append(fds, int(fd))
			inner = next()
		})
		return errors.Join(err, inner)
	}
	return next()
}
