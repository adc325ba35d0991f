package config

import (
	"errors"
	"strings"

	"github.com/BurntSushi/toml"
)

// mistake is what to say about one of the TOML library's messages.
type mistake struct{ part, text, hint string }

const (
	hintKey    = "write key = value, one on each line"
	hintQuotes = `text stands in double quotes: name = "app"`
	hintOnce   = "each key and each [table] stands once; only of users there may be many, each under [[user]] in double brackets"
	hintTable  = "a table's name stands between brackets on a line of its own: [listen]; each user begins with [[user]]"
	hintEscape = `in double quotes a backslash begins an escape: write \\ for a backslash`
	hintList   = `lists are written so: ["10.0.0.0/8", "fd00::/8"]`
	hintUTF8   = "save the file as UTF-8 text"
)

// mistakes are looked through in this order for a part of the message.
var mistakes = []mistake{
	{"is not a table", "a key is used as a table", hintOnce},
	{"table name", "the name of a table is not closed, or is empty", hintTable},
	{"table array name", "the name of a table is not closed", hintTable},
	{"table separator", "the name of a table is not complete", hintTable},
	{"inline table", "expected a comma or '}'", `tables in braces are written so: {name = "app", databases = [0]}`},
	{"array terminator", "expected a comma or ']'", hintList},
	{"comma", "unexpected comma", hintList},
	{"'.' or '='", "this is not key = value", hintKey},
	{"key", "this is not key = value", hintKey},
	{"unexpected '='", "this is not key = value", hintKey},
	{"unexpected '.'", "this is not key = value", hintKey},
	{"hexadecimal digits", "unknown escape", hintEscape},
	{"escape", "unknown escape", hintEscape},
	{"Escaped", "unknown escape", hintEscape},
	{"newlines", "text is not closed", "close it with its quote on the same line"},
	{"EOF; expected value", "there is no value", hintQuotes},
	{"EOF; expected", "text is not closed", "close it with its quote"},
	{"UTF", "this is not UTF-8 text", hintUTF8},
	{"control char", "this is not text", hintUTF8},
	{"top-level item", "the line goes on after the value", "one key = value on each line, a quote at both ends of text, and # before a comment"},
	{"out of range", "a number is too large", "the largest is 9223372036854775807"},
	{"value", "this is no value", hintQuotes},
	{"digit", "this is no number", hintQuotes},
	{"number", "this is no number", hintQuotes},
	{"integer", "this is no number", hintQuotes},
	{"float", "this is no number", hintQuotes},
	{"date", "this is no date", hintQuotes},
}

// syntaxProblem says where a file is no TOML, in words of its own: those of the
// library quote what they found, which may be a password.
func syntaxProblem(err error) Problem {
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return Problem{Text: "not TOML", Hint: hintKey}
	}
	p := Problem{Line: pe.Position.Line, Text: "not TOML", Hint: hintKey}
	if strings.HasPrefix(pe.Message, "Key '") { // it quotes keys alone
		p.Text, p.Hint = strings.TrimSuffix(pe.Message, "."), hintOnce
		return p
	}
	for _, m := range mistakes {
		if strings.Contains(pe.Message, m.part) {
			p.Text, p.Hint = m.text, m.hint
			break
		}
	}
	if p.Hint == hintTable && strings.HasSuffix(pe.Message, `'\n' instead`) {
		p.Line-- // the library counts the end of a line to the next one
	}
	return p
}
