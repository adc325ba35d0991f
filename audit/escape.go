package audit

import (
	"errors"
	"unicode/utf8"
)

// Bytes that are no UTF-8 have no place in JSON. In values that clients choose each of
// them is written as \xHH, with two lower-case digits, and a backslash as \\, so that
// every value can be had back by Unescape. JSON's own escapes come on top: what a
// program reads out of the line is \xff, what stands in it \\xff.

const hexDigits = "0123456789abcdef"

// Escape appends p so, without JSON's own escapes.
func Escape(dst, p []byte) []byte {
	for len(p) > 0 {
		if b := p[0]; b < utf8.RuneSelf {
			if b == '\\' {
				dst = append(dst, '\\')
			}
			dst = append(dst, b)
			p = p[1:]
			continue
		}
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, '\\', 'x', hexDigits[p[0]>>4], hexDigits[p[0]&15])
		} else {
			dst = append(dst, p[:n]...)
		}
		p = p[n:]
	}
	return dst
}

var errEscape = errors.New("not a value that Escape has written")

// Unescape gives back what Escape was given.
func Unescape(s string) ([]byte, error) {
	var out []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		switch {
		case i+1 < len(s) && s[i+1] == '\\':
			out = append(out, '\\')
			i++
		case i+3 < len(s) && s[i+1] == 'x':
			high, low := digit(s[i+2]), digit(s[i+3])
			if high < 0 || low < 0 {
				return nil, errEscape
			}
			out = append(out, byte(high<<4|low))
			i += 3
		default:
			return nil, errEscape
		}
	}
	return out, nil
}

func digit(b byte) int {
	switch {
	case '0' <= b && b <= '9':
		return int(b - '0')
	case 'a' <= b && b <= 'f':
		return int(b-'a') + 10
	}
	return -1
}

// appendString appends p, which is UTF-8, as a string of JSON. Beyond what JSON asks
// for it escapes what could make a terminal, or a reader, see another line than it is.
func appendString(dst, p []byte) []byte {
	dst = append(dst, '"')
	for len(p) > 0 {
		b := p[0]
		if b < utf8.RuneSelf {
			switch {
			case b == '"' || b == '\\':
				dst = append(dst, '\\', b)
			case b < ' ' || b == 0x7f:
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
			default:
				dst = append(dst, b)
			}
			p = p[1:]
			continue
		}
		r, n := utf8.DecodeRune(p)
		if hidden(r) {
			dst = append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		} else {
			dst = append(dst, p[:n]...)
		}
		p = p[n:]
	}
	return append(dst, '"')
}

// hidden says that r controls a terminal, a line or the direction of text.
func hidden(r rune) bool {
	switch {
	case 0x80 <= r && r < 0xa0, r == 0x61c, 0x200b <= r && r <= 0x200f, 0x2028 <= r && r <= 0x202e, 0x2060 <= r && r <= 0x206f, r == 0xfeff:
		return true
	}
	return false
}

// appendValue appends what a client has chosen.
func appendValue(dst, p []byte) []byte {
	var room [256]byte
	return appendString(dst, Escape(room[:0], p))
}
