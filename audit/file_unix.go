//go:build unix

package audit

import (
	"os"
	"syscall"
)

// removed says that a file has no name any more: what is written to it is lost.
func removed(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return true
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && s.Nlink == 0
}
