package config

import "bytes"

// maxDepth is how deep lists and tables may be in each other, and how many parts a key may
// have; a configuration needs four. The TOML library calls itself for each, and a stack
// that overflows ends the process, a running one too that reads its configuration again.
const maxDepth = 1000

// tooDeep gives the line at which a text of TOML is deeper than that, or 0. Of a text that
// is no TOML it may say anything.
func tooDeep(data []byte) (line int) {
	line = 1
	depth, parts := 0, 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case '\n':
			line++
			parts = 0
		case '#':
			for i+1 < len(data) && data[i+1] != '\n' {
				i++
			}
		case '"', '\'':
			n := quoted(data[i:])
			line += bytes.Count(data[i:i+n], []byte("\n"))
			i += n - 1
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		case '.':
			parts++
		}
		if depth > maxDepth || parts > maxDepth {
			return line
		}
	}
	return 0
}

// quoted is the length of the string that text begins with, its quotes included. One of a
// line that is not closed ends before the end of the line.
func quoted(text []byte) int {
	q := text[0]
	long := bytes.HasPrefix(text, []byte{q, q, q})
	i := 1
	if long {
		i = 3
	}
	for ; i < len(text); i++ {
		switch {
		case q == '"' && text[i] == '\\':
			i++
		case long && bytes.HasPrefix(text[i:], []byte{q, q, q}):
			end := i + 3
			for end < min(len(text), i+5) && text[end] == q { // the first of five may be the string's
				end++
			}
			return end
		case !long && text[i] == q:
			return i + 1
		case !long && text[i] == '\n':
			return i
		}
	}
	return len(text)
}
