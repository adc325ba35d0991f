//go:build unix && (portable || !linux)

package eventloop

import (
	"os"
	"syscall"
)

// sendNow writes what the socket takes without waiting. RawConn.Write waits only when its function returns false.
func sendNow(raw syscall.RawConn, p []byte) (n int, err error) {
	var inner error
	err = raw.Write(func(fd uintptr) bool {
		for {
			n, inner = syscall.Write(int(fd), p)
			if inner != syscall.EINTR {
				return true
			}
		}
	})
	n = max(n, 0)
	switch {
	case err != nil:
		return n, err
	case inner == syscall.EAGAIN:
		return n, nil
	default:
		return n, os.NewSyscallError("write", inner)
	}
}
