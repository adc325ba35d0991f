package config

import (
	"fmt"
	"io/fs"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// fromTOML is a value type that reads and checks itself. v is one of the
// types that TOML has: string, int64, float64, bool, time.Time, []any or
// map[string]any. Its error never repeats v where v may hold a secret.
type fromTOML interface {
	fromTOML(v any) error
}

// Duration is a length of time, written as a string like "10s" or "1m30s".
// It is never negative.
type Duration time.Duration

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String returns d as Go writes durations.
func (d Duration) String() string { return time.Duration(d).String() }

func (d *Duration) fromTOML(v any) error {
	s, ok := v.(string)
	if !ok {
		return hinted(`write a string with a unit, such as "10s", "500ms" or "1m30s"`,
			"must be a duration, not %s", typeName(v))
	}
	parsed, err := time.ParseDuration(s)
	if err != nil {
		return hinted(`write a number and a unit: "10s", "500ms", "1m30s", "2h"`, "%q is not a duration", s)
	}
	if parsed < 0 {
		return hinted("write a time of 0 or more", "%q is negative", s)
	}
	*d = Duration(parsed)
	return nil
}

// Size is a number of bytes, written as an integer or as a string like
// "64MB", where 1MB = 1024*1024. It is never negative.
type Size int64

// String returns s as the file would have it, in the largest unit that fits.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// sizeUnits is ordered from the largest, and "B" comes last because it ends
// every other name.
var sizeUnits = []struct {
	name  string
	bytes int64
}{{"TB", 1 << 40}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1}}

func (s *Size) fromTOML(v any) error {
	switch v := v.(type) {
	case int64:
		if v < 0 {
			return hinted("write a size of 0 or more", "%d is negative", v)
		}
		*s = Size(v)
		return nil
	case string:
		return s.parse(v)
	}
	return hinted(`write a string such as "64MB", or the number of bytes`, "must be a size, not %s", typeName(v))
}

func (s *Size) parse(text string) error {
	const hint = `write a whole number and a unit: "512KB", "64MB", "1GB" (1MB = 1024*1024)`
	digits, unit := text, int64(1)
	for _, u := range sizeUnits {
		if n := len(text) - len(u.name); n > 0 && strings.EqualFold(text[n:], u.name) {
			digits, unit = text[:n], u.bytes
			break
		}
	}
	digits = strings.TrimRight(digits, " ")
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return hinted(hint, "%q is not a size", text)
	}
	if n > math.MaxInt64/uint64(unit) {
		return hinted(hint, "%q is too large", text)
	}
	*s = Size(int64(n) * unit)
	return nil
}

// Mode is a file's permission bits, written in octal as a string: "0600".
type Mode fs.FileMode

// FileMode returns m as the standard library's type.
func (m Mode) FileMode() fs.FileMode { return fs.FileMode(m) }

// String returns m as the file would have it.
func (m Mode) String() string { return fmt.Sprintf("%04o", uint32(m)) }

func (m *Mode) fromTOML(v any) error {
	const hint = `write the permission bits in octal, as a string: "0600" or "0660"`
	s, ok := v.(string)
	if !ok {
		return hinted(hint, "must be a file mode, not %s", typeName(v))
	}
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o777 {
		return hinted(hint, "%q is not a file mode", s)
	}
	*m = Mode(n)
	return nil
}

// Addresses is a list that may be written as a single string.
type Addresses []string

func (a *Addresses) fromTOML(v any) error {
	if s, ok := v.(string); ok {
		*a = Addresses{s}
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		return hinted("write it in double quotes", "must be a string or a list of strings, not %s", typeName(v))
	}
	out := make(Addresses, 0, len(list))
	for i, e := range list {
		s, ok := e.(string)
		if !ok {
			return hinted("write it in double quotes", "element %d must be a string, not %s", i, typeName(e))
		}
		out = append(out, s)
	}
	*a = out
	return nil
}

// Hashes are one or more PHC strings of passwords. They print themselves masked.
type Hashes []string

// String returns how many there are.
func (h Hashes) String() string { return fmt.Sprintf("[%d redacted]", len(h)) }

// GoString is what %#v prints.
func (h Hashes) GoString() string { return h.String() }

func (h *Hashes) fromTOML(v any) error {
	var list Addresses
	if err := list.fromTOML(v); err != nil {
		return hinted("write it in single quotes; `redisgate hash-password --argon2id` makes one", "must be a string or a list of strings")
	}
	*h = Hashes(list)
	return nil
}

// Files is a list of file names that may be written as a single string; an empty
// string is an empty list.
type Files []string

func (f *Files) fromTOML(v any) error {
	var a Addresses
	if err := a.fromTOML(v); err != nil {
		return err
	}
	if _, single := v.(string); single && a[0] == "" {
		a = nil
	}
	*f = Files(a)
	return nil
}

// Rules is a string of Redis ACL rules. It may hold passwords, so it prints
// itself with these masked; Text gives the whole.
type Rules string

// Text returns the rules with their passwords.
func (r Rules) Text() string { return string(r) }

// String returns the rules with everything masked that may be a password or
// a hash.
func (r Rules) String() string {
	fields := strings.Fields(string(r))
	for i, f := range fields {
		switch f[0] {
		case '>', '<', '#', '!':
			fields[i] = f[:1] + "[redacted]"
		default:
			// A token that begins with none of the letters of the grammar is a
			// typing error, perhaps a password without its '>'.
			if !ruleWord.MatchString(f) {
				fields[i] = "[redacted]"
			}
		}
	}
	return strings.Join(fields, " ")
}

// GoString is what %#v prints.
func (r Rules) GoString() string { return strconv.Quote(r.String()) }

var ruleWord = regexp.MustCompile(`^([~%&+(-]|(?i:on|off|nopass|allkeys|allchannels|allcommands|nocommands|reset\w*|clearselectors|sanitize-payload|skip-sanitize-payload)$)`)

func (r *Rules) fromTOML(v any) error {
	s, ok := v.(string)
	if !ok {
		return hinted("write all rules in one pair of double quotes, with spaces between them", "must be a string of ACL rules, not %s", typeName(v))
	}
	*r = Rules(s)
	return nil
}
