//go:build unix

package config

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A reload that waits for the writer of a pipe would hold up all that come after it.
func TestReadingDoesNotWaitForAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func() bool{
		"Load": func() bool { _, err := Load(path); return err != nil },
		"ReadNetworks": func() bool {
			_, problems := Default().ReadNetworks("network.deny_file", []string{path})
			return len(problems) > 0
		},
		"ReadPassword": func() bool { _, err := Upstream{PasswordFile: path}.ReadPassword(); return err != nil },
	} {
		wrong := make(chan bool, 1)
		go func() { wrong <- read() }()
		select {
		case w := <-wrong:
			if !w {
				t.Errorf("%s of a pipe that nobody writes to has no error", name)
			}
		case <-time.After(30 * time.Second):
			t.Errorf("%s waits for a writer", name)
		}
	}
}

// A shell's <(...) is a pipe, and what writes to it may take its time.
func TestPipesAreRead(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		time.Sleep(50 * time.Millisecond)
		_, _ = w.WriteString("secret\n")
		_ = w.Close()
	}()
	got, err := Upstream{PasswordFile: fmt.Sprintf("/dev/fd/%d", r.Fd())}.ReadPassword()
	if err != nil || got != "secret" {
		t.Errorf("ReadPassword() of a pipe = %q, %v; want what is written to it", got, err)
	}
}
