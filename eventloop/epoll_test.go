//go:build linux && !portable

package eventloop

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const onEpoll = true

// waiting is the number of bytes that the kernel holds for c.
func waiting(c *Conn) int {
	raw, err := c.nc.(syscall.Conn).SyscallConn()
	if err != nil {
		panic(err)
	}
	var n int
	if err := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); err != nil {
		panic(err)
	}
	return n
}
