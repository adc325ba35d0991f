package docs_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"redisgate/internal/redistest"
)

// pasted says of each line that the README, docs/OPERATIONS.md and docs/AUDIT.md tell readers to paste,
// by how it begins, whether it is run here, and with what on standard input. Lines that
// stay in the foreground, need ports or a network, or take long are not; those of
// redisgate among them have tests of their own in cmd/redisgate. docs/MIGRATE.md is for
// TestMigrationsWork.
var pasted = []struct {
	begins string
	run    bool
	stdin  string
}{
	{"redisgate version", true, ""},
	{"redisgate init ", true, ""},
	{"redisgate check ", true, ""},
	{"redisgate explain ", true, ""},
	{"redisgate hash-password", true, "change me\n"},
	{"redisgate firewall ", true, ""},
	{"redisgate doctor ", false, ""}, // needs a Redis
	{"redisgate serve ", false, ""},
	{"redis-server ", false, ""},
	{"go run ./cmd/redisgate demo", false, ""},
	{"go run ./bench/idle", false, ""},
	{"make ", false, ""},
	{"sudo install bin/redisgate ", false, ""},
	{"docker build ", false, ""},
	{"curl -s http://127.0.0.1:9121/metrics", false, ""},
	{"promtool ", true, ""},
	{"sudo apt-get install ./bin/redisgate.deb", false, ""}, // as its test in internal/e2e does
	{"sudo redisgate init ", false, ""},
	{"sudo install -m 0640 -g redisgate ", false, ""},
	{"sudo -u redisgate redisgate check ", false, ""},
	{"sudo useradd ", false, ""},
	{"sudo usermod ", false, ""},
	{"sudo install -m 0644 configs/systemd/", false, ""},
	{"sudo systemctl ", false, ""},
	{"journalctl ", false, ""},
	{"mkdir -p gate", false, ""},
	{"docker compose ", false, ""}, // internal/e2e runs what these would
	{"redis-cli ", false, ""},      // so does it
	{"kubectl ", false, ""},
	{"jq ", true, ""}, // with the audit log that writeAuditLog has written
	{"printf ", true, ""},
}

func TestPastedLinesWork(t *testing.T) {
	files(t, ".go") // what is built below; so that the test cache notices changes
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", bin+string(filepath.Separator), "./cmd/redisgate")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	path := bin + string(filepath.ListSeparator) + os.Getenv("PATH")
	ran := 0
	if err := os.CopyFS(filepath.Join(dir, "configs"), os.DirFS(filepath.Join(root, "configs"))); err != nil {
		t.Fatal(err)
	}
	redistest.RequireTool(t, "promtool")
	operations, err := os.ReadFile(filepath.Join(root, "docs", "OPERATIONS.md"))
	if err != nil {
		t.Fatal(err)
	}
	redistest.RequireTool(t, "jq")
	redistest.RequireTool(t, "openssl")
	auditing, err := os.ReadFile(filepath.Join(root, "docs", "AUDIT.md"))
	if err != nil {
		t.Fatal(err)
	}
	writeAuditLog(t, filepath.Join(dir, "audit.log"))
	for _, block := range slices.Concat(blocks(readme(t), "sh"), blocks(string(operations), "sh"), blocks(string(auditing), "sh")) {
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			known := false
			for _, p := range pasted {
				if !strings.HasPrefix(line, p.begins) {
					continue
				}
				known = true
				if !p.run {
					break
				}
				ran++
				cmd := exec.CommandContext(ctx, "sh", "-c", line)
				cmd.Dir, cmd.Stdin = dir, strings.NewReader(p.stdin)
				cmd.Env = append(os.Environ(), "PATH="+path)
				out, err := cmd.CombinedOutput()
				if want, ok := printed[line]; ok && string(out) != want {
					t.Errorf("%s prints %q; want %q", line, out, want)
				}
				if silent := strings.Contains(line, " > "); err != nil || (len(out) == 0) != silent {
					t.Errorf("%s = %v\n%s", line, err, out)
				}
				break
			}
			if line != "" && !known {
				t.Errorf("nobody has said how to try %q", line)
			}
		}
	}
	if ran < 7 {
		t.Errorf("%d lines were run; want at least 7", ran)
	}
}

// TestTheHashIsThatOfThePassword keeps the README's example to what it says of it.
func TestTheHashIsThatOfThePassword(t *testing.T) {
	const hash = "#64ba009cceac4ab8b3c877ae1b6b010e8fc5a15ab567238e3a6107cd4dfe147d"
	if text := readme(t); !strings.Contains(text, hash) || !strings.Contains(text, `"change me"`) {
		t.Error("the README's example has another hash or another password than this test")
	}
	if got := hashed("change me"); got != hash {
		t.Errorf("the hash of the README's password = %s; want %s", got, hash)
	}
}

func hashed(password string) string {
	sum := sha256.Sum256([]byte(password))
	return "#" + hex.EncodeToString(sum[:])
}
