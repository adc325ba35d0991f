// Package layers keeps the rooms of this module apart: who may import whom,
// which libraries stand in which room, and how long a file may be. It reads
// the files themselves; a test that asks the go command gets a stale pass
// from the test cache when files elsewhere change.
package layers

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "redisgate/"

// anything in a list of imports stands for every room.
const anything = "*"

// rooms says which rooms of this module a room's files may import, tests
// excepted. Data flows one way: nothing downstream calls back up.
var rooms = map[string][]string{
	"cmd/redisgate": {anything},

	"config":  nil,       // what the operator wrote
	"watch":   nil,       // that files have changed
	"tlsconf": {"watch"}, // certificates to *tls.Config

	"identity": nil, // whom a certificate names

	"policy/command":     nil, // facts about commands
	"policy/command/gen": {"policy/command"},
	"policy":             {"policy/command"},                        // pure judgement
	"auth":               nil,                                       // secrets
	"aclfile":            {"policy"},                                // Redis's file of users
	"users":              {"policy", "auth", "aclfile", "identity"}, // the live users

	"acl": {"policy", "policy/command", "users", "resp"}, // answers to ACL

	"migration": {"policy", "policy/command", "aclfile"}, // Redis's users to ours

	"resp":      nil, // the wire
	"eventloop": nil, // bytes in, bytes out
	"tlsfeed":   nil, // a tls.Conn that is fed by hand

	"proxyheader": nil, // what a load balancer says of a connection

	"handover": nil, // listening sockets, from one process to the next

	"upstream": {"resp", "eventloop", "tlsfeed"},
	"proxy":    {"acl", "identity", "resp", "policy", "policy/command", "users", "auth", "eventloop", "tlsfeed", "upstream", "proxyheader"},
	"metrics":  {"policy"},
	"status":   {"metrics"}, // the page of what the metrics say
	"audit":    nil,         // who did what, on lines

	"firewall": nil,                          // lists of networks as other tools' rules
	"doctor":   {"policy", "policy/command"}, // judgement over what Redis is like

	"configs": nil,
	"docs":    nil, // prose, and tests that hold it to the code
	"bench":   {anything, "internal/child", "internal/gatetest", "internal/process", "internal/redistest"},

	// For tests and benchmarks: mayImport lets nothing else see them.
	"internal/e2e":       {anything, "internal/browser", "internal/gatetest", "internal/process", "internal/redistest"},
	"internal/browser":   {"internal/child"},
	"internal/process":   {anything, "internal/child"},
	"internal/gatetest":  {anything, "internal/redistest"},
	"internal/hunt":      {"policy/command"},
	"internal/child":     nil,
	"internal/layers":    nil,
	"internal/redistest": {"internal/child"},
	"internal/testsum":   nil,
}

// libraries says which rooms may import a library, tests of all rooms
// included unless listed in alsoInTests.
var libraries = map[string][]string{
	"github.com/BurntSushi/toml":            {"config"},
	"github.com/alicebob/miniredis/v2":      {"cmd/redisgate", "bench"}, // the demo
	"github.com/armon/go-radix":             {"policy"},
	"github.com/coreos/go-systemd/v22":      {"cmd/redisgate"},
	"github.com/fsnotify/fsnotify":          {"watch"},
	"github.com/gaissmai/bart":              {"policy"},
	"github.com/pires/go-proxyproto":        {"proxyheader"},
	"github.com/prometheus/client_golang":   {"metrics"},
	"github.com/KimMachineGun/automemlimit": {"cmd/redisgate"},
	"github.com/redis/go-redis/v9":          {"upstream", "policy/command/gen", "internal/redistest", "internal/gatetest", "bench"},
	"github.com/spf13/cobra":                {"cmd/redisgate"},
	"github.com/tidwall/redcon":             {"resp", "proxy", "acl", "bench"}, // its Append functions only
	"golang.org/x/crypto":                   {"auth", "tlsconf"},               // argon2 and scrypt; ocsp
	"golang.org/x/sys":                      {"eventloop", "internal/child", "bench"},
	"golang.org/x/term":                     {"cmd/redisgate"},
}

