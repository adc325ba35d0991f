//go:build linux && !portable && (race || msan || asan)

package eventloop

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// The system calls as the race detector and the sanitizers can see them.

func sysRead(fd int, p []byte) (int, syscall.Errno) {
	return retry(func() (int, error) { return unix.Read(fd, p) })
}

func sysWrite(fd int, p []byte) (int, syscall.Errno) {
	return retry(func() (int, error) { return unix.Write(fd, p) })
}

func epollPoll(fd int, events []unix.EpollEvent) (int, syscall.Errno) {
	return retry(func() (int, error) { return unix.EpollWait(fd, events, 0) })
}

func retry(f func() (int, error)) (int, syscall.Errno) {
	for {
		n, err := f()
		if err == nil {
			return n, 0
		}
		if err != unix.EINTR {
			return 0, errnoOf(err)
		}
	}
}
