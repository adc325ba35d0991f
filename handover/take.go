package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// Taking is the new process's side of a hand-over that has begun.
type Taking struct {
	// Sockets are what the old process listens on, its socket for hand-overs being the
	// last. They are the caller's to close.
	Sockets []*os.File

	c *net.UnixConn
}

// Begin asks the process that listens at path for its sockets. It returns nil and no error
// if nobody does.
func Begin(ctx context.Context, path string) (*Taking, error) {
	ctx, cancel := context.WithTimeout(ctx, takeTimeout)
	defer cancel()
	nc, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			return nil, nil
		}
		return nil, err
	}
	c := nc.(*net.UnixConn)
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	t := &Taking{c: c}
	if err := t.begin(); err != nil {
		t.Close()
		return nil, fmt.Errorf("%s: the process there: %s", path, reason(err))
	}
	return t, nil
}

func (t *Taking) begin() error {
	if err := checkPeer(t.c); err != nil {
		return err
	}
	if err := deadline(t.c, takeTimeout); err != nil {
		return err
	}
	if _, err := t.c.Write([]byte(hello)); err != nil {
		return err
	}
	return t.receive()
}

// receive reads the sockets. Each is checked to be one that listens.
func (t *Taking) receive() error {
	line, oob := make([]byte, maxLine), make([]byte, syscall.CmsgSpace(4*MaxSockets))
	n, oobn, flags, _, err := t.c.ReadMsgUnix(line, oob)
	if err != nil {
		return err
	}
	messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return err
	}
	for _, m := range messages {
		fds, err := syscall.ParseUnixRights(&m)
		if err != nil {
			continue // something else than descriptors
		}
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
			t.Sockets = append(t.Sockets, os.NewFile(uintptr(fd), "hand-over"))
		}
	}
	if flags&syscall.MSG_CTRUNC != 0 {
		return errors.New("it has passed more than can be taken")
	}
	var count int
	if _, err := fmt.Sscanf(string(line[:n]), given, &count); err != nil || count != len(t.Sockets) || count == 0 {
		return fmt.Errorf("it says %q and passes %d sockets", line[:n], len(t.Sockets))
	}
	return nil
}

// Ready tells the old process that this one can accept, and returns when the old one
// accepts no more. ended says that it ended before it could say so, which leaves its
// sockets to this one. On an error the old one goes on, and this one must not accept.
func (t *Taking) Ready(ctx context.Context) (ended bool, err error) {
	stop := context.AfterFunc(ctx, func() { t.c.Close() })
	defer stop()
	defer t.c.Close()
	if err := deadline(t.c, yieldTimeout); err != nil {
		return false, err
	}
	// What the other has said already, that it goes on, can be read after a failed write.
	_, _ = t.c.Write([]byte(ready))
	line := make([]byte, len(yours))
	if _, err = io.ReadFull(t.c, line); err == nil && string(line) != yours {
		return false, fmt.Errorf("the process that was to hand over goes on: it says %q", line)
	}
	switch {
	case err == nil:
		return false, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return true, nil // who goes on says so
	}
	return false, fmt.Errorf("the process that was to hand over: %s", reason(err))
}

// Close gives up: the old process goes on.
func (t *Taking) Close() {
	t.c.Close()
	for _, f := range t.Sockets {
		f.Close()
	}
}
