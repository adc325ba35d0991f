// Package docs_test holds the prose to what the code is: links, names of tests,
// keys, series, verbs and targets, and the lines that readers are told to paste.
package docs_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"redisgate/config"
)

const root = ".."

// page is one Markdown file.
type page struct {
	name string // slash-separated, relative to the module
	text string
}

// files returns every file of the module whose name ends so. It opens all of them
// itself, so that the test cache notices a change of any.
func files(t *testing.T, suffix string) []page {
	t.Helper()
	var out []page
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") && d.Name() != root
			if hidden || d.Name() == "testdata" || d.Name() == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, suffix) {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		out = append(out, page{filepath.ToSlash(rel), string(text)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// pages returns all prose.
func pages(t *testing.T) []page {
	t.Helper()
	all := files(t, ".md")
	if len(all) < 10 {
		t.Fatalf("%d Markdown files; want those of the whole module", len(all))
	}
	return all
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	fence    = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	inline   = regexp.MustCompile("`([^`\n]+)`")
	linkTo   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	goTest   = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
	goTestIs = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z]\w*)\(`)
)

// blocks returns the code blocks marked as kind.
func blocks(text, kind string) []string {
	var out []string
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if m[1] == kind {
			out = append(out, m[2])
		}
	}
	return out
}

// codeSpans returns what stands between backquotes, outside of code blocks.
func codeSpans(text string) []string {
	var out []string
	for _, m := range inline.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		out = append(out, strings.ReplaceAll(m[1], `\|`, "|"))
	}
	return out
}

// anchors are the fragments that GitHub gives to the headings of a page.
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		slug := notSlug.ReplaceAllString(strings.ToLower(m[1]), "")
		out[strings.ReplaceAll(slug, " ", "-")] = true
	}
	return out
}

func TestLinksLeadSomewhere(t *testing.T) {
	links := 0
	for _, p := range pages(t) {
		for _, m := range linkTo.FindAllStringSubmatch(fence.ReplaceAllString(p.text, ""), -1) {
			target, fragment, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			links++
			name := p.name
			if target != "" {
				name = path.Join(path.Dir(p.name), target)
			}
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
			if err != nil && target != "" {
				if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(name))); err != nil {
					t.Errorf("%s links to %s, which does not exist", p.name, m[1])
				}
				continue
			}
			if fragment != "" && !anchors(string(text))[fragment] {
				t.Errorf("%s links to %s, which has no such heading", p.name, m[1])
			}
		}
	}
	if links < 10 {
		t.Errorf("%d relative links were found; want those of all pages", links)
	}
}

func TestNamedTestsExist(t *testing.T) {
	exist := map[string]bool{}
	for _, f := range files(t, "_test.go") {
		for _, m := range goTestIs.FindAllStringSubmatch(f.text, -1) {
			exist[m[1]] = true
		}
	}
	named := 0
	for _, p := range pages(t) {
		for _, name := range goTest.FindAllString(p.text, -1) {
			named++
			if !exist[name] {
				t.Errorf("%s names %s, which does not exist", p.name, name)
			}
		}
	}
	if named < 50 {
		t.Errorf("%d tests are named in the prose; want more, so that its claims can be tried", named)
	}
}

func TestDecisionsSayWhatTheyMust(t *testing.T) {
	decisions := 0
	for _, p := range pages(t) {
		if path.Dir(p.name) != "docs/adr" {
			continue
		}
		decisions++
		for _, want := range []string{"\nStatus: ", "\n## Context\n", "\n## Decision\n", "\n## Consequences\n"} {
			if !strings.Contains(p.text, want) {
				t.Errorf("%s has no %q", p.name, strings.TrimSpace(want))
			}
		}
	}
	if decisions < 5 {
		t.Errorf("%d decisions; want at least 5", decisions)
	}
}

// TestExamplesOfTheConfigurationLoad reads each block marked toml as a file of
// its own; certificates and passwords that it names need not exist.
func TestExamplesOfTheConfigurationLoad(t *testing.T) {
	examples := 0
	for _, p := range pages(t) {
		for _, text := range blocks(p.text, "toml") {
			examples++
			if _, err := config.Parse("redisgate.toml", []byte(text)); err != nil {
				t.Errorf("%s: %v in\n%s", p.name, err, text)
			}
		}
	}
	if examples == 0 {
		t.Error("no example of a configuration was found")
	}
}