// alsoInTests are the libraries that tests of every room may import.
var alsoInTests = []string{
	"github.com/BurntSushi/toml",
	"github.com/alicebob/miniredis/v2",
	"github.com/pires/go-proxyproto",
	"github.com/redis/go-redis/v9",
	"github.com/tidwall/redcon",
	"golang.org/x/sys",
}

// outOfSight are packages of the standard library that a room must not need:
// what it judges or parses comes in as values.
var outOfSight = map[string][]string{
	"policy":         {"net", "net/http", "crypto/tls", "time", "log", "log/slog", "os"},
	"policy/command": {"net", "net/http", "crypto/tls", "time", "log", "log/slog", "os"},
	"resp":           {"net", "net/http", "crypto/tls", "time", "log", "log/slog", "os"},
	"aclfile":        {"net", "net/http", "crypto/tls", "log", "log/slog"},
	"migration":      {"net", "net/http", "crypto/tls", "log", "log/slog", "os"},
	"acl":            {"net", "net/http", "crypto/tls", "log", "log/slog", "os"},
	"users":          {"net", "net/http", "crypto/tls"},
	"auth":           {"net", "net/http", "crypto/tls"},
	"tlsconf":        {"net/http"},
	"status":         {"net", "crypto/tls", "log", "log/slog", "os"},
	"firewall":       {"net", "net/http", "crypto/tls", "time", "log", "log/slog", "os"},
	"audit":          {"net", "net/http", "crypto/tls"},
	"config":         {"net/http", "crypto/tls", "crypto/x509", "log", "log/slog"},
}

// longest is the most lines of a file that is not generated and no test.
const longest = 400

// exempt are directories that are no rooms.
var exempt = []string{"tools", "internal/e2e/clients"} // modules of their own

// source is one Go file.
type source struct {
	room      string // directory, slash-separated, relative to the module
	name      string
	test      bool
	generated bool
	lines     int
	imports   []string
}

func parse(room, name string, text []byte) (source, error) {
	f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	s := source{
		room: room, name: name,
		test:      strings.HasSuffix(name, "_test.go"),
		generated: ast.IsGenerated(f),
		lines:     strings.Count(string(text), "\n"),
	}
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, err
		}
		s.imports = append(s.imports, p)
	}
	return s, nil
}

// violations lists what is wrong with a file.
func violations(s source) []string {
	var out []string
	complain := func(format string, args ...any) {
		out = append(out, path.Join(s.room, s.name)+": "+fmt.Sprintf(format, args...))
	}
	allowed, known := rooms[roomOf(s.room)]
	if !known {
		complain("%s is not in the table of rooms; say there what it may import", s.room)
	}
	for _, p := range s.imports {
		own, isOwn := strings.CutPrefix(p, module)
		switch {
		case isOwn && s.test: // tests may look at everything
		case isOwn && !mayImport(allowed, own):
			complain("%s must not import %s", s.room, own)
		case !isOwn && strings.Contains(strings.SplitN(p, "/", 2)[0], "."):
			if problem := library(s, p); problem != "" {
				complain("%s", problem)
			}
		case !s.test && slices.Contains(outOfSight[s.room], p):
			complain("%s must not know %q", s.room, p)
		}
	}
	if s.lines > longest && !s.test && !s.generated {
		complain("%d lines; at most %d", s.lines, longest)
	}
	return out
}

// roomOf maps the directories below bench to bench.
func roomOf(dir string) string {
	if strings.HasPrefix(dir, "bench/") {
		return "bench"
	}
	return dir
}

func mayImport(allowed []string, own string) bool {
	if slices.Contains(allowed, own) {
		return true
	}
	// What is internal is for tests, however much else a room may see.
	return slices.Contains(allowed, anything) && !strings.HasPrefix(own, "internal/")
}

