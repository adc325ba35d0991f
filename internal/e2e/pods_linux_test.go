package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"redisgate/internal/child"
	"redisgate/internal/process"
	"redisgate/internal/redistest"
)

// scalar returns the text of `key: |` in a manifest, the n-th of that name.
func scalar(t *testing.T, manifest, key string, n int) string {
	t.Helper()
	parts := strings.SplitN(manifest, key+" |\n", n+2)
	if len(parts) < n+2 {
		t.Fatalf("the manifest has no %s |", key)
	}
	var b strings.Builder
	indent := ""
	for line := range strings.Lines(parts[n+1]) {
		if indent == "" {
			indent = line[:len(line)-len(strings.TrimLeft(line, " "))]
		}
		rest, inside := strings.CutPrefix(line, indent)
		if !inside && strings.TrimSpace(line) != "" {
			break
		}
		b.WriteString(rest)
	}
	return b.String()
}

// run starts a program until the end of the test, which it ends by SIGTERM, and returns
// what it writes.
func run(t *testing.T, name string, args ...string) *process.Buffer {
	t.Helper()
	var out process.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := child.Start(cmd); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-exited:
			if err != nil {
				t.Errorf("%s = %v", name, err)
			}
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			t.Errorf("%s does not end", name)
		}
		if t.Failed() {
			t.Logf("%s: %s", name, out.String())
		}
	})
	return &out
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// says runs a command and returns what it prints.
func says(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %q = %v", name, args, err)
	}
	return strings.TrimSpace(string(out))
}

// TestThePodOfAnApplicationWorks runs what the containers of the manifest run, in
// directories of the test, with the manifest's Secret and ConfigMap.
func TestThePodOfAnApplicationWorks(t *testing.T) {
	redistest.RequireTool(t, "redis-server")
	redistest.RequireTool(t, "redis-cli")
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "pod-") // t.TempDir's names are too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	manifest := strings.NewReplacer(
		"/run/redisgate/", dir+"/gate/", "/run/redis/", dir+"/redis/", "/run/secrets/redisgate/", dir+"/secret/",
		"0.0.0.0:9121", "127.0.0.1:0").Replace(read(t, "../../configs/kubernetes-application.yaml"))
	password := regexp.MustCompile(`(?m)^  password: "(.*)"$`).FindStringSubmatch(manifest)
	if password == nil {
		t.Fatal("the Secret has no password")
	}
	write(t, dir+"/secret/password", password[1])
	write(t, dir+"/secret/users.acl", scalar(t, manifest, "users.acl:", 0))
	write(t, dir+"/config/redisgate.toml", scalar(t, manifest, "redisgate.toml:", 0))
	for _, socket := range []string{"gate", "redis"} {
		if err := os.Mkdir(filepath.Join(dir, socket), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	loop := regexp.MustCompile(`while true; do (.*); sleep 10; done`).FindStringSubmatch(manifest)
	if loop == nil {
		t.Fatal("the application is another one than this test knows")
	}

	run(t, "sh", "-c", scalar(t, manifest, "-", 0))
	gate := run(t, path, "serve", "--config", dir+"/config/redisgate.toml")
	until(t, gate.String, func() bool { return strings.Contains(gate.String(), "Redis answers") })
	if got := says(t, "sh", "-c", loop[1]); got != "PONG" {
		t.Errorf("%s = %q; want PONG", loop[1], got)
	}
	forbidden := strings.Replace(loop[1], "PING", "GET other", 1)
	if got := says(t, "sh", "-c", forbidden); !strings.HasPrefix(got, "NOPERM") {
		t.Errorf("%s = %q; want NOPERM", forbidden, got)
	}
	if info, err := os.Stat(dir + "/gate/redis.sock"); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the application's socket is %v, %v; want mode 0660, since it runs as another user", info, err)
	}
}

// TestComposeWorks runs what the services of compose.yaml run, in a directory of the test.
func TestComposeWorks(t *testing.T) {
	redistest.RequireTool(t, "redis-server")
	redistest.RequireTool(t, "redis-cli")
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "compose-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	compose := strings.ReplaceAll(read(t, "../../configs/compose/compose.yaml"), "/gate", dir+"/gate")
	commands := regexp.MustCompile(`(?m)^    command: \[(.*)\]$`).FindAllStringSubmatch(compose, -1)
	if len(commands) != 2 {
		t.Fatalf("compose.yaml has the commands %q; want those of init and redis", commands)
	}
	words := func(i int) []string { return strings.Split(strings.ReplaceAll(commands[i][1], `"`, ""), ", ") }
	says(t, path, words(0)...)
	run(t, words(1)[0], words(1)[1:]...)
	write(t, dir+"/redisgate.toml", strings.NewReplacer("/gate/", dir+"/gate/", "0.0.0.0:6380", "127.0.0.1:0", "0.0.0.0:9121", "127.0.0.1:0").
		Replace(read(t, "../../configs/compose/redisgate.toml")))
	gate := run(t, path, "serve", "--config", dir+"/redisgate.toml")
	until(t, gate.String, func() bool { return strings.Contains(gate.String(), "Redis answers") })
	port := regexp.MustCompile(`address=\[?"?127\.0\.0\.1:(\d+)`).FindStringSubmatch(gate.String())
	if port == nil {
		t.Fatalf("no address in\n%s", gate)
	}
	t.Setenv("REDISCLI_AUTH", "change me")
	if got := says(t, "redis-cli", "--tls", "--cacert", dir+"/gate/ca.crt", "-p", port[1], "--user", "app", "PING"); got != "PONG" {
		t.Errorf("PING = %q; want PONG", got)
	}
}
