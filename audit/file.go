package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// fileMode is that of files that redisgate makes.
const fileMode = 0o600

// againAfter is how long a file that could not be put aside is written on.
const againAfter = time.Minute

// file is a file that is put aside when it is large: path becomes path.1, path.1 becomes
// path.2, and so on.
type file struct {
	path    string
	maxSize int64 // 0: any
	keep    int

	f     *os.File
	size  int64
	half  bool      // what was written last is not the end of a line
	later time.Time // before which it is not tried again to put it aside
}

func openFile(path string, maxSize int64, keep int) (*file, error) {
	f := &file{path: path, maxSize: maxSize, keep: max(1, keep)}
	return f, f.Reopen()
}

// Reopen implements sink.
func (f *file) Reopen() error {
	// Opening a pipe could wait for ever.
	if info, err := os.Stat(f.path); err == nil && !info.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: f.path, Err: errors.New("is not a regular file")}
	}
	opened, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	info, err := opened.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: f.path, Err: errors.New("is not a regular file")}
	}
	if err == nil && info.Mode().Perm()&0o007 != 0 {
		err = opened.Chmod(info.Mode().Perm() &^ 0o007) // it is not for everybody
	}
	if err != nil {
		_ = opened.Close()
		return err
	}
	half := false
	if f.f != nil {
		old, err := f.f.Stat()
		half = f.half && err == nil && os.SameFile(old, info) // then it is to be ended there
		_ = f.f.Close()
	}
	f.f, f.size, f.half = opened, info.Size(), half
	return nil
}

// Write implements sink.
func (f *file) Write(lines []byte) (int, error) {
	if f.f == nil || removed(f.f) {
		if err := f.Reopen(); err != nil {
			return 0, fmt.Errorf("the file was removed: %w", err)
		}
	}
	if f.maxSize > 0 && f.size > 0 && !f.half && f.size+int64(len(lines)) > f.maxSize && time.Now().After(f.later) {
		if err := f.rotate(); err != nil {
			f.later = time.Now().Add(againAfter)
			n, writeErr := f.append(lines)
			if writeErr == nil { // they are written all the same
				writeErr = fmt.Errorf("the file grows beyond its size, since it cannot be put aside: %w", err)
			}
			return n, writeErr
		}
	}
	return f.append(lines)
}

func (f *file) append(lines []byte) (int, error) {
	n, err := f.f.Write(lines)
	if f.size += int64(n); n > 0 {
		f.half = lines[n-1] != '\n'
	}
	return n, err
}

// rotate puts the file aside.
func (f *file) rotate() error {
	for i := f.keep - 1; i > 0; i-- {
		if err := os.Rename(f.aside(i), f.aside(i+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(f.path, f.aside(1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.Reopen()
}

func (f *file) aside(i int) string { return f.path + "." + strconv.Itoa(i) }

// Close implements sink.
func (f *file) Close() error { return f.f.Close() }
