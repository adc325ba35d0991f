// Command testsum runs `go test -json` with the arguments it is given and
// prints what a reader needs: failures in full, one line a package, every
// skipped test with its reason, and how many tests there were. With CI=true
// a skipped test is a failure: nothing is left out silently.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run(os.Args[1:], os.Getenv("CI") == "true", os.Stdout, os.Stderr))
}

func run(args []string, ci bool, stdout, stderr io.Writer) int {
	// The child gets the terminal's interrupt too and ends by itself; we stay
	// to print what there is. Not signal.Ignore: the child would inherit that.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM)

	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintf(stderr, "testsum: %v\n", err)
		return 1
	}
	s := newSummary(stdout)
	readErr := s.read(out)
	waitErr := cmd.Wait()
	if ci && len(s.skipped) > 0 {
		fmt.Fprintln(stdout, "\nwith CI=true every skipped test is a failure")
	}
	s.finish()
	switch {
	case readErr != nil:
		fmt.Fprintf(stderr, "testsum: reading the output of go test: %v\n", readErr)
		return 1
	case s.failed > 0:
		return 1
	case waitErr != nil:
		// go test may fail without any failed test, before it runs one.
		if exit := new(exec.ExitError); !errors.As(waitErr, &exit) {
			fmt.Fprintf(stderr, "testsum: %v\n", waitErr)
		}
		return 1
	case ci && len(s.skipped) > 0:
		return 1
	}
	return 0
}
