package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is a line of `go test -json`; see `go doc test2json`. ImportPath
// stands in place of Package in the build's output.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64
	FailedBuild string
}

// testID names a test; Test is empty for what belongs to the package.
type testID struct{ pkg, test string }

type skip struct {
	testID
	reason string
}

type summary struct {
	w       io.Writer
	passed  int
	failed  int
	skipped []skip

	output map[testID]*strings.Builder // of tests that have not ended
	build  map[string]*strings.Builder // by the import path that was built
	tests  map[string]int              // ended tests by package
	broken map[string]bool             // packages with a failed test
}

// maxOutput bounds what is kept of one test: a test in a loop must not fill
// the memory.
const maxOutput = 4 << 20

func newSummary(w io.Writer) *summary {
	return &summary{
		w:      w,
		output: map[testID]*strings.Builder{},
		build:  map[string]*strings.Builder{},
		tests:  map[string]int{},
		broken: map[string]bool{},
	}
}

// read takes events until the end of r. Lines that are not JSON are passed on
// as they are: go prints its own errors so.
func (s *summary) read(r io.Reader) error {
	br := bufio.NewReader(r)
	for {
		line, err := br.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Action != "" {
				s.add(e)
			} else {
				fmt.Fprintf(s.w, "%s", line)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *summary) add(e event) {
	id := testID{e.Package, e.Test}
	switch e.Action {
	case "output":
		keep(s.output, id, e.Output)
	case "build-output":
		keep(s.build, e.ImportPath, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.endPackage(e)
		} else {
			s.endTest(id, e.Action)
		}
		delete(s.output, id)
	}
}

func keep[K comparable](m map[K]*strings.Builder, key K, text string) {
	b := m[key]
	if b == nil {
		b = new(strings.Builder)
		m[key] = b
	}
	if b.Len() < maxOutput {
		b.WriteString(text)
	}
}

func text[K comparable](m map[K]*strings.Builder, key K) string {
	if b := m[key]; b != nil {
		return b.String()
	}
	return ""
}

func (s *summary) endTest(id testID, action string) {
	s.tests[id.pkg]++
	out := text(s.output, id)
	switch action {
	case "pass":
		s.passed++
	case "skip":
		s.skipped = append(s.skipped, skip{id, reason(out)})
	case "fail":
		s.failed++
		s.broken[id.pkg] = true
		fmt.Fprintf(s.w, "\nFAIL %s %s\n%s\n", id.pkg, id.test, out)
	}
}

func (s *summary) endPackage(e event) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(s.w, "ok   %-40s %4d tests %7.1fs\n", e.Package, s.tests[e.Package], e.Elapsed)
	case "fail":
		// A panic, a time-out, os.Exit or a build error fails the package, and
		// tests that were under way never end.
		if !s.broken[e.Package] || s.unfinished(e.Package) {
			s.failed++
			fmt.Fprintf(s.w, "\nFAIL %s\n%s%s", e.Package, text(s.build, e.FailedBuild), text(s.output, testID{pkg: e.Package}))
			s.printUnfinished(e.Package)
		}
		fmt.Fprintf(s.w, "FAIL %-40s %4d tests %7.1fs\n", e.Package, s.tests[e.Package], e.Elapsed)
	case "skip":
		fmt.Fprintf(s.w, "--   %-40s no tests\n", e.Package)
	}
}

func (s *summary) unfinished(pkg string) bool {
	for id := range s.output {
		if id.pkg == pkg && id.test != "" {
			return true
		}
	}
	return false
}

func (s *summary) printUnfinished(pkg string) {
	var ids []testID
	for id := range s.output {
		if id.pkg == pkg && id.test != "" {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b testID) int { return strings.Compare(a.test, b.test) })
	for _, id := range ids {
		fmt.Fprintf(s.w, "unfinished: %s\n%s", id.test, text(s.output, id))
		delete(s.output, id)
	}
}

// reason finds what a test gave to t.Skip, which stands behind a file and
// line: "    find_test.go:31: no redis-server".
func reason(out string) string {
	var found []string
	for line := range strings.Lines(out) {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "===") || strings.HasPrefix(trimmed, "---") {
			continue
		}
		if file, rest, ok := strings.Cut(trimmed, ": "); ok && strings.Contains(file, ".go:") {
			trimmed = rest
		}
		found = append(found, trimmed)
	}
	if len(found) == 0 {
		return "no reason given"
	}
	return strings.TrimPrefix(strings.Join(found, "; "), skipPrefix)
}

// skipPrefix is redistest.SkipPrefix; only tests import that package.
const skipPrefix = "redisgate-skip: "

// finish prints the skipped tests and, alone on the last line, the counts.
func (s *summary) finish() {
	if len(s.skipped) > 0 {
		fmt.Fprintf(s.w, "\nskipped:\n")
	}
	for _, k := range s.skipped {
		fmt.Fprintf(s.w, "  %s %s: %s\n", k.pkg, k.test, k.reason)
	}
	fmt.Fprintf(s.w, "\n%d passed, %d failed, %d skipped\n", s.passed, s.failed, len(s.skipped))
}
