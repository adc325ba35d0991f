package aclfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func filesOf(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func modeOf(t testing.TB, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestWriteKeepsTheMode(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "users.acl")
	if err := Write(path, []byte("one")); err != nil || readFile(t, path) != "one" || modeOf(t, path) != 0o600 {
		t.Errorf("Write() of a new file = %v, %q, mode %v; want one and 0600", err, readFile(t, path), modeOf(t, path))
	}
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o644, 0o660, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, []byte(mode.String())); err != nil || readFile(t, path) != mode.String() || modeOf(t, path) != mode {
			t.Errorf("Write() of a file of mode %v = %v, %q, mode %v", mode, err, readFile(t, path), modeOf(t, path))
		}
	}
	if got := filesOf(t, dir); len(got) != 1 {
		t.Errorf("the directory has %q; want the file alone", got)
	}
}

func TestWriteFollowsSymbolicLinks(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	target := filepath.Join(elsewhere, "real.acl")
	writeFile(t, target, "old")
	if err := os.Chmod(target, 0o640); err != nil {
		t.Fatal(err)
	}
	middle, link := filepath.Join(dir, "middle"), filepath.Join(dir, "users.acl")
	for _, l := range [][2]string{{target, middle}, {"middle", link}} {
		if err := os.Symlink(l[0], l[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if modeOf(t, link)&fs.ModeSymlink == 0 || modeOf(t, middle)&fs.ModeSymlink == 0 {
		t.Error("Write() has replaced a link")
	}
	if readFile(t, target) != "new" || modeOf(t, target) != 0o640 {
		t.Errorf("the target is %q with mode %v; want new and 0640", readFile(t, target), modeOf(t, target))
	}
	if got := append(filesOf(t, dir), filesOf(t, elsewhere)...); len(got) != 3 {
		t.Errorf("files are %q; want no more than before", got)
	}
	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, []byte("x")); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("Write() through a link to nothing = %v; want an error", err)
	}
}

func TestWriteAndReadRefuseWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, []byte("x")); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("Write(directory) = %v; want an error", err)
	}
	if _, err := Read(dir, nil); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("Read(directory) = %v; want an error", err)
	}
	if _, err := Read(filepath.Join(dir, "missing"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read(missing) = %v; want that it does not exist", err)
	}
	if err := Write(filepath.Join(dir, "missing", "users.acl"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Write(missing directory) = %v; want that it does not exist", err)
	}
	if runtime.GOOS != "windows" {
		if _, err := Read(os.DevNull, nil); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("Read(%s) = %v; want an error", os.DevNull, err)
		}
		if err := Write(os.DevNull, nil); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("Write(%s) = %v; want an error", os.DevNull, err)
		}
	}
}

func TestReadIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "huge.acl")
	writeFile(t, path, "user a on\n")
	if err := os.Truncate(path, MaxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, nil); err == nil || !strings.Contains(err.Error(), "larger than 64MB") {
		t.Errorf("Read() of 64 MB and a byte = %v; want an error", err)
	}
}

func TestWriteThatFailsLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, strings.Repeat("u", 255)) // no file can be made whose name is longer
	writeFile(t, path, "old")
	if err := Write(path, []byte("new")); err == nil {
		t.Error("Write() where no temporary file can be made = nil; want an error")
	}
	if readFile(t, path) != "old" || len(filesOf(t, dir)) != 1 {
		t.Errorf("the directory has %q, the file %q; want the old file alone", filesOf(t, dir), readFile(t, path))
	}
}

func TestWriteRemovesWhatCrashesHaveLeft(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "users.acl")
	for name, age := range map[string]time.Duration{
		"users.acl" + temporary + "1":   2 * stale,
		"users.acl" + temporary + "2":   stale / 2,
		"users.acl.tmp-1":               2 * stale,
		"other.acl" + temporary + "1":   2 * stale,
		"users.acl" + temporary + "dir": 2 * stale,
	} {
		file := filepath.Join(dir, name)
		if strings.HasSuffix(name, "dir") {
			if err := os.Mkdir(file, 0o700); err != nil {
				t.Fatal(err)
			}
		} else {
			writeFile(t, file, "x")
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(file, then, then); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	want := "other.acl.redisgate-tmp-1 users.acl users.acl.redisgate-tmp-2 users.acl.redisgate-tmp-dir users.acl.tmp-1"
	if got := strings.Join(filesOf(t, dir), " "); got != want {
		t.Errorf("after Write the directory has %s; want %s", got, want)
	}
}
