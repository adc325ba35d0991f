package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A transcript file holds conversations. What a line says:
//
//	=== name             a conversation begins
//	# text               a comment
//	only 3               the conversation is for RESP3 (or 2) alone
//	user NAME RULES      the ACL user exists during the conversation
//	server CMD ARG...    the administrator tells Redis itself, past any gate
//	undo CMD ARG...      the same, when the conversation is over
//	open a               a connects and logs in as app, who may do everything
//	open a NAME PASSWORD a connects and logs in as somebody else
//	open a anonymous     a connects and says nothing, in RESP2
//	a: CMD ARG...        a sends a command and reads one value
//	a> CMD ARG...        a sends a command
//	a>> "text"           a sends these very bytes
//	a| CMD ARG...        a command for a's next write, so that several go out at once
//	a< 3                 a reads three values; without a number, one
//	blocked 2            wait until Redis has two blocked clients
//	close a              a hangs up
//	pause 300            milliseconds pass
//
// A connection that is not opened opens itself at its first line. A value is a
// reply, or a push, or (closed). Words are in double quotes as in Go where need
// be; {1000*x} is x a thousand times, $id what a line "a=id: ..." has read.
// Between the name and the sign may stand, in this order: =variable, the masks of
// the reply, %mask,mask, and !name: the replies differ here, and divergences in
// transcripts_test.go says why; !name/3 is for RESP3 alone. At its end each
// connection sends RESET, and nothing may have been left unread before.
type conversation struct {
	file, name string
	only       int
	steps      []step
}

// step is one line.
type step struct {
	line      int
	text      string // as written
	name      string // of the connection, or of a directive
	op        string // ":", ">", ">>", "|", "<", or "do" for a directive
	words     []string
	variable  string
	masks     []string
	diverges  string
	divergeIn int // protocol, or 0 for both
}

var lineForm = regexp.MustCompile(`^([a-z]\d?)(?:=(\w+))?(?:%([\w,]+))?(?:!([\w-]+)(?:/([23]))?)?(:|>>|>|<|\|)(?: (.*))?$`)

var directives = map[string]int{"only": 1, "user": 2, "server": 1, "undo": 1, "open": 1, "blocked": 1, "close": 1, "pause": 1}

// readConversations reads all transcript files.
func readConversations(t *testing.T) []conversation {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "transcripts", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	var all []conversation
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		some, err := parseConversations(strings.TrimSuffix(filepath.Base(file), ".txt"), string(data))
		if err != nil {
			t.Fatalf("%s:%v", file, err)
		}
		all = append(all, some...)
	}
	return all
}

func parseConversations(file, text string) ([]conversation, error) {
	var all []conversation
	names := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " ")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, ok := strings.CutPrefix(line, "=== "); ok {
			if names[name] {
				return nil, fmt.Errorf("%d: a second conversation %q", i+1, name)
			}
			names[name] = true
			all = append(all, conversation{file: file, name: name})
			continue
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("%d: before any conversation", i+1)
		}
		st, err := parseStep(line)
		if err != nil {
			return nil, fmt.Errorf("%d: %w", i+1, err)
		}
		st.line = i + 1
		c := &all[len(all)-1]
		if st.op == "do" && st.name == "only" {
			c.only, _ = strconv.Atoi(st.words[0])
			continue
		}
		c.steps = append(c.steps, st)
	}
	return all, nil
}

func parseStep(line string) (step, error) {
	st := step{text: line}
	rest := ""
	if m := lineForm.FindStringSubmatch(line); m != nil {
		st.name, st.variable, st.diverges, st.op, rest = m[1], m[2], m[4], m[6], m[7]
		if m[3] != "" {
			st.masks = strings.Split(m[3], ",")
		}
		st.divergeIn, _ = strconv.Atoi(m[5])
	} else {
		st.op = "do"
		st.name, rest, _ = strings.Cut(line, " ")
		if _, ok := directives[st.name]; !ok {
			return st, fmt.Errorf("%q is no line of a transcript", line)
		}
	}
	for _, m := range st.masks {
		if _, ok := masks[m]; !ok {
			return st, fmt.Errorf("no mask %q", m)
		}
	}
	var err error
	if st.words, err = splitWords(rest); err != nil {
		return st, err
	}
	if n := directives[st.name]; st.op == "do" && len(st.words) < n {
		return st, fmt.Errorf("%s needs %d words", st.name, n)
	}
	return st, nil
}

// splitWords splits at spaces. A word that begins with a quotation mark ends with
// one and is as in Go.
func splitWords(s string) ([]string, error) {
	var words []string
	for {
		s = strings.TrimLeft(s, " ")
		if s == "" {
			return words, nil
		}
		if s[0] == '"' {
			q, err := strconv.QuotedPrefix(s)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", s, err)
			}
			w, err := strconv.Unquote(q)
			if err != nil {
				return nil, err
			}
			words, s = append(words, w), s[len(q):]
			continue
		}
		w, rest, _ := strings.Cut(s, " ")
		words, s = append(words, w), rest
	}
}

var (
	repeatForm   = regexp.MustCompile(`\{(\d+)\*([^{}]+)\}`)
	variableForm = regexp.MustCompile(`\$[a-z]+`)
)

// expand puts repetitions and variables in their places.
func expand(word string, variables map[string]string) string {
	word = repeatForm.ReplaceAllStringFunc(word, func(m string) string {
		g := repeatForm.FindStringSubmatch(m)
		n, _ := strconv.Atoi(g[1])
		return strings.Repeat(g[2], n)
	})
	return variableForm.ReplaceAllStringFunc(word, func(m string) string {
		if v, ok := variables[m[1:]]; ok {
			return v
		}
		return m
	})
}
