package config

import (
	"strconv"
	"strings"
)

// source remembers where a configuration was read from, for messages.
type source struct {
	file  string
	lines map[string]int // TOML path to line
}

// File returns the name under which the configuration was opened, "" if it
// was not read from a file.
func (c *Config) File() string { return c.source.file }

// place adds file and line to a problem that has only a path.
func (c *Config) place(p Problem) Problem {
	p.File = c.source.file
	for path := p.Path; p.Line == 0 && path != ""; path = parent(path) {
		p.Line = c.source.lines[path]
	}
	return p
}

// NewProblem makes a problem about the value at path for those who compile
// the configuration.
func (c *Config) NewProblem(path, text, hint string) Problem {
	return c.place(Problem{Path: path, Text: text, Hint: hint})
}

// parent cuts the last step off a path; a step is a key or an index.
func parent(path string) string {
	i := strings.LastIndexAny(path, ".[")
	if i < 0 {
		return ""
	}
	return path[:i]
}

// locate finds the line of each key. The TOML library knows these but does
// not tell. It only has to be right for files that parse, and a wrong answer
// costs no more than a wrong line number in a message: values are skipped by
// their quotes, and what does not look like "key =" or "[table]" is passed over.
func locate(data []byte) map[string]int {
	lines := map[string]int{}
	counts := map[string]int{}
	table, multi := "", ""
	for i, line := range strings.Split(string(data), "\n") {
		if multi != "" {
			if strings.Contains(line, multi) {
				multi = ""
			}
			continue
		}
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
			continue
		case strings.HasPrefix(line, "[["):
			name := keyPath(before(line[2:], "]]"))
			table = name + "[" + strconv.Itoa(counts[name]) + "]"
			counts[name]++
			note(lines, table, i+1)
			note(lines, name, i+1)
			continue
		case line[0] == '[':
			table = keyPath(before(line[1:], "]"))
			note(lines, table, i+1)
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.ContainsAny(key, "#,[{") {
			continue
		}
		path := keyPath(key)
		if table != "" {
			path = table + "." + path
		}
		note(lines, path, i+1)
		for _, quote := range []string{`"""`, `'''`} {
			if strings.Count(value, quote)%2 == 1 {
				multi = quote
			}
		}
	}
	return lines
}

func note(lines map[string]int, path string, line int) {
	if _, ok := lines[path]; !ok {
		lines[path] = line
	}
}

func before(s, sep string) string {
	s, _, _ = strings.Cut(s, sep)
	return s
}

// keyPath removes spaces and needless quotes from a dotted key.
func keyPath(key string) string {
	parts := strings.Split(key, ".")
	for i, p := range parts {
		parts[i] = join("", strings.Trim(strings.TrimSpace(p), `"'`))
	}
	return strings.Join(parts, ".")
}
