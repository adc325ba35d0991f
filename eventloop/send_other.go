//go:build !unix && (portable || !linux)

package eventloop

import "syscall"

// sendNow takes nothing: where a write cannot be tried, all output is pending until a goroutine has written it.
func sendNow(syscall.RawConn, []byte) (int, error) { return 0, nil }
