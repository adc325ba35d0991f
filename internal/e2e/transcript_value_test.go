package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// value is one RESP value: a reply, a push, or a part of one.
type value struct {
	kind  byte   // its first byte
	text  string // of a scalar; "-1" of a null bulk or array, which have null set
	null  bool
	parts []value
}

var errNotRESP = errors.New("this is not RESP")

func readValue(r *bufio.Reader) (value, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return value{}, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return value{}, fmt.Errorf("%w: %q", errNotRESP, line)
	}
	v := value{kind: line[0], text: line[1 : len(line)-2]}
	switch v.kind {
	case '+', '-', ':', ',', '#', '_', '(':
		return v, nil
	case '$', '=', '!', '*', '~', '%', '>', '|':
	default:
		return v, fmt.Errorf("%w: %q", errNotRESP, line)
	}
	n, err := strconv.Atoi(v.text)
	if err != nil {
		return v, fmt.Errorf("%w: %q", errNotRESP, line)
	}
	if n < 0 {
		v.null = true
		return v, nil
	}
	v.text = ""
	switch v.kind {
	case '$', '=', '!':
		buf := make([]byte, n+2)
		_, err := io.ReadFull(r, buf)
		v.text = string(buf[:n])
		return v, err
	case '%', '|':
		n *= 2
	}
	for range n {
		p, err := readValue(r)
		if err != nil {
			return v, err
		}
		v.parts = append(v.parts, p)
	}
	return v, nil
}

// String tells two values apart whenever their bytes differ.
func (v value) String() string {
	if v.null {
		return string(v.kind) + "-1"
	}
	switch v.kind {
	case '*', '~', '%', '>', '|':
		parts := make([]string, len(v.parts))
		for i, p := range v.parts {
			parts[i] = p.String()
		}
		return fmt.Sprintf("%c%d[%s]", v.kind, len(parts), strings.Join(parts, " "))
	case '$', '=', '!', '-':
		return string(v.kind) + strconv.Quote(v.text)
	}
	return string(v.kind) + v.text
}

// each calls f for v and its parts.
func (v *value) each(f func(*value)) {
	f(v)
	for i := range v.parts {
		v.parts[i].each(f)
	}
}

// masks hide what two servers cannot have in common, or what each of two versions
// words in its own way. Each works on a whole reply.
var masks = map[string]func(*value){
	"int":   func(v *value) { v.each(hide(":", "N")) },
	"float": func(v *value) { v.each(hide(",", "N")) },
	"text":  func(v *value) { v.each(hide("$=+", "text")) },
	"shape": func(v *value) { v.each(hide(":,$=+", "x")) },
	"kind":  func(v *value) { *v = value{kind: v.kind} },
	"number": func(v *value) { // numbers within texts
		v.each(func(p *value) { p.text = numberForm.ReplaceAllString(p.text, "N") })
	},
	"sorted": func(v *value) { slices.SortFunc(v.parts, byText) },
	"scan":   func(v *value) { slices.SortFunc(v.parts[1].parts, byText) },
	"pairs": func(v *value) {
		var pairs []value
		for i := 0; i+1 < len(v.parts); i += 2 {
			pairs = append(pairs, value{kind: '*', parts: v.parts[i : i+2]})
		}
		slices.SortFunc(pairs, byText)
		v.parts = pairs
	},
	"fields": func(v *value) { // the names of "name:value" lines
		v.each(func(p *value) { p.text = fieldForm.ReplaceAllString(p.text, "$1:") })
	},
	"acllog": func(v *value) { // fields since 7.2
		v.each(func(p *value) {
			for i := 0; i+1 < len(p.parts); i += 2 {
				if slices.Contains(newLogFields, p.parts[i].text) {
					p.parts = slices.Delete(p.parts, i, i+2)
					i -= 2
				}
			}
		})
	},
	"acllist": func(v *value) { // printed by default since 7.2; and root's rules
		v.each(func(p *value) {
			p.text = strings.ReplaceAll(p.text, " "+reservedRules, "")
			p.text = strings.ReplaceAll(p.text, " sanitize-payload", "")
			p.parts = slices.DeleteFunc(p.parts, func(flag value) bool { return flag.text == "sanitize-payload" })
		})
	},
	"unordered": func(*value) {}, // values of one line in any order
	"soon":      func(*value) {}, // that nothing comes is not waited for as long as usual
}

var (
	numberForm   = regexp.MustCompile(`\d+`)
	fieldForm    = regexp.MustCompile(`(?m)^([\w-]+):.*$`)
	newLogFields = []string{"entry-id", "timestamp-created", "timestamp-last-updated"}
)

func byText(a, b value) int { return strings.Compare(a.String(), b.String()) }

func hide(kinds, as string) func(*value) {
	return func(v *value) {
		if strings.IndexByte(kinds, v.kind) >= 0 && !v.null {
			v.text = as
		}
	}
}

// always hides numbers and addresses of clients, ages and times, and words a
// refusal as the newest version does.
func always(v *value) {
	v.each(func(p *value) {
		if p.kind == '=' {
			p.text = strings.TrimPrefix(p.text, "txt:")
		}
		if strings.HasPrefix(p.text, "id=") {
			p.text = clientInfo(p.text)
		}
		if p.kind == '-' || p.kind == '$' {
			for _, r := range rewordings {
				p.text = r.old.ReplaceAllString(p.text, r.now)
			}
		}
		for i := 0; i+1 < len(p.parts); i++ {
			switch next := &p.parts[i+1]; p.parts[i].text {
			case "id", "age-seconds", "entry-id", "timestamp-created", "timestamp-last-updated":
				hide(":,$", "N")(next)
			}
		}
	})
}

// rewordings are of the versions before 7.2, and the user's name, which they do
// not tell.
var rewordings = []struct {
	old *regexp.Regexp
	now string
}{
	{regexp.MustCompile(`NOPERM (?:this user|User \S+) has no permissions to run the '`), "NOPERM User x has no permissions to run the '"},
	{regexp.MustCompile(`NOPERM this user has no permissions to access one of the keys used as arguments`), "NOPERM No permissions to access a key"},
	{regexp.MustCompile(`NOPERM this user has no permissions to access one of the channels used as arguments`), "NOPERM No permissions to access a channel"},
	{regexp.MustCompile(`^(?:This user|User \S+) has no permissions to (run|access) the '`), "User x has no permissions to $1 the '"},
	{regexp.MustCompile(`the HELLO AUTH <user> <pass> option`), "the HELLO <proto> AUTH <user> <pass> option"},
}

// clientInfo leaves of CLIENT LIST what an application can know beforehand.
func clientInfo(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		var kept []string
		for _, field := range strings.Fields(line) {
			name, _, _ := strings.Cut(field, "=")
			switch name {
			case "flags":
				field = strings.ReplaceAll(field, "d", "") // that what it watches has changed, Redis alone knows
				kept = append(kept, strings.TrimSuffix(field, "N"))
			case "db", "sub", "psub", "ssub", "multi", "cmd", "user", "resp", "name":
				kept = append(kept, field)
			case "lib-name", "lib-ver": // since 7.2
			default:
				kept = append(kept, name)
			}
		}
		lines[i] = strings.Join(kept, " ")
	}
	return strings.Join(lines, "\n")
}
