//go:build unix

package aclfile

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives f the owner and group of an older file, as far as the system
// allows, and says whether the group is the same then.
func keepOwner(f *os.File, old fs.FileInfo) bool {
	was, ok := old.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	if err := f.Chown(int(was.Uid), int(was.Gid)); err == nil {
		return true
	}
	// Only root gives files away, but a group may be one of several of ours.
	return f.Chown(-1, int(was.Gid)) == nil
}
