package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"redisgate/internal/redistest"
	"redisgate/tlsconf"
)

// before starts what stands before, by chapter of docs/MIGRATE.md: lines of a shell, in
// the directory that has the chapter's files.
var before = map[string]string{
	"From requirepass and a firewall": "redis-server redis.conf > redis.log &\nuntil redis-cli -p 6379 PING; do sleep 0.1; done\n",
	"From Redis's own TLS and ACLs": `cp server.crt redis.crt; cp server.key redis.key; cp ca.crt redis-ca.crt
printf 'user default off\nuser admin on >admin-password ~* &* +@all\nuser app on >app-password ~app:* resetchannels -@all +@read +@write\n' > redis-users.acl
redis-server redis.conf > redis.log &
until redis-cli -s redis.sock PING; do sleep 0.1; done
`,
	"From stunnel": `cp ca.crt stunnel-ca.crt; cat server.crt server.key > stunnel.pem; chmod 600 stunnel.pem
redis-server --port 6379 --save '' > redis.log &
(PATH=$PATH:/usr/bin; stunnel4 stunnel.conf) > stunnel.log 2>&1 &
until redis-cli --tls --cacert stunnel-ca.crt -p 6390 PING; do sleep 0.1; done
`,
	"From HAProxy or ghostunnel in TCP mode": `cp ca.crt haproxy-ca.crt; cat server.crt server.key > haproxy.pem
redis-server --port 6379 --save '' > redis.log &
haproxy -f haproxy.cfg > haproxy.log 2>&1 &
until redis-cli --tls --cacert haproxy-ca.crt -p 6390 PING; do sleep 0.1; done
`,
	"From rename-command": "redis-server redis.conf > redis.log &\nuntil redis-cli -p 6379 PING; do sleep 0.1; done\n",
}

// expected is what a line says it prints, in a comment at its end.
var expected = regexp.MustCompile(`^(.*\S)   # (.+)$`)

// script makes of lines to paste a script that ends with the first that fails.
func script(lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		line = strings.TrimRight(line, "\n")
		line = strings.ReplaceAll(line, "sudo ", "")
		if line == "" {
			continue
		}
		fmt.Fprintf(&b, "echo %s\n", shellWord("+ "+line))
		switch m := expected.FindStringSubmatch(line); {
		case m == nil:
			// A server that was ended has no success of its own.
			line = strings.ReplaceAll(line, "&& wait $gate", "&& { wait $gate || true; }")
			fmt.Fprintf(&b, "%s\n", line)
		case m[2] == "denied":
			fmt.Fprintf(&b, "if %s; then echo it was allowed; exit 1; fi\n", m[1])
		default:
			fmt.Fprintf(&b, "%s > out 2>&1 || { cat out; exit 1; }\ncat out\ngrep -qF -e %s out || { echo that is not what it should print; exit 1; }\n", m[1], shellWord(m[2]))
		}
		if strings.Contains(line, "redisgate serve ") {
			b.WriteString("n=0; until redisgate health --config gate/redisgate.toml > health 2>&1; do n=$((n+1)); [ $n -lt 100 ] || { cat health; exit 1; }; sleep 0.1; done\n")
		}
	}
	return b.String()
}

func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// chapters are the parts of a page below its headings of the second level.
func chapters(text string) map[string]string {
	out := map[string]string{}
	for _, part := range strings.Split(text, "\n## ")[1:] {
		title, body, _ := strings.Cut(part, "\n")
		out[title] = body
	}
	return out
}

// TestMigrationsWork pastes each chapter of docs/MIGRATE.md into a shell, in a network of
// its own, after what stands before was started.
func TestMigrationsWork(t *testing.T) {
	files(t, ".go") // what is built below; so that the test cache notices changes
	for _, tool := range []string{"redis-server", "redis-cli", "haproxy", "stunnel4", "nft", "ip", "openssl", "unshare"} {
		redistest.RequireTool(t, tool)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "MIGRATE.md"))
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", bin+string(filepath.Separator), "./cmd/redisgate")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	ran := 0
	for title, body := range chapters(string(page)) {
		pasted := blocks(body, "sh")
		if len(pasted) == 0 {
			continue
		}
		start, known := before[title]
		if !known {
			t.Errorf("nobody has said what stands before %q", title)
			continue
		}
		ran++
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			dir, err := os.MkdirTemp("", "rgmig") // a socket has no room for t.TempDir
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			certificate(t, dir)
			for _, kind := range []string{"conf", "ini", "haproxy"} {
				for _, text := range blocks(body, kind) {
					first, _, _ := strings.Cut(text, "\n")
					name := strings.TrimLeft(first, "#; ")
					if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			text := "set -e\nip link set lo up\n" + start + script(strings.Join(pasted, ""))
			args := []string{"-n", "--pid", "--fork", "--kill-child", "sh", "-c", text}
			if os.Getuid() != 0 {
				args = append([]string{"-U", "-r"}, args...)
			}
			// What still runs ends with the first process of its namespace.
			cmd := exec.CommandContext(ctx, "unshare", args...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH")+":/usr/sbin:/sbin")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			cmd.WaitDelay = 10 * time.Second
			if err := cmd.Run(); err != nil {
				t.Errorf("%v after\n%s", err, out.String())
			}
		})
	}
	if ran != len(before) {
		t.Errorf("%d chapters were run; want %d", ran, len(before))
	}
}

// certificate writes one for redis.example.com and localhost, and who has signed it.
func certificate(t *testing.T, dir string) {
	t.Helper()
	ca, err := tlsconf.NewAuthority("before", time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Server([]string{"redis.example.com"}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	key, err := server.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"ca.crt": ca.CertPEM(), "server.crt": server.CertPEM(), "server.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
