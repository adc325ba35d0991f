package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// pseudoTerminal returns both ends of a terminal.
func pseudoTerminal(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { user.Close() })
	if err := unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return user, program
}

// echoes says whether a terminal shows what is typed.
func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Error(err)
		return false
	}
	return state.Lflag&unix.ECHO != 0
}

// typist answers each prompt with the next line.
type typist struct {
	t       *testing.T
	user    *os.File
	program *os.File
	lines   []string
	shown   strings.Builder
	typing  sync.WaitGroup
}

func (y *typist) Write(p []byte) (int, error) {
	y.shown.Write(p)
	if strings.HasSuffix(string(p), ": ") && len(y.lines) > 0 {
		// A person types after the prompt: what comes before echo is off would show.
		line := y.lines[0]
		y.lines = y.lines[1:]
		y.typing.Go(func() {
			for echoes(y.t, y.program) {
				runtime.Gosched()
			}
			_, _ = io.WriteString(y.user, line+"\n")
		})
	}
	return len(p), nil
}

func TestPasswordsAreNotShownOnATerminal(t *testing.T) {
	for _, tc := range []struct {
		lines []string
		want  string // error, or "" for none
	}{
		{[]string{"secret", "secret"}, ""},
		{[]string{"secret", "other"}, "differ"},
		{[]string{""}, "empty"},
	} {
		user, program := pseudoTerminal(t)
		y := &typist{t: t, user: user, program: program, lines: tc.lines}
		got, err := readPassword(context.Background(), program, y)
		y.typing.Wait()
		if tc.want == "" && (err != nil || string(got) != "secret") {
			t.Errorf("typing %q = %q, %v; want \"secret\"", tc.lines, got, err)
		}
		if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("typing %q = %v; want an error with %q", tc.lines, err, tc.want)
		}
		if strings.Contains(y.shown.String(), "secret") {
			t.Errorf("typing %q showed %q", tc.lines, y.shown.String())
		}
		if !echoes(t, program) {
			t.Errorf("after typing %q the terminal shows nothing any more", tc.lines)
		}
	}
}
