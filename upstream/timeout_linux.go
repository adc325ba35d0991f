package upstream

import "syscall"

// tcpUserTimeout is TCP_USER_TIMEOUT (tcp(7)), for which package syscall has no name.
const tcpUserTimeout = 18

// boundSilence ends a connection whose other end is gone: the kernel by itself sends again
// for a quarter of an hour what nobody acknowledges, and commands would wait for that.
func boundSilence(_, _ string, raw syscall.RawConn) error {
	var err error
	if cerr := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(maxSilence.Milliseconds()))
	}); cerr != nil {
		return cerr
	}
	return err
}
