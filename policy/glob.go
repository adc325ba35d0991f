package policy

import "strings"

// pattern is a glob of keys or channels, prepared for matching. The zero value matches the empty subject only.
type pattern struct {
	text string
	kind patternKind
	lit  string // of literal and prefix
}

type patternKind uint8

const (
	literal  patternKind = iota // no special characters
	prefix                      // literal text that is not empty, then stars
	anything                    // stars alone: whatever is not empty
	glob                        // anything else
	never                       // more stars than Redis follows
)

// maxStars is how deep Redis's matcher recurses, once for each star that something follows (util.c, stringmatchlen).
const maxStars = 1000

func newPattern(text string) pattern {
	p := pattern{text: text, kind: glob}
	head := strings.TrimRight(text, "*")
	switch {
	case strings.ContainsAny(head, `*?[\`):
		if inner(text) > maxStars {
			p.kind = never
		}
	case head == text:
		p.kind, p.lit = literal, text
	case head == "":
		p.kind = anything
	default:
		p.kind, p.lit = prefix, head
	}
	return p
}

// covers reports whether p matches whatever begins with text. It may say no of a glob that does.
func (p *pattern) covers(text []byte) bool {
	switch p.kind {
	case prefix:
		return len(text) >= len(p.lit) && string(text[:len(p.lit)]) == p.lit
	case anything:
		return len(text) > 0
	}
	return false
}

// inner counts runs of stars that are not the end of the pattern.
func inner(text string) int {
	n := 0
	for i := 0; i < len(text); {
		if text[i] != '*' {
			i += element(text[i:])
			continue
		}
		for i < len(text) && text[i] == '*' {
			i++
		}
		if i < len(text) {
			n++
		}
	}
	return n
}

func (p *pattern) match(s []byte) bool {
	switch p.kind {
	case literal:
		return string(s) == p.lit
	case prefix:
		// The first byte decides most of the time, without the call that comparing strings is.
		return len(s) >= len(p.lit) && s[0] == p.lit[0] && string(s[:len(p.lit)]) == p.lit
	case anything:
		return len(s) > 0
	case glob:
		return matchGlob(p.text, s)
	}
	return false
}

// matchGlob matches as Redis's stringmatchlen does, byte by byte and case included. Every element but a star takes exactly
// one byte, so it is enough to go back to the last star: time is at most len(text)*len(s), without recursion. As in Redis:
// the empty subject is matched by the empty pattern only, not even by "*"; a class that is not closed ends with the pattern;
// "[]" matches nothing and "[^]" any byte; the ends of a range are compared as signed bytes, in either order.
func matchGlob(text string, s []byte) bool {
	if len(s) == 0 {
		return text == ""
	}
	p, i := 0, 0        // where we are
	star, from := -1, 0 // the text after the last star, and where it has been tried
	for i < len(s) {
		switch {
		case p < len(text) && text[p] == '*':
			for p < len(text) && text[p] == '*' {
				p++
			}
			if p == len(text) {
				return true
			}
			star, from = p, i
			continue
		case p < len(text) && takes(text[p:], s[i]):
			p += element(text[p:])
			i++
			continue
		case star < 0:
			return false
		}
		from++
		p, i = star, from
	}
	return strings.Trim(text[p:], "*") == ""
}

// element is the length of the element that text begins with; text is not empty and does not begin with a star.
func element(text string) int {
	switch text[0] {
	case '\\':
		return min(2, len(text))
	case '[':
		n, _ := class(text, 0)
		return n
	}
	return 1
}

// takes reports whether the element that text begins with matches b.
func takes(text string, b byte) bool {
	switch text[0] {
	case '?':
		return true
	case '[':
		_, ok := class(text, b)
		return ok
	case '\\':
		if len(text) > 1 {
			return text[1] == b
		}
	}
	return text[0] == b
}

// class reads the bracket expression that text begins with: its length, and whether it matches b.
func class(text string, b byte) (n int, ok bool) {
	i, not := 1, false
	if i < len(text) && text[i] == '^' {
		not = true
		i++
	}
	for i < len(text) && text[i] != ']' {
		left := len(text) - i
		switch {
		case text[i] == '\\' && left >= 2:
			ok = ok || text[i+1] == b
			i += 2
		case left >= 3 && text[i+1] == '-':
			low, high := int8(text[i]), int8(text[i+2])
			if low > high {
				low, high = high, low
			}
			ok = ok || low <= int8(b) && int8(b) <= high
			i += 3
		default:
			ok = ok || text[i] == b
			i++
		}
	}
	if i < len(text) {
		i++ // the closing bracket
	}
	return i, ok != not
}
