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

const (
	// againAfter is how long a file that could not be put aside is written on.
	againAfter = time.Minute
	// lookEvery is how often it is looked whether a file's name is another file's now.
	lookEvery = time.Second
)

// errNotRegular is for a path that is a directory, a device, a pipe ...
var errNotRegular = errors.New("is not a regular file")

// file is a file that is put aside when it is large: path becomes path.1, path.1 becomes
// path.2, and so on. Another process may write and put aside the same one, as during a
// hand-over.
type file struct {
	path    string
	maxSize int64 // 0: any
	keep    int

	f      *os.File
	half   bool      // what was written last is not the end of a line
	later  time.Time // before which it is not tried again to put it aside
	looked time.Time // when path was last compared with f
}

func openFile(path string, maxSize int64, keep int) (*file, error) {
	f := &file{path: path, maxSize: maxSize, keep: max(1, keep)}
	return f, f.Reopen()
}

// Reopen implements sink.
func (f *file) Reopen() error {
	// Opening a pipe could wait for ever.
	if info, err := os.Stat(f.path); err == nil && !info.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: f.path, Err: errNotRegular}
	}
	opened, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	info, err := opened.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: f.path, Err: errNotRegular}
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
	}
	f.use(opened, half)
	return nil
}

// use has what comes written to another file.
func (f *file) use(opened *os.File, half bool) {
	if f.f != nil {
		_ = f.f.Close()
	}
	f.f, f.half, f.looked = opened, half, time.Now()
}

// Write implements sink.
func (f *file) Write(lines []byte) (int, error) {
	if f.f == nil || removed(f.f) {
		if err := f.Reopen(); err != nil {
			return 0, fmt.Errorf("the file was removed: %w", err)
		}
	}
	trouble := f.choose(int64(len(lines)))
	n, err := f.f.Write(lines)
	if n > 0 {
		f.half = lines[n-1] != '\n'
	}
	if err == nil {
		err = trouble // they are written all the same
	}
	return n, err
}

// choose sees to it that f is the file that so many more bytes belong in. If it fails they
// go where the last ones went.
func (f *file) choose(more int64) error {
	if f.half {
		return nil // its line is ended first
	}
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	now := time.Now()
	if now.Sub(f.looked) >= lookEvery {
		f.looked = now
		if at, err := os.Stat(f.path); err == nil && !os.SameFile(at, info) {
			if err = f.Reopen(); err == nil {
				info, err = f.f.Stat()
			}
			if err != nil {
				return fmt.Errorf("its name is another file's, and that cannot be opened; the old one is written on: %w", err)
			}
		}
	}
	// The size is the file's own, since others may write to it too.
	if f.maxSize <= 0 || info.Size() == 0 || info.Size()+more <= f.maxSize || !now.After(f.later) {
		return nil
	}
	if err := f.rotate(info); err != nil {
		f.later = now.Add(againAfter)
		return fmt.Errorf("the file grows beyond its size, since it cannot be put aside: %w", err)
	}
	return nil
}

// rotate puts the file aside, of which info is. Who does that has it locked, and path is
// its name until the last step: so no two processes do it at once. The next file is open
// before anything is renamed.
func (f *file) rotate(info fs.FileInfo) error {
	unlock, err := lock(f.f)
	if err != nil {
		return err
	}
	defer unlock()
	at, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(at, info) {
		return f.Reopen() // somebody else has put it aside
	}
	if err != nil {
		return err
	}
	next, err := f.begin()
	if err != nil {
		return err
	}
	if err = f.putAside(info); err == nil {
		err = os.Rename(next.Name(), f.path)
	}
	if err != nil {
		_ = next.Close()
		_ = os.Remove(next.Name())
		return err
	}
	f.use(next, false)
	return nil
}

// begin makes the file that is to be path.
func (f *file) begin() (*os.File, error) {
	name := f.path + ".new"
	// One that is there was left by who ended in the middle.
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, fileMode)
}

// putAside gives path.1 to the file. It goes by path.0, so that it is known that the file
// can be renamed before room is made for it. What somebody has begun who ended in the
// middle it goes on with.
func (f *file) putAside(info fs.FileInfo) error {
	if first, err := os.Stat(f.aside(1)); err == nil && os.SameFile(first, info) {
		return nil
	}
	zero := f.aside(0)
	was, err := os.Stat(zero)
	ours := err == nil && os.SameFile(was, info)
	if err == nil && !ours {
		if err := f.shift(); err != nil {
			return err
		}
	}
	linked := ours || os.Link(f.path, zero) == nil
	if !linked { // on this file system there may be no links: then nobody has path for a moment
		if err := os.Rename(f.path, zero); err != nil {
			return err
		}
	}
	err = f.shift()
	if err != nil && linked {
		_ = os.Remove(zero)
	}
	return err
}

// shift makes path.0 path.1, and moves what is in the way, as far as it is. Only if no
// name is free the oldest file goes.
func (f *file) shift() error {
	free := 1
	for ; free < f.keep; free++ {
		if _, err := os.Lstat(f.aside(free)); errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	for ; free > 0; free-- {
		if err := os.Rename(f.aside(free-1), f.aside(free)); err != nil {
			return err
		}
	}
	return nil
}

func (f *file) aside(i int) string { return f.path + "." + strconv.Itoa(i) }

// Close implements sink.
func (f *file) Close() error { return f.f.Close() }
