//go:build libraries

package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"redisgate/internal/redistest"
)

// requirePackages returns a directory with the packages of the lock file and the
// programs beside them, or skips the test. What npm has downloaded is kept between
// runs, one directory for each lock file.
func requirePackages(t *testing.T) string {
	t.Helper()
	npm := redistest.RequireTool(t, "npm")
	source := filepath.Join("clients", "node")
	lock, err := os.ReadFile(filepath.Join(source, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	kept := filepath.Join(cache, "redisgate-test", fmt.Sprintf("node-%x", sha256.Sum256(lock))[:21])
	if _, err := os.Stat(kept); err != nil {
		if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
			t.Fatal(err)
		}
		fresh, err := os.MkdirTemp(filepath.Dir(kept), "new-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(fresh)
		copyFiles(t, fresh, source, "package*.json")
		// Scripts of packages are not run; the lock file has a hash of each.
		cmd := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		cmd.Dir = fresh
		if out, err := cmd.CombinedOutput(); err != nil {
			redistest.Skip(t, "npm ci: %v: %.300s", err, out)
		}
		if err := os.Rename(fresh, kept); err != nil {
			if _, there := os.Stat(kept); there != nil { // nor has another run made it
				t.Fatal(err)
			}
		}
	}
	dir := t.TempDir()
	copyFiles(t, dir, source, "*.mjs")
	if err := os.Symlink(filepath.Join(kept, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyFiles(t *testing.T, to, from, pattern string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(from, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, filepath.Base(file)), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestNodeLibraries(t *testing.T) {
	node := redistest.RequireTool(t, "node")
	dir := requirePackages(t)
	for _, tc := range []struct {
		name  string
		steps []string
		args  []string
	}{
		{"node-redis in RESP2", everyday, []string{"node-redis.mjs", "2"}},
		{"node-redis in RESP3", append(everyday[:len(everyday):len(everyday)], "caching"), []string{"node-redis.mjs", "3"}},
		{"ioredis", everyday, []string{"ioredis.mjs"}},
	} {
		t.Run(tc.name, func(t *testing.T) { application(t, tc.steps, dir, append([]string{node}, tc.args...)...) })
	}
}
