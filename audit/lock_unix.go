//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package audit

import (
	"errors"
	"os"
	"syscall"
	"time"
)

const (
	// lockWait is how long it is waited for another process that puts the file aside,
	// which takes it some system calls.
	lockWait  = time.Second
	lockRetry = 5 * time.Millisecond
)

var errLocked = errors.New("another process has locked it")

// lock keeps other processes from locking the same file until unlock is called or the file
// is closed. Where no file can be locked it does nothing.
func lock(f *os.File) (unlock func(), err error) {
	for end := time.Now().Add(lockWait); ; time.Sleep(lockRetry) {
		switch err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return func() { _ = flock(f, syscall.LOCK_UN) }, nil
		case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOSYS):
			return func() {}, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, os.NewSyscallError("flock", err)
		case time.Now().After(end):
			return nil, errLocked
		}
	}
}

// flock fails if f is closed, and does not touch another file that has its descriptor then.
func flock(f *os.File, how int) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := c.Control(func(fd uintptr) { failed = syscall.Flock(int(fd), how) }); err != nil {
		return err
	}
	return failed
}
