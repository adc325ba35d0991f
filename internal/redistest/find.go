package redistest

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// SkipPrefix begins the reason of every test that could not run for want of a
// program, so that the summary of a test run finds it.
const SkipPrefix = "redisgate-skip: "

// oldest is the first major version that redisgate stands in front of.
const oldest = 7

// ServerEnv is the environment variable that names another server binary than
// the redis-server in PATH, such as a Valkey.
const ServerEnv = "REDISGATE_TEST_SERVER"

// Skip skips the test with a reason that the summary finds.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Skip(SkipPrefix + fmt.Sprintf(format, args...))
}

// RequireTool returns the path of a program, or skips the test.
func RequireTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Skip(t, "%s is not installed", name)
	}
	return path
}

type found struct {
	path  string
	major int
	err   error
}

var findServer = sync.OnceValue(func() found {
	name := os.Getenv(ServerEnv)
	if name == "" {
		name = "redis-server"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return found{err: fmt.Errorf("%s is not installed; `make deps` installs it or says how", name)}
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return found{err: fmt.Errorf("%s --version: %w", path, err)}
	}
	major, ok := majorVersion(string(out))
	if !ok {
		return found{err: fmt.Errorf("%s says no version", path)}
	}
	if major < oldest {
		return found{err: fmt.Errorf("%s is version %d; %d or newer is needed, see `make deps`", path, major, oldest)}
	}
	return found{path: path, major: major}
})

// majorVersion reads "Redis server v=7.0.15 sha=..." and Valkey's like.
func majorVersion(out string) (int, bool) {
	_, rest, ok := strings.Cut(out, " v=")
	if !ok {
		return 0, false
	}
	digits, _, ok := strings.Cut(rest, ".")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil
}

func requireServer(t testing.TB) string {
	t.Helper()
	f := findServer()
	if f.err != nil {
		Skip(t, "%v", f.err)
	}
	return f.path
}
