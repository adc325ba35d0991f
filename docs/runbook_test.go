package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEachAlertHasItsPlaceInTheRunBook holds the alerts and docs/OPERATIONS.md to each other.
func TestEachAlertHasItsPlaceInTheRunBook(t *testing.T) {
	rules, err := os.ReadFile(filepath.Join(root, "configs", "prometheus", "redisgate.rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	book, err := os.ReadFile(filepath.Join(root, "docs", "OPERATIONS.md"))
	if err != nil {
		t.Fatal(err)
	}
	alerts := map[string]bool{}
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(rules), -1) {
		alerts[m[1]] = true
		link := "runbook: docs/OPERATIONS.md#" + strings.ToLower(m[1]) + "\n"
		if !strings.Contains(string(rules), link) || !anchors(string(book))[strings.ToLower(m[1])] {
			t.Errorf("the alert %s has no section in docs/OPERATIONS.md, or does not point there", m[1])
		}
	}
	if len(alerts) < 20 {
		t.Errorf("%d alerts; want all of them", len(alerts))
	}
	for _, m := range regexp.MustCompile(`(?m)^### (Redisgate\w+)$`).FindAllStringSubmatch(string(book), -1) {
		if !alerts[m[1]] {
			t.Errorf("docs/OPERATIONS.md has a section about %s, which is no alert", m[1])
		}
	}
}
