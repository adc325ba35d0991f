package layers

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// required returns the modules that go.mod requires directly.
func required(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(data), -1) {
		out = append(out, m[1]) // "// indirect" ends other lines
	}
	if len(out) == 0 {
		t.Fatal("go.mod requires nothing")
	}
	return out
}

func TestEveryDependencyIsDocumentedAndHasItsRooms(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "DEPENDENCIES.md"))
	if err != nil {
		t.Fatal(err)
	}
	modules := required(t)
	for _, m := range modules {
		if !strings.Contains(string(doc), "| `"+m+"` |") {
			t.Errorf("docs/DEPENDENCIES.md does not have %s", m)
		}
		if _, ok := libraries[m]; !ok {
			t.Errorf("no room may import %s, so go.mod should not require it", m)
		}
	}
	for m := range libraries {
		if !slices.Contains(modules, m) {
			t.Errorf("the table of libraries has %s, which go.mod does not require", m)
		}
	}
}
