//go:build linux && !portable && !race && !msan && !asan

package eventloop

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Raw system calls spare the runtime's bookkeeping of calls that may block, about a twentieth of the loop's time. They are for calls that
// cannot: non-blocking descriptors and no time-out. p is never empty. The race detector and the sanitizers do not see them, so
// under their tags the calls are ordinary ones.

func sysRead(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

func sysWrite(fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// epollPoll is epoll_wait without waiting.
func epollPoll(fd int, events []unix.EpollEvent) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}
