//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package audit

import (
	"errors"
	"path/filepath"
	"testing"
)

// TestAFileThatIsLockedIsWrittenOn has somebody never unlock it.
func TestAFileThatIsLockedIsWrittenOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	a, b := open(t, path, 100, 1), open(t, path, 100, 1)
	put(t, a, text("a1", 90))
	unlock, err := lock(b.f)
	if err != nil {
		t.Fatal(err)
	}
	line := text("a2", 90)
	if n, err := a.Write([]byte(line)); n != len(line) || !errors.Is(err, errLocked) {
		t.Errorf("Write() to a locked file = %d, %v; want %d, and that it is locked", n, err, len(line))
	}
	put(t, a, text("a3", 90)) // not tried again at once
	has(t, path, map[string]string{"": "a1 a2 a3"})
	unlock()
	a.later = a.looked
	put(t, a, text("a4", 90))
	has(t, path, map[string]string{"": "a4", ".1": "a1 a2 a3"})
}
