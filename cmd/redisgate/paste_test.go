package main

import (
	"context"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
)

// asProgram makes the test binary behave as redisgate, so that lines that call it
// can be tried.
const asProgram = "REDISGATE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestCallAgain(t *testing.T) {
	dir := t.TempDir()
	elsewhere := t.TempDir()
	for _, d := range []string{dir, elsewhere} {
		if err := os.WriteFile(filepath.Join(d, "redisgate"), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "a b"), 0o755); err != nil {
		t.Fatal(err)
	}
	spaced := filepath.Join(dir, "a b", "redisgate")
	if err := os.Link(filepath.Join(dir, "redisgate"), spaced); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	executable := filepath.Join(dir, "redisgate")
	main := &debug.BuildInfo{Path: "redisgate/cmd/redisgate"}
	for _, tc := range []struct {
		path, called, executable string
		info                     *debug.BuildInfo
		want                     string
	}{
		{dir, "redisgate", executable, main, "redisgate"},
		{elsewhere, "redisgate", executable, main, executable}, // PATH has another one
		{"", "redisgate", executable, main, executable},
		{"", "./redisgate", executable, main, "./redisgate"},
		{"", executable, executable, main, executable},
		{"", "a b/redisgate", spaced, main, "'a b/redisgate'"},
		{"", "anything at all", spaced, nil, "'" + spaced + "'"},
		{"", "redisgate", "", nil, "redisgate"},
		{"", "/tmp/go-build1/b001/exe/redisgate", "/tmp/go-build1/b001/exe/redisgate", main, "go run redisgate/cmd/redisgate"},
	} {
		t.Setenv("PATH", tc.path)
		if got := callAgain(tc.called, tc.executable, tc.info); got != tc.want {
			t.Errorf("callAgain(%q, %q) with PATH=%s = %q; want %q", tc.called, tc.executable, tc.path, got, tc.want)
		}
	}
}

func TestQuote(t *testing.T) {
	for _, s := range []string{"/etc/redisgate/ca.crt", "a b", "", "it's", "$HOME", "a\"b", "`x`", "#x", "~x", "a;b", "\\"} {
		out, err := osexec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quote(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("a shell reads %s as %q, %v; want %q", quote(s), out, err, s)
		}
	}
	if got := quote("/etc/redisgate-1/ca.crt"); got != "/etc/redisgate-1/ca.crt" {
		t.Errorf("quote of a plain path = %s; want it as it is", got)
	}
}

// TestWhatInitPrintsCanBePasted runs the lines for Redis and check, from another
// directory, for a set-up whose path needs quotes.
func TestWhatInitPrintsCanBePasted(t *testing.T) {
	redistest.RequireTool(t, "redis-server")
	parent, err := os.MkdirTemp("", "rg") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(parent) })
	dir := filepath.Join(parent, `it's "a" gate`)
	t.Setenv(asProgram, "1")
	t.Chdir(t.TempDir())
	r := invoke(t, "", "init", dir)
	if r.code != 0 {
		t.Fatalf("init = %d, %q; want 0", r.code, r.stderr)
	}
	ran := 0
	for line := range strings.Lines(r.stdout) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "redis-server "):
			ran++
			redisKeepsItsDataIn(t, line, dir)
		case strings.Contains(line, " check --config "):
			ran++
			if got := pasted(t, line); !strings.Contains(got, "redisgate.toml: ok; users: 1;") {
				t.Errorf("%s\nprinted %q; want ok", line, got)
			}
		}
	}
	if ran != 2 {
		t.Errorf("init printed\n%s\nwant lines for Redis and for check", r.stdout)
	}
}

// redisKeepsItsDataIn runs a line that starts Redis.
func redisKeepsItsDataIn(t *testing.T, line, dir string) {
	t.Helper()
	password, err := os.ReadFile(filepath.Join(dir, "redis.password"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b := &background{cancel: cancel, done: make(chan int, 1), stdout: newSyncBuffer(), stderr: newSyncBuffer()}
	cmd := osexec.CommandContext(ctx, "sh", "-c", "exec "+line)
	cmd.Stdout, cmd.Stderr = b.stdout, b.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait(); b.done <- cmd.ProcessState.ExitCode() }()
	defer b.stop()
	b.waitFor(t, b.stdout, "The server is now ready to accept connections at")
	c := redistest.NewClient(t, &redis.Options{
		Network: "unix", Addr: filepath.Join(dir, "redis.sock"), Password: strings.TrimSpace(string(password)), MaxRetries: -1,
	})
	if err := c.Save(t.Context()).Err(); err != nil {
		t.Errorf("SAVE = %v; want no error", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "dump.rdb")); err != nil {
		t.Errorf("Redis saves elsewhere: %v", err)
	}
}
