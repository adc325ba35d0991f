package auth

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is text that does not print: not by fmt with any verb, not by slog, not
// in JSON or another encoding that asks for text, and not as a field of
// something that is printed. The zero value is empty.
//
// It cannot be compared with ==, since that takes longer the more of it is
// right.
type Secret struct {
	_ [0]func() // not comparable

	// A pointer, because fmt asks no method of an unexported field and would
	// print a string that is one.
	text *string
}

// NewSecret keeps text.
func NewSecret(text string) Secret { return Secret{text: &text} }

// Reveal gives the text. Its callers are the places to look at when a secret
// has got out.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty says whether there is no text.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// String gives a fixed word.
func (s Secret) String() string { return redacted }

// GoString gives a fixed word.
func (s Secret) GoString() string { return redacted }

// Format writes a fixed word for every verb.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'q' {
		_, _ = io.WriteString(f, `"`+redacted+`"`)
		return
	}
	_, _ = io.WriteString(f, redacted)
}

// LogValue gives a fixed word to log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText gives a fixed word to encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON gives a fixed word as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
