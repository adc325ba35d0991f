package policy

import "strings"

// isSpace is C's isspace in the C locale.
func isSpace(b byte) bool { return b == ' ' || '\t' <= b && b <= '\r' }

// hasSpace reports white space or NUL, which no pattern may contain.
func hasSpace(s string) bool {
	for i := 0; i < len(s); i++ {
		if isSpace(s[i]) || s[i] == 0 {
			return true
		}
	}
	return false
}

// splitQuoted splits at white space; words may be quoted as in redis.conf: in "" a backslash escapes (\n \r \t \b \a \xHH,
// else the character itself), in ” only \' does, and a closing quote ends its word (sds.c, sdssplitargs). Without a closing
// quote, or with anything else after one, ok is false. A NUL ends the text.
func splitQuoted(s string) (words []string, ok bool) {
	s, _, _ = strings.Cut(s, "\x00")
	for {
		for s != "" && isSpace(s[0]) {
			s = s[1:]
		}
		if s == "" {
			return words, true
		}
		word, rest, ok := oneWord(s)
		if !ok {
			return nil, false
		}
		words, s = append(words, word), rest
	}
}

func oneWord(s string) (word, rest string, ok bool) {
	var b []byte
	i := 0
	for ; i < len(s) && !isSpace(s[i]); i++ {
		switch s[i] {
		case '"', '\'':
			b, n := quotedWord(s[i:], b)
			if n == 0 || i+n < len(s) && !isSpace(s[i+n]) {
				return "", "", false
			}
			return string(b), s[i+n:], true
		}
		b = append(b, s[i])
	}
	return string(b), s[i:], true
}

// quotedWord appends what stands between the quotes with which s begins and returns the length with both quotes, 0 if the
// second is missing.
func quotedWord(s string, b []byte) ([]byte, int) {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return b, i + 1
		case quote == '\'' && strings.HasPrefix(s[i:], `\'`):
			b = append(b, '\'')
			i++
		case quote == '"' && s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' && isHex(s[i+2]) && isHex(s[i+3]):
			b = append(b, hexValue(s[i+2])<<4|hexValue(s[i+3]))
			i += 3
		case quote == '"' && s[i] == '\\' && i+1 < len(s):
			i++
			b = append(b, unescape(s[i]))
		default:
			b = append(b, s[i])
		}
	}
	return b, 0
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func hexValue(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
