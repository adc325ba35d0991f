package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscapedValuesReadAsDocumented(t *testing.T) {
	for in, want := range map[string]string{
		"app:1":                  `"app:1"`,
		"":                       `""`,
		"\xff":                   `"\\xff"`,
		`\xff`:                   `"\\\\xff"`,
		"a\nb\x00\"":             `"a\u000ab\u0000\""`,
		"\u00fc\u20ac\U0001f600": "\"\u00fc\u20ac\U0001f600\"",
		"\xed\xa0\x80":           `"\\xed\\xa0\\x80"`, // half a surrogate pair is no UTF-8
		"\ufffd":                 "\"\ufffd\"",
		"a\u202eb\u2028\u009b":   `"a\u202eb\u2028\u009b"`,
		"\x1b[2J\x7f":            `"\u001b[2J\u007f"`,
	} {
		if got := string(appendValue(nil, []byte(in))); got != want {
			t.Errorf("appendValue(%q) = %s; want %s", in, got, want)
		}
	}
}

// What turns the direction of text makes a reader see another line than it is.
func TestWhatTurnsTextIsEscaped(t *testing.T) {
	turning := unicode.Bidi_Control
	for _, r := range turning.R16 {
		for c := r.Lo; c <= r.Hi; c += r.Stride {
			if got := string(appendValue(nil, []byte(string(rune(c))))); got != fmt.Sprintf(`"\u%04x"`, c) {
				t.Errorf("appendValue(%U) = %q; want it escaped", c, got)
			}
		}
	}
}

func TestUnescapeRefusesWhatEscapeDoesNotWrite(t *testing.T) {
	for _, s := range []string{`\`, `\x`, `\xf`, `\xFF`, `\xg0`, `\n`, `a\`} {
		if p, err := Unescape(s); err == nil {
			t.Errorf("Unescape(%q) = %q; want an error", s, p)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "app:1", "\xff\\", `\x41`, "\xed\xa0\x80", "\u202e", "a\"b\n\u2028", "\xc3", "\xf0\x9f\x98"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		line := appendValue(nil, p)
		if !utf8.Valid(line) || bytes.ContainsAny(line, "\n\r") {
			t.Fatalf("appendValue(%q) = %q; want one line of UTF-8", p, line)
		}
		var s string
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatalf("appendValue(%q) = %s: %v", p, line, err)
		}
		back, err := Unescape(s)
		if err != nil || !bytes.Equal(back, p) {
			t.Fatalf("%q comes back as %q, %v", p, back, err)
		}
	})
}
