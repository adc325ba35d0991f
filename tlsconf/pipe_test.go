//go:build unix

package tlsconf

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A reload that waits for the writer of a pipe would hold up all that come after it.
func TestLoadDoesNotWaitForAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := LoadClient(ClientOptions{CA: path, ServerName: "redis", Now: now})
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "is empty") {
			t.Errorf("LoadClient() with a pipe that nobody writes to = %v; want that it is empty", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("LoadClient() waits for a writer")
	}
}
