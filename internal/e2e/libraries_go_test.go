//go:build libraries

package e2e

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"redisgate/internal/redistest"
)

// everyday is what each application does, in this order. Those that cache on their
// side, or reconnect in a way of their own, do more.
var everyday = []string{"ping", "values", "large values", "pipelines", "transactions", "WATCH", "messages", "waits", "scripts", "killed"}

// application runs a program with a client library against a redisgate over TLS, as
// a user who may do everything, with a Redis of its own behind. Each thing that
// works is a line of the program's.
func application(t *testing.T, steps []string, dir string, command ...string) {
	t.Helper()
	rs := redistest.Start(t, redistest.Options{})
	g := start(t, rs.Socket(), "~* &* +@all")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GATE_ADDR="+g.Addr, "GATE_CA="+g.CAFile, "GATE_USER=app", "GATE_PASSWORD=secret")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", filepath.Base(command[0]), err, out, &said)
	}
	if want := "ok " + strings.Join(steps, "\nok ") + "\n"; string(out) != want {
		t.Errorf("%s wrote:\n%s\nwant:\n%s", filepath.Base(command[0]), out, want)
	}
}

// clients is the program with the Go libraries, built once.
var clients = sync.OnceValues(func() (string, error) {
	path, err := binary()
	if err != nil {
		return "", err
	}
	path = filepath.Join(filepath.Dir(path), "clients")
	out, err := exec.Command("go", "-C", "clients", "build", "-o", path, ".").CombinedOutput()
	return path + "\n" + string(out), err
})

func TestGoLibraries(t *testing.T) {
	if out, err := exec.Command("go", "-C", "clients", "mod", "download").CombinedOutput(); err != nil {
		redistest.Skip(t, "the libraries cannot be downloaded: %.200s", out)
	}
	built, err := clients()
	path, out, _ := strings.Cut(built, "\n")
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cachingInBetween := append([]string{"ping", "values", "large values", "pipelines", "caching"}, everyday[4:]...)
	for name, steps := range map[string][]string{
		"go-redis": everyday,
		"redigo":   everyday,
		"rueidis":  append(cachingInBetween, "caching again"),
	} {
		t.Run(name, func(t *testing.T) { application(t, steps, ".", path, name) })
	}
}
