package audit

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// withoutDescriptors calls f while the process can open nothing.
func withoutDescriptors(t *testing.T, f func()) {
	t.Helper()
	var had syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &had); err != nil {
		t.Fatal(err)
	}
	none := had
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &had); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}

// TestWithoutDescriptorsNothingIsPutAside, and nothing goes that was.
func TestWithoutDescriptorsNothingIsPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	f := open(t, path, 100, 3)
	put(t, f, text("1", 90), text("2", 90), text("3", 90), text("4", 90))
	before := map[string]string{"": "4", ".1": "3", ".2": "2", ".3": "1"}
	has(t, path, before)
	withoutDescriptors(t, func() {
		for range 6 {
			f.later = time.Time{}
			line := text("5", 90)
			if n, err := f.Write([]byte(line)); n != len(line) || !errors.Is(err, syscall.EMFILE) {
				t.Errorf("Write() = %d, %v; want %d, and %v", n, err, len(line), syscall.EMFILE)
			}
		}
	})
	before[""] = "4 5 5 5 5 5 5"
	has(t, path, before)
	f.later = time.Time{}
	put(t, f, text("6", 90))
	has(t, path, map[string]string{"": "6", ".1": before[""], ".2": "3", ".3": "2"})
}

// TestWithoutDescriptorsAMovedFileIsNotPutAside either.
func TestWithoutDescriptorsAMovedFileIsNotPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	f := open(t, path, 100, 2)
	put(t, f, text("1", 90), text("2", 90), text("3", 90))
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	withoutDescriptors(t, func() {
		for range 3 {
			f.later = time.Time{}
			line := text("4", 90)
			if n, err := f.Write([]byte(line)); n != len(line) || !errors.Is(err, syscall.EMFILE) {
				t.Errorf("Write() = %d, %v; want %d, and %v", n, err, len(line), syscall.EMFILE)
			}
		}
	})
	f.later = time.Time{}
	put(t, f, text("5", 90))
	has(t, path, map[string]string{"": "5", ".moved": "3 4 4 4", ".1": "2", ".2": "1"})
}
