package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	File string // as it was opened; empty if the text came from elsewhere
	Line int    // 1 for the first; 0 if not known
	Path string // TOML path, such as user[1].databases[0]; empty for the whole file
	Text string // what is wrong; never a secret
	Hint string // what to do about it, or empty

	Meant string // of an unknown key: the path of the key that was probably meant, or empty
}

// Error returns where the problem stands and what it is, without the hint.
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	} else if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Problems is an error of one or more parts.
type Problems []Problem

// Error returns the problems, one a line, without hints.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Sort orders the problems by file, in the order in which the files are first
// mentioned, then by line, those without one first.
func (ps Problems) Sort() {
	files := map[string]int{}
	for _, p := range ps {
		if _, seen := files[p.File]; !seen {
			files[p.File] = len(files)
		}
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(files[a.File], files[b.File]), cmp.Compare(a.Line, b.Line))
	})
}

// Covers says whether a problem is already listed at path, above it or below
// it, so that a later check of the same value need not complain again. A key
// that was misspelled is not missing too.
func (ps Problems) Covers(path string) bool {
	for _, p := range ps {
		for _, at := range []string{p.Path, p.Meant} {
			if at != "" && (at == path || within(at, path) || within(path, at)) {
				return true
			}
		}
	}
	return false
}

// within says whether path lies below parent.
func within(path, parent string) bool {
	rest, ok := strings.CutPrefix(path, parent)
	return ok && parent != "" && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// err returns ps as an error, which is nil when there is nothing wrong.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// hintedError is an error of a value type, which does not know its path.
type hintedError struct{ text, hint string }

func (e *hintedError) Error() string { return e.text }

func hinted(hint, format string, args ...any) error {
	return &hintedError{fmt.Sprintf(format, args...), hint}
}

// problemAt turns an error of a value type into a Problem.
func problemAt(path string, err error) Problem {
	var h *hintedError
	if errors.As(err, &h) {
		return Problem{Path: path, Text: h.text, Hint: h.hint}
	}
	return Problem{Path: path, Text: err.Error()}
}
