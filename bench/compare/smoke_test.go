package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"redisgate/internal/process"
	"redisgate/internal/redistest"
)

// requirePrograms skips the test if Redis's programs are missing.
func requirePrograms(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc on this system")
	}
	redistest.RequireTool(t, "redis-server")
	redistest.RequireTool(t, "redis-benchmark")
}

// built is where redisgate is, for the tests that need no other.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "redisgate-compare-test-")
	if err != nil {
		return "", err
	}
	return process.Build(dir)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := built(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func binary(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCompareFromEndToEnd runs the whole program with few commands and looks at
// the counts: nothing here depends on time.
func TestCompareFromEndToEnd(t *testing.T) {
	requirePrograms(t)
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	code := command(t.Context(), []string{
		"-scenarios", "^(get|mset|mix)-3b-c1-p1$", "-targets", "^redis(-tls|gate)$", "-rounds", "2", "-requests", "50", "-out", dir,
	}, &stdout, &stderr)
	if code != 0 {
		t.Fatalf("compare = %d; want 0\n%s%s", code, &stdout, &stderr)
	}
	var stored struct {
		Rounds   int
		Sections []struct {
			Name  string
			Runs  []run
			Table table
		}
	}
	text := read(t, dir, ".json")
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range stored.Sections {
		names = append(names, s.Name)
		var order []string
		for _, r := range s.Runs {
			order = append(order, r.Target)
			if r.Commands < 50 || r.Commands > 60 || r.Rate <= 0 || r.RedisRSS == 0 {
				t.Errorf("%s: %+v; want some 50 commands, a rate and memory", s.Name, r)
			}
			if (r.ProxyRSS > 0) != (r.Target == gateName) {
				t.Errorf("%s: %s has %d bytes of memory in the proxy", s.Name, r.Target, r.ProxyRSS)
			}
		}
		if want := []string{tlsRedis, gateName, gateName, tlsRedis}; !slices.Equal(order, want) {
			t.Errorf("%s: the runs are of %q; want %q", s.Name, order, want)
		}
		if len(s.Table.Rows) != 2 {
			t.Errorf("%s: the table has %d rows; want 2", s.Name, len(s.Table.Rows))
		}
	}
	if want := []string{"get-3b-c1-p1", "mset-3b-c1-p1", "mix-3b-c1-p1"}; !slices.Equal(names, want) {
		t.Errorf("the sections are %q; want %q", names, want)
	}
	prose := read(t, dir, ".md")
	for _, s := range stored.Sections {
		if !strings.Contains(prose, s.Table.markdown()) || !strings.Contains(stdout.String(), s.Table.markdown()) {
			t.Errorf("the table of %s is not in the Markdown and the output", s.Name)
		}
	}
	charts, err := filepath.Glob(filepath.Join(dir, "*", "*.svg"))
	if err != nil || len(charts) != 2*len(names) {
		t.Errorf("there are %d charts, %v; want %d", len(charts), err, 2*len(names))
	}
	for _, path := range charts {
		wellFormed(t, read(t, filepath.Dir(path), filepath.Base(path)))
		if !strings.Contains(prose, filepath.Base(path)) {
			t.Errorf("the Markdown does not show %s", path)
		}
	}
}

// read returns the one file of a directory whose name ends so.
func read(t *testing.T, dir, suffix string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(found) != 1 {
		t.Fatalf("the files of %s are %q, %v; want one", suffix, found, err)
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// wellFormed reads an SVG to its end.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	elements := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if start, ok := token.(xml.StartElement); ok {
			if elements == 0 && (start.Name.Local != "svg" || start.Name.Space != "http://www.w3.org/2000/svg") {
				t.Errorf("the first element is %v; want svg", start.Name)
			}
			elements++
		}
	}
	if elements < 3 {
		t.Errorf("%d elements; want a chart\n%s", elements, text)
	}
}

// TestNothingIsLeftBehind stops a run in its midst.
func TestNothingIsLeftBehind(t *testing.T) {
	requirePrograms(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b, err := newBed(ctx, binary(t), "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	gate, err := b.target(ctx, gateName)
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{bed: b, rounds: 1000, requests: 1000, progress: writerFunc(func() { cancel() })}
	s := scenario{name: "x", command: get, size: 3, clients: 1, pipeline: 1, targets: []string{gateName}}
	if runs, err := r.scenario(ctx, s); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled scenario = %d runs, %v; want %v", len(runs), err, context.Canceled)
	}
	b.close()
	for _, pid := range []int{gate.proxy, gate.redis} {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d is still there: %v", pid, err)
		}
	}
	if _, err := os.Stat(b.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
}

type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

func TestWrongUseIsRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-rounds", "0"},
		{"-seconds", "0"},
		{"-requests", "-1"},
		{"more"},
		{"-nosuch"},
		{"-scenarios", "nothing-like-it"},
		{"-scenarios", "("},
		{"-targets", "("},
	} {
		var stdout, stderr bytes.Buffer
		if code := command(t.Context(), args, &stdout, &stderr); code == 0 || stderr.Len() == 0 {
			t.Errorf("compare %q = %d, %q; want an error", args, code, &stderr)
		}
	}
}

// TestGuestsThatDoNotStartAreLeftOut has a ghostunnel in PATH that is none.
func TestGuestsThatDoNotStartAreLeftOut(t *testing.T) {
	requirePrograms(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ghostunnel"), []byte("#!/bin/sh\necho broken\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	b, err := newBed(t.Context(), binary(t), "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	j := []job{{name: "a", targets: []string{tlsRedis, "ghostunnel"}}, {name: "b", targets: []string{"ghostunnel"}}}
	unfit := b.unfit(t.Context(), targetsOf(j))
	if err := unfit["ghostunnel"]; len(unfit) != 1 || err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("unfit = %v; want ghostunnel, and what it has said", unfit)
	}
	if got := without(j, unfit); len(got) != 1 || !slices.Equal(got[0].targets, []string{tlsRedis}) {
		t.Errorf("without ghostunnel there are %+v; want a on %s", got, tlsRedis)
	}
}
