//go:build libraries

package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"

	"redisgate/internal/redistest"
)

// requirePython returns a Python that has the modules, which need not be the first in
// PATH, or skips the test.
func requirePython(t *testing.T, modules string) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import "+modules).Run() == nil {
			return name
		}
	}
	redistest.Skip(t, "no python3 has %s", modules)
	return ""
}

func TestPythonLibrary(t *testing.T) {
	script := filepath.Join("clients", "python", "client.py")
	t.Run("redis-py", func(t *testing.T) {
		application(t, everyday, ".", requirePython(t, "redis"), script, "python")
	})
	t.Run("redis-py with hiredis", func(t *testing.T) {
		application(t, everyday, ".", requirePython(t, "redis, hiredis"), script, "hiredis")
	})
}