func library(s source, p string) string {
	for prefix, allowed := range libraries {
		if p != prefix && !strings.HasPrefix(p, prefix+"/") {
			continue
		}
		if slices.Contains(allowed, roomOf(s.room)) || s.test && slices.Contains(alsoInTests, prefix) {
			return ""
		}
		return fmt.Sprintf("%s must not import %s", s.room, p)
	}
	return fmt.Sprintf("%s is not in the table of libraries", p)
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if slices.Contains(exempt, rel) || d.Name() == "testdata" || rel != "." && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		s, err := parse(path.Dir(rel), path.Base(rel), text)
		if err != nil {
			return err
		}
		files++
		for _, v := range violations(s) {
			t.Error(v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 {
		t.Errorf("%d files were read; want those of the whole module", files)
	}
}

func TestViolationsAreFound(t *testing.T) {
	for _, tc := range []struct {
		room, name string
		imports    string
		want       string // part of the only complaint, or "" for none
	}{
		{"proxy", "a.go", `"redisgate/resp"`, ""},
		{"proxy", "a.go", `"redisgate/config"`, "proxy must not import config"},
		{"proxy", "a_test.go", `"redisgate/config"`, ""},
		{"resp", "a.go", `"redisgate/proxy"`, "resp must not import proxy"},
		{"policy", "a.go", `"net/netip"`, ""},
		{"policy", "a.go", `"net"`, `policy must not know "net"`},
		{"policy", "a_test.go", `"time"`, ""},
		{"cmd/redisgate", "a.go", `"redisgate/proxy"`, ""},
		{"cmd/redisgate", "a.go", `"redisgate/internal/redistest"`, "must not import internal/redistest"},
		{"cmd/redisgate", "a_test.go", `"redisgate/internal/redistest"`, ""},
		{"cmd/redisgate", "a_test.go", `"github.com/prometheus/client_golang/prometheus"`, "must not import github.com/prometheus"},
		{"metrics", "a.go", `"github.com/prometheus/client_golang/prometheus"`, ""},
		{"bench/idle", "a.go", `"redisgate/internal/redistest"`, ""},
		{"upstream", "a.go", `"github.com/tidwall/redcon"`, "must not import github.com/tidwall/redcon"},
		{"upstream", "a_test.go", `"github.com/tidwall/redcon"`, ""},
		{"resp", "a.go", `"github.com/tidwall/redcon"`, ""},
		{"resp", "a.go", `"example.com/left/pad"`, "not in the table of libraries"},
		{"docs", "a_test.go", `"redisgate/metrics"`, ""},
		{"docs", "a.go", `"redisgate/metrics"`, "docs must not import metrics"},
		{"util", "a.go", `"fmt"`, "not in the table of rooms"},
	} {
		s, err := parse(tc.room, tc.name, []byte("package x\n\nimport "+tc.imports+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(violations(s), "; ")
		if (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("violations of %s/%s with %s = %q; want %q", tc.room, tc.name, tc.imports, got, tc.want)
		}
	}
}

func TestLongFilesAreFoundUnlessGenerated(t *testing.T) {
	long := strings.Repeat("// x\n", longest)
	for _, tc := range []struct {
		name, text string
		want       int
	}{
		{"a.go", "package x\n\n" + long, 1},
		{"a_test.go", "package x\n\n" + long, 0},
		{"a.go", "// Code generated by gen. DO NOT EDIT.\n\npackage x\n\n" + long, 0},
		{"a.go", "package x\n", 0},
	} {
		s, err := parse("resp", tc.name, []byte(tc.text))
		if err != nil {
			t.Fatal(err)
		}
		if got := violations(s); len(got) != tc.want {
			t.Errorf("violations of %s with %d lines = %v; want %d", tc.name, s.lines, got, tc.want)
		}
	}
}
