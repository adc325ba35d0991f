package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"redisgate/internal/redistest"
)

// TestTheManPageHasEachVerbAndFlag lets mandoc read the page and looks what it shows.
func TestTheManPageHasEachVerbAndFlag(t *testing.T) {
	mandoc := redistest.RequireTool(t, "mandoc")
	page := filepath.Join("..", "..", "docs", "redisgate.1")
	if _, err := os.ReadFile(page); err != nil { // so that the test cache notices changes
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), mandoc, "-T", "lint", "-W", "warning", page).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("mandoc -T lint = %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), mandoc, "-T", "ascii", "-O", "width=1000", page)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var plain strings.Builder // without the backspaces of bold and underlined
	for i := 0; i < len(out); i++ {
		if i+1 < len(out) && out[i+1] == '\b' {
			i++
			continue
		}
		plain.WriteByte(out[i])
	}
	synopsis, verbs := map[string]string{}, map[string]string{}
	_, description, _ := strings.Cut(plain.String(), "The verbs are:")
	_, short, _ := strings.Cut(plain.String(), "\nSYNOPSIS\n")
	short, _, _ = strings.Cut(short, "\nDESCRIPTION\n")
	for line := range strings.Lines(short) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "redisgate" {
			synopsis[words[1]] = line
		}
	}
	for line := range strings.Lines(description) {
		if words := strings.Fields(line); len(words) > 0 && strings.HasPrefix(line, "     "+words[0]) {
			verbs[words[0]] = line
		}
	}
	root := newRoot()
	for _, verb := range root.Commands() {
		if verbs[verb.Name()] == "" {
			t.Errorf("the page does not describe %s", verb.Name())
		}
		if verb.Name() == "help" || verb.Name() == "completion" {
			continue
		}
		for _, flag := range flagNames(verb) {
			if flag != "help" && !strings.Contains(synopsis[verb.Name()], "--"+flag+" ") && !strings.Contains(synopsis[verb.Name()], "--"+flag+"]") {
				t.Errorf("the synopsis of %s lacks --%s: %s", verb.Name(), flag, synopsis[verb.Name()])
			}
		}
	}
	for verb := range synopsis {
		if found, _, err := root.Find([]string{verb}); err != nil || found == root {
			t.Errorf("the page has the verb %s, which does not exist", verb)
		}
	}
}
