package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"redisgate/internal/redistest"
)

func TestSkipPrefixIsTheOneThatTestsUse(t *testing.T) {
	if skipPrefix != redistest.SkipPrefix {
		t.Errorf("skipPrefix = %q; want %q", skipPrefix, redistest.SkipPrefix)
	}
}

func TestReason(t *testing.T) {
	for out, want := range map[string]string{
		"=== RUN   TestA\n    a_test.go:3: redisgate-skip: no redis-server\n--- SKIP: TestA (0.00s)\n": "no redis-server",
		"=== RUN   TestA\n    a_test.go:3: first\n    a_test.go:4: second: part\n":                     "first; second: part",
		"=== RUN   TestA\n--- SKIP: TestA (0.00s)\n":                                                   "no reason given",
	} {
		if got := reason(out); got != want {
			t.Errorf("reason(%q) = %q; want %q", out, got, want)
		}
	}
}

// module writes a module with the given files, so that real output of the go
// command is read.
func module(t *testing.T, files map[string]string) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		redistest.Skip(t, "the go command is not in PATH")
	}
	dir := t.TempDir()
	files["go.mod"] = "module m\n\ngo 1.26.0\n"
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOWORK", "off")
}

const header = "package m\n\nimport \"testing\"\n\n"

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		ci    bool
		code  int
		last  string
		has   []string
		lacks []string
	}{
		{
			name:  "passing tests stay quiet",
			files: map[string]string{"a_test.go": header + `func TestA(t *testing.T) { t.Log("quiet"); t.Run("sub", func(t *testing.T) {}) }`},
			code:  0, last: "2 passed, 0 failed, 0 skipped", lacks: []string{"quiet", "skipped:"},
		},
		{
			name:  "failures are printed in full",
			files: map[string]string{"a_test.go": header + `func TestA(t *testing.T) { t.Log("clue"); t.Error("broken") }; func TestB(t *testing.T) {}`},
			code:  1, last: "1 passed, 1 failed, 0 skipped", has: []string{"FAIL m TestA", "clue", "broken"},
		},
		{
			name:  "skipped tests are listed with their reason",
			files: map[string]string{"a_test.go": header + `func TestA(t *testing.T) { t.Skip("redisgate-skip: nothing to drink") }`},
			code:  0, last: "0 passed, 0 failed, 1 skipped", has: []string{"skipped:\n  m TestA: nothing to drink"},
		},
		{
			name:  "skipped tests fail in CI",
			files: map[string]string{"a_test.go": header + `func TestA(t *testing.T) { t.Skip("x") }`},
			ci:    true, code: 1, last: "0 passed, 0 failed, 1 skipped", has: []string{"CI=true"},
		},
		{
			name:  "a build error is a failure",
			files: map[string]string{"a_test.go": header + `func TestA(t *testing.T) { undefinedName() }`},
			code:  1, last: "0 passed, 1 failed, 0 skipped", has: []string{"undefined: undefinedName"},
		},
		{
			name:  "a panic is a failure and shows its stack",
			files: map[string]string{"a_test.go": header + `func TestA(t *testing.T) { panic("oh no") }`},
			code:  1, has: []string{"oh no", "goroutine"},
		},
		{
			name:  "an early exit is a failure",
			files: map[string]string{"a_test.go": "package m\n\nimport (\n\"os\"\n\"testing\"\n)\n\n" + `func TestA(t *testing.T) { os.Exit(3) }`},
			code:  1, last: "0 passed, 1 failed, 0 skipped", has: []string{"unfinished: TestA"},
		},
		{
			name:  "a package without tests is no failure",
			files: map[string]string{"a.go": "package m\n"},
			code:  0, last: "0 passed, 0 failed, 0 skipped", has: []string{"no tests"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			module(t, tc.files)
			var out strings.Builder
			got := run([]string{"-vet=off", "./..."}, tc.ci, &out, &out)
			if got != tc.code {
				t.Errorf("run() = %d; want %d\n%s", got, tc.code, &out)
			}
			if tc.last != "" && !strings.Contains(out.String(), "\n"+tc.last+"\n") {
				t.Errorf("run() printed no line %q:\n%s", tc.last, &out)
			}
			for _, s := range tc.has {
				if !strings.Contains(out.String(), s) {
					t.Errorf("run() did not print %q:\n%s", s, &out)
				}
			}
			for _, s := range tc.lacks {
				if strings.Contains(out.String(), s) {
					t.Errorf("run() printed %q:\n%s", s, &out)
				}
			}
		})
	}
}

func TestLinesThatAreNoEventsPassThrough(t *testing.T) {
	var out strings.Builder
	s := newSummary(&out)
	if err := s.read(strings.NewReader("go: no such module\n{\"Action\":\"pass\",\"Package\":\"m\",\"Test\":\"A\"}")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "go: no such module\n") || s.passed != 1 {
		t.Errorf("read() printed %q and counted %d; want the line passed through and 1", out.String(), s.passed)
	}
}
