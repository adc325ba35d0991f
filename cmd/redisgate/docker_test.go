package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// instructions returns the Dockerfile's last stage, by instruction, and the
// text of the stages before.
func instructions(t *testing.T) (last map[string]string, before string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	i := strings.LastIndex(string(data), "\nFROM ")
	last = map[string]string{}
	for line := range strings.Lines(string(data)[i+1:]) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && !strings.HasPrefix(name, "#") {
			last[name] = rest
		}
	}
	return last, string(data)[:i]
}

// execForm reads the form ["program", "argument"], the only one that needs no shell.
func execForm(t *testing.T, text string) []string {
	t.Helper()
	var out []string
	if err := json.Unmarshal([]byte(text), &out); err != nil || len(out) == 0 {
		t.Fatalf("%q is not in exec form (%v)", text, err)
	}
	return out
}

func TestTheImageRunsAsNobodyAndChecksItself(t *testing.T) {
	last, build := instructions(t)
	user, _, _ := strings.Cut(last["USER"], ":")
	if n, err := strconv.Atoi(user); err != nil || n == 0 {
		t.Errorf("USER %s; want a number that is not 0", last["USER"])
	}
	entry := execForm(t, last["ENTRYPOINT"])
	if !strings.HasSuffix(last["COPY"], " "+entry[0]) {
		t.Errorf("ENTRYPOINT %v is not what COPY %s puts there", entry, last["COPY"])
	}
	_, health, _ := strings.Cut(last["HEALTHCHECK"], "CMD ")
	for name, args := range map[string][]string{
		"HEALTHCHECK": execForm(t, health)[1:],
		"CMD":         execForm(t, last["CMD"]),
	} {
		cmd, rest, err := newRoot().Find(args)
		if err != nil || cmd.Name() != args[0] {
			t.Errorf("%s calls %v, which is no verb (%v)", name, args, err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("%s calls %v: %v", name, args, err)
		}
	}
	if execForm(t, health)[0] != entry[0] {
		t.Errorf("HEALTHCHECK runs %s; want the binary itself, %s", execForm(t, health)[0], entry[0])
	}
	if !strings.Contains(build, "CGO_ENABLED=0") {
		t.Error("the binary is not built static: CGO_ENABLED=0 is missing")
	}
}

func TestTheImageIsBuiltWithTheGoOfTheModule(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))
	_, build := instructions(t)
	if version == nil || !strings.Contains(build, "FROM golang:"+version[1]+"-") {
		t.Errorf("the Dockerfile does not build with Go %v of go.mod", version)
	}
}
