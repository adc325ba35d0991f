package identity

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Kind is what a pattern looks at. Names of different kinds have nothing to do with
// each other.
type Kind uint8

const (
	CommonName Kind = iota // the subject's CN, exact
	DNS                    // an alternative name, without regard to case
	URI                    // an alternative name, exact, as a SPIFFE ID
	Email                  // an alternative name
	SHA256                 // the certificate itself, by its fingerprint
	kinds
)

var prefixes = [kinds]string{CommonName: "CN:", DNS: "DNS:", URI: "URI:", Email: "EMAIL:", SHA256: "SHA256:"}

// Pattern is one name, or in DNS and URI all names that differ in one label: the
// label of a host name, the segment of a URI's path.
type Pattern struct {
	kind Kind
	text string // as names are compared; SHA256: the bytes of the sum

	// before and after are what surrounds the label that is free.
	wild          bool
	before, after string
}

// PatternError is what is wrong with a pattern, and what to do about it.
type PatternError struct{ Text, Hint string }

func (e *PatternError) Error() string { return e.Text }

const hintPattern = `write "CN:app", "DNS:app.internal", "URI:spiffe://prod/app", "EMAIL:app@example.com" or "SHA256:<fingerprint>"`

// maxName is the most bytes of a name that can be somebody's: a host name has 253, a
// SPIFFE ID 2048.
const maxName = 2048

// ParsePattern reads "CN:app", "DNS:*.app.internal" and the like. Its errors are
// *PatternError.
func ParsePattern(s string) (Pattern, error) {
	var p Pattern
	rest, found := "", false
	for k, prefix := range prefixes {
		if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
			p.kind, rest, found = Kind(k), s[len(prefix):], true
			break
		}
	}
	switch {
	case !found:
		return p, &PatternError{fmt.Sprintf("%q does not say what it looks at", s), hintPattern}
	case rest == "":
		return p, &PatternError{fmt.Sprintf("%q names nobody", s), hintPattern}
	case len(rest) > maxName:
		return p, &PatternError{"is longer than any name", hintPattern}
	case strings.TrimSpace(rest) != rest || strings.ContainsFunc(rest, isControl):
		return p, &PatternError{fmt.Sprintf("%q has white space around the name, or control characters in it", s), "write the name as the certificate has it"}
	}
	var err error
	switch p.kind {
	case SHA256:
		p.text, err = readSum(rest)
	case DNS:
		rest = strings.ToLower(rest)
		p.text = rest
		err = p.free(rest, ".")
	case URI:
		p.text = rest
		if !strings.Contains(rest, ":") {
			return p, &PatternError{fmt.Sprintf("%q is not a URI", s), `write it whole: "URI:spiffe://prod/app"`}
		}
		err = p.free(rest, "/")
	case Email:
		local, host, ok := cutLast(rest, '@')
		if !ok || local == "" || host == "" {
			return p, &PatternError{fmt.Sprintf("%q is not an e-mail address", s), `write it whole: "EMAIL:app@example.com"`}
		}
		p.text = local + "@" + strings.ToLower(host)
	default:
		p.text = rest
	}
	return p, err
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// readSum reads a fingerprint as `openssl x509 -fingerprint -sha256` prints it, or
// without colons.
func readSum(s string) (string, error) {
	digits := s
	if strings.Contains(s, ":") {
		for i := 2; i < len(s); i += 3 {
			if s[i] != ':' {
				digits = ""
			}
		}
		digits = strings.ReplaceAll(digits, ":", "")
	}
	sum, err := hex.DecodeString(digits)
	if err != nil || len(sum) != 32 {
		return "", &PatternError{
			"SHA256: is not followed by a fingerprint of 64 hexadecimal digits",
			"`openssl x509 -in client.crt -noout -fingerprint -sha256` prints it",
		}
	}
	return string(sum), nil
}

// free finds the label that may be any.
func (p *Pattern) free(s, sep string) error {
	switch strings.Count(s, "*") {
	case 0:
		return nil
	case 1:
	default:
		return &PatternError{fmt.Sprintf("%q has more than one '*'", s), "one label may be '*'; write a pattern for each name"}
	}
	p.before, p.after, _ = strings.Cut(s, "*")
	begins := p.before == "" && p.kind == DNS || strings.HasSuffix(p.before, sep)
	ends := p.after == "" || strings.HasPrefix(p.after, sep)
	if !begins || !ends || s == "*" {
		what := `a whole label: "DNS:*.app.internal"`
		if p.kind == URI {
			what = `a whole part between slashes: "URI:spiffe://prod/*/api"`
		}
		return &PatternError{fmt.Sprintf("the '*' in %q is not a whole label", s), "'*' stands for " + what}
	}
	if p.kind == URI && strings.Contains(p.after, "//") {
		return &PatternError{fmt.Sprintf("the '*' in %q stands before the host", s), "'*' stands for a part behind the scheme"}
	}
	p.wild = true
	return nil
}

// Kind is what the pattern looks at.
func (p Pattern) Kind() Kind { return p.kind }

// String writes the pattern as ParsePattern reads it.
func (p Pattern) String() string {
	if p.kind == SHA256 {
		return prefixes[SHA256] + hex.EncodeToString([]byte(p.text))
	}
	return prefixes[p.kind] + p.text
}

// matches says whether a name is the pattern's. A label that has a '*' itself, as a
// server's certificate may, is nobody's.
func (p Pattern) matches(name string) bool {
	if !p.wild {
		return name == p.text
	}
	return p.label(name)
}

func (p Pattern) label(name string) bool {
	if len(name) > maxName {
		return false
	}
	label, ok := strings.CutPrefix(name, p.before)
	if !ok {
		return false
	}
	label, ok = strings.CutSuffix(label, p.after)
	return ok && label != "" && !strings.ContainsAny(label, "*"+p.kind.separators())
}

// separators are what a label has none of. A URI's query is no part of its path.
func (k Kind) separators() string {
	if k == DNS {
		return "."
	}
	return "/?#"
}

// Overlaps says whether there is a name that both match.
func (p Pattern) Overlaps(q Pattern) bool {
	switch {
	case p.kind != q.kind:
		return false
	case !p.wild:
		return q.matches(p.text)
	case !q.wild:
		return p.matches(q.text)
	case p.before == q.before && p.after == q.after:
		return true
	}
	// The free label of one stands where the other has a label that is written out:
	// they share the name that has both.
	if len(p.before) > len(q.before) {
		p, q = q, p
	}
	// p's label is free first: q must have p.before, then any label, then p.after up
	// to its own free one.
	fixed, ok := strings.CutPrefix(q.before, p.before)
	if !ok {
		return false
	}
	end := strings.IndexAny(fixed, p.kind.separators())
	if end <= 0 {
		return false
	}
	r := Pattern{kind: q.kind, before: fixed[end:], after: q.after, wild: true}
	return r.label(p.after)
}
