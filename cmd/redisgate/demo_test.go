package main

import (
	"bytes"
	"context"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"redisgate/internal/redistest"
)

// pasted runs what the demo printed as a person would, in a shell.
func pasted(t *testing.T, line string) string {
	t.Helper()
	cmd := osexec.CommandContext(t.Context(), "sh", "-c", line)
	out, err := cmd.CombinedOutput()
	if err != nil {
		// redis-cli ends with 1 after an error reply, curl and grep after failures.
		t.Logf("%s: %v", line, err)
	}
	return strings.TrimSpace(string(out))
}

var (
	cliLine  = regexp.MustCompile(`(?m)^\s*(REDISCLI_AUTH=.* --user (\w+) .*)$`)
	curlLine = regexp.MustCompile(`(?m)^\s*(curl .*)$`)
)

// tryDemo starts a demo and checks all that it prints.
func tryDemo(t *testing.T, args ...string) {
	redistest.RequireTool(t, "redis-cli")
	redistest.RequireTool(t, "curl")
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	begun := time.Now()
	b := start(t, append([]string{"demo"}, args...)...)
	text := b.waitFor(t, b.stdout, "Ctrl-C")
	if d := time.Since(begun); d > 2*time.Second {
		t.Errorf("the demo was up after %v; want 2 s at most", d)
	}
	// The certificate lies where it is removed at the end.
	if left, _ := filepath.Glob(filepath.Join(temp, "redisgate-demo-*", "ca.crt")); len(left) != 1 {
		t.Errorf("ca.crt is in %v; want one temporary directory", left)
	}
	want := []string{"OK", "NOPERM ", "hello", "NOPERM ", "1", "NOPERM "}
	lines := cliLine.FindAllStringSubmatch(text, -1)
	if len(lines) != len(want) {
		t.Fatalf("the demo printed %d redis-cli lines; want %d:\n%s", len(lines), len(want), text)
	}
	users := map[string]bool{}
	for i, m := range lines {
		users[m[2]] = true
		if !strings.Contains(m[1], " -h 127.0.0.1 ") || !strings.Contains(m[1], " --tls --cacert ") {
			t.Errorf("%q does not use TLS on loopback", m[1])
		}
		if got := pasted(t, m[1]); !strings.HasPrefix(got, want[i]) {
			t.Errorf("%s\nprinted %q; want %q", m[1], got, want[i])
		}
	}
	if len(users) != 3 || !users["app"] || !users["readonly"] || !users["admin"] {
		t.Errorf("the demo has the users %v; want app, readonly and admin", users)
	}
	curl := curlLine.FindStringSubmatch(text)
	if curl == nil {
		t.Fatalf("the demo printed no curl line:\n%s", text)
	}
	if got := pasted(t, curl[1]); !strings.Contains(got, `redisgate_denied_total{reason="key",user="app"} 1`) {
		t.Errorf("%s\nprinted %.300q; want the refusals just made", curl[1], got)
	}
	if code := b.stop(); code != 0 || b.stderr.String() != "" {
		t.Errorf("the demo ended with %d and wrote %q to standard error; want 0 and nothing", code, b.stderr)
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("the demo left %v", left)
	}
}

func TestDemoNeedsNothing(t *testing.T) { tryDemo(t) }

func TestDemoInFrontOfARealRedis(t *testing.T) {
	s := redistest.Start(t, redistest.Options{Password: "pw"})
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("pw\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tryDemo(t, "--redis", "unix://"+s.Socket(), "--redis-password-file", secret)
}

func TestDemoPasswordsDifferEachTime(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		for _, p := range demoUsers() {
			if seen[p.password] || len(p.password) < 32 {
				t.Errorf("password %q is short or was used before", p.password)
			}
			seen[p.password] = true
		}
	}
}

func TestDemoNeedsATemporaryDirectory(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	r := invoke(t, "", "demo")
	if r.code != 1 || !strings.Contains(r.stderr, "\nhint: set TMPDIR") {
		t.Errorf("demo without TMPDIR = %d, %q; want 1 and a hint", r.code, r.stderr)
	}
}

func TestDemoSaysWhyItDoesNotStart(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	locked := "unix://" + redistest.Start(t, redistest.Options{Password: "pw"}).Socket()
	open := "unix://" + redistest.Start(t, redistest.Options{}).Socket()
	nobody := "unix://" + filepath.Join(secret+"-dir", "redis.sock")
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	for _, tc := range []struct {
		args      []string
		err, hint string
	}{
		{[]string{"--redis", nobody}, "Redis at " + nobody + ": ", "is it running"},
		{[]string{"--redis", nobody, "--redis-password-file", secret}, "Redis at " + nobody + ": ", "is it running"},
		{[]string{"--redis", locked}, "Redis refused PING: NOAUTH ", "--redis-password-file"},
		{[]string{"--redis", locked, "--redis-password-file", secret}, "Redis refused AUTH: WRONGPASS ", "--redis-password-file the one"},
		{[]string{"--redis", open, "--redis-password-file", secret}, "Redis refused AUTH: ERR AUTH ", "leave out --redis-password-file"},
		{[]string{"--redis", open, "--redis-password-file", secret + "-missing"}, "--redis-password-file: " + secret + "-missing: no such file", "name a file"},
		{[]string{"--redis", "10.0.0.1:6379"}, `--redis: "10.0.0.1:6379" is not on this machine`, "this machine only"},
		{[]string{"--redis", "127.0.0.1"}, `--redis: "127.0.0.1" is not an address`, "127.0.0.1:6379"},
		{[]string{"--redis", "redis://:hunter2@127.0.0.1:6379"}, "--redis: is not an address", "127.0.0.1:6379"},
		{[]string{"--redis", ""}, "--redis is empty", "127.0.0.1:6379"},
		{[]string{"--redis-password-file", secret}, "of no use without --redis", "add --redis"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a demo that starts would go on
		var out, errs bytes.Buffer
		code := run(ctx, append([]string{"demo"}, tc.args...), strings.NewReader(""), &out, &errs)
		cancel()
		r := result{code, out.String(), errs.String()}
		first, hint, _ := strings.Cut(r.stderr, "\n")
		if r.code != 1 || !strings.Contains(first, tc.err) || !strings.HasPrefix(hint, "hint: ") || !strings.Contains(hint, tc.hint) {
			t.Errorf("demo %q = %d, %q; want 1, %q and a hint of %q", tc.args, r.code, r.stderr, tc.err, tc.hint)
		}
		if r.stdout != "" || strings.Contains(r.stderr, "hunter2") {
			t.Errorf("demo %q wrote %q and %q; want no password and nothing on standard output", tc.args, r.stdout, r.stderr)
		}
		if left, _ := os.ReadDir(temp); len(left) != 0 {
			t.Errorf("the demo left %v after an error", left)
		}
	}
}
