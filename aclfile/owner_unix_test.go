//go:build unix

package aclfile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestWriteKeepsTheOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.acl")
	writeFile(t, path, "old")
	uid, gid := uint32(1234), uint32(2345)
	if err := os.Chown(path, int(uid), int(gid)); err != nil { // only root gives files away
		uid, gid = uint32(os.Getuid()), uint32(os.Getgid())
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Sys().(*syscall.Stat_t); s.Uid != uid || s.Gid != gid || info.Mode() != 0o640 {
		t.Errorf("owner %d, group %d, mode %v; want %d, %d, 0640", s.Uid, s.Gid, info.Mode(), uid, gid)
	}
}

// A pipe that nobody writes to must not hold up whoever reads it.
func TestReadDoesNotWaitForAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, nil); err == nil {
		t.Error("Read(pipe) = nil; want an error")
	}
}
