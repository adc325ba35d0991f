package aclfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"redisgate/policy"
)

// Read parses the file at path. An error that is not Problems is of the system.
func Read(path string, options func(name string) policy.Options) ([]Entry, error) {
	// Opening a pipe that nobody writes to would take for ever.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errNoFile(info)}
	}
	if info.Size() > MaxFile {
		return nil, errTooLarge
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1)) // it may have grown
	if err != nil {
		return nil, err
	}
	if len(data) > MaxFile {
		return nil, errTooLarge
	}
	return Parse(data, options)
}

var errTooLarge = Problems{{Msg: "larger than 64MB", Hint: "name a file of users; " + exampleHint}}

func errNoFile(info fs.FileInfo) error {
	if info.IsDir() {
		return errors.New("is a directory")
	}
	return errors.New("is not a regular file")
}

// temporary is in the names of files that are being written, between the name of the
// file that they will be and a number. A crash may leave one behind; nothing reads it.
const temporary = ".redisgate-tmp-"

// stale is the age from which such a file has no writer any more.
const stale = time.Hour

// Write replaces the file at path by one with that text, so that who reads it at any
// moment, after a crash or a power failure too, finds the old text or the new. Mode,
// owner and group are those of the old file as far as the system lets us; a new file
// is its owner's alone. A symbolic link stays, and what it points to is replaced.
//
// The directory must be writable, and the file must not be a mount point.
func Write(path string, text []byte) (err error) {
	target, mode, old, err := resolve(path)
	if err != nil {
		return err
	}
	dir, base := filepath.Split(target)
	if dir == "" {
		dir = "."
	}
	removeStale(dir, base+temporary, time.Now())
	f, err := os.CreateTemp(dir, base+temporary+"*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(text); err != nil {
		return err
	}
	if old != nil && !keepOwner(f, old) {
		mode &^= 0o070 // another group than those who could read it
	}
	if err = f.Chmod(mode); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), target); err != nil {
		return err
	}
	return syncDirectory(dir)
}

// resolve follows symbolic links to the file that is to be replaced; old is nil if
// there is none yet.
func resolve(path string) (target string, mode fs.FileMode, old fs.FileInfo, err error) {
	target, err = filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return "", 0, nil, fmt.Errorf("%s points to a file that does not exist", path)
		}
		return path, 0o600, nil, nil
	}
	if err != nil {
		return "", 0, nil, err
	}
	old, err = os.Stat(target)
	if err != nil {
		return "", 0, nil, err
	}
	if !old.Mode().IsRegular() {
		return "", 0, nil, &fs.PathError{Op: "write", Path: path, Err: errNoFile(old)}
	}
	return target, old.Mode().Perm(), old, nil
}

// removeStale removes what crashes have left. A young file may be another process's.
func removeStale(dir, prefix string, now time.Time) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return // a directory may be writable and not readable
	}
	for _, e := range names {
		if !strings.HasPrefix(e.Name(), prefix) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > stale {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// syncDirectory makes the new name outlast a power failure.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil // writable and not readable: the name is as safe as it gets
	}
	defer d.Close()
	return d.Sync()
}
