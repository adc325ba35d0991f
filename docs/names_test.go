package docs_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"redisgate/config"
	"redisgate/metrics"
	"redisgate/policy"
)

// keys returns every key of the configuration by its TOML path, a user's as user.KEY.
func keys() map[string]bool {
	out := map[string]bool{}
	var walk func(prefix string, of reflect.Type)
	walk = func(prefix string, of reflect.Type) {
		for i := range of.NumField() {
			f := of.Field(i)
			name := f.Tag.Get("toml")
			if name == "" {
				continue
			}
			at := strings.TrimPrefix(prefix+"."+name, ".")
			switch {
			case f.Type == reflect.TypeFor[[]config.User]():
				walk(at, reflect.TypeFor[config.User]())
			case f.Type == reflect.TypeFor[[]config.Certificate]():
				walk(at, reflect.TypeFor[config.Certificate]())
			case f.Type.Kind() == reflect.Struct:
				walk(at, f.Type)
			default:
				out[at] = true
			}
		}
	}
	walk("", reflect.TypeFor[config.Config]())
	return out
}

func TestNamedKeysExist(t *testing.T) {
	known := keys()
	tables := map[string]bool{}
	for key := range known {
		table, _, _ := strings.Cut(key, ".")
		tables[table] = true
	}
	shape := regexp.MustCompile(`^([a-z]+)\.[a-z_]+$`)
	named := 0
	for _, p := range pages(t) {
		for _, span := range codeSpans(p.text) {
			m := shape.FindStringSubmatch(span)
			if m == nil || !tables[m[1]] || span == "tls.Conn" || strings.HasSuffix(span, ".go") {
				continue
			}
			named++
			if !known[span] {
				t.Errorf("%s names the key %s, which does not exist", p.name, span)
			}
		}
	}
	if named < 20 {
		t.Errorf("%d keys are named in the prose; want more", named)
	}
}

// source gives a snapshot in which every series has something to show.
type source struct{}

func (source) Snapshot() metrics.Snapshot {
	return metrics.Snapshot{
		Users:             []metrics.UserConnections{{User: "app", Current: 1}},
		Ended:             []metrics.Ended{{Reason: "client", Count: 1}},
		Handshakes:        []metrics.Handshake{{Version: "1.3", Count: 1}},
		Certificates:      []metrics.Certificate{{File: "server.crt", Expiry: time.Unix(1, 0)}},
		RevocationLists:   []metrics.Certificate{{File: "ca.crl", Expiry: time.Unix(1, 0)}},
		Staples:           []metrics.Certificate{{File: "s.ocsp", Expiry: time.Unix(1, 0)}},
		Passwords:         []metrics.Password{{User: "app", Slot: "0", Count: 1}},
		CertificateUsers:  []metrics.CertificateUser{{User: "app", Count: 1}},
		Commands:          []metrics.Command{{Name: "get", Allowed: 1, Denied: 1}},
		Denied:            []metrics.Denied{{User: "app", Reason: "key", Count: 1}},
		Duration:          metrics.Histogram{Bounds: []float64{1}, Counts: []uint64{1, 1}},
		Limits:            []metrics.Limit{{User: "app", Capacity: 2, Current: 1}},
		Rates:             []metrics.Rate{{Of: "commands", User: "app", Capacity: 2}, {Of: "bytes", User: "app", Capacity: 2}},
		UpstreamErrors:    []metrics.UpstreamError{{Kind: "dial", Count: 1}},
		AuditDropped:      []metrics.AuditDrop{{Class: "admin", Count: 1}},
		ConfigLastSuccess: time.Unix(1, 0),
	}
}

func scrape(t *testing.T) string {
	t.Helper()
	s, err := metrics.New(metrics.Options{
		Source: source{}, Ready: func(context.Context) error { return nil }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "http://127.0.0.1/metrics", nil)
	s.Handler(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}).ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("GET /metrics = %d, %v", w.Code, err)
	}
	return string(body)
}

func TestNamedSeriesExistAndAllAreNamed(t *testing.T) {
	exist := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (redisgate_\w+) `).FindAllStringSubmatch(scrape(t), -1) {
		exist[m[1]] = true
	}
	series := regexp.MustCompile(`\bredisgate_[a-z_]*[a-z]\b`)
	for _, p := range pages(t) {
		for _, name := range series.FindAllString(p.text, -1) {
			if !exist[name] {
				t.Errorf("%s names the series %s, which does not exist", p.name, name)
			}
		}
	}
	text := readme(t)
	for name := range exist {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("README.md does not name the series %s", name)
		}
	}
}

func TestReasonsOfRefusalsAreThoseOfTheREADME(t *testing.T) {
	m := regexp.MustCompile("(?m)^\\| `redisgate_denied_total` \\|.*`reason`: ([a-z, ]+) \\|$").FindStringSubmatch(readme(t))
	if m == nil {
		t.Fatal("README.md does not list the reasons of redisgate_denied_total")
	}
	var want []string
	for r := policy.ReasonAllowed + 1; r <= policy.ReasonUnauthenticated; r++ {
		if !slices.Contains(want, r.String()) {
			want = append(want, r.String())
		}
	}
	want = append(want, "rate") // which is the proxy's, and no verdict of the rules
	if got := strings.Split(m[1], ", "); !slices.Equal(got, want) {
		t.Errorf("README.md lists the reasons %q; want %q", got, want)
	}
}

// verbs returns the flags of each verb of the program, by its name. It reads the
// source, since a program cannot be imported.
func verbs(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{"help": nil, "completion": nil}
	names, err := filepath.Glob(filepath.Join(root, "cmd", "redisgate", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || strings.HasSuffix(name, "_test.go") {
				continue
			}
			if use, flags := verbOf(fn); use != "" && use != "redisgate" {
				out[use] = flags
			}
		}
	}
	if len(out) < 8 {
		t.Fatalf("verbs = %v; want all of them", out)
	}
	return out
}

// verbOf finds `Use: "verb ..."` and the flags that the same function defines.
func verbOf(fn *ast.FuncDecl) (verb string, flags []string) {
	flags = []string{"help"}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Use" {
				verb, _, _ = strings.Cut(literal(n.Value), " ")
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "configFlag" {
				flags = append(flags, "config")
			}
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 1 {
				if inner, ok := sel.X.(*ast.CallExpr); ok {
					if s, ok := inner.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Flags" {
						for _, a := range n.Args[:2] { // String("name", ...), StringVar(&v, "name", ...)
							if name := literal(a); name != "" {
								flags = append(flags, name)
								break
							}
						}
					}
				}
			}
		}
		return true
	})
	return verb, flags
}

func literal(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		s, _ := strconv.Unquote(lit.Value)
		return s
	}
	return ""
}

// codeLines returns what a page shows as code, line by line and span by span.
func codeLines(text string) []string {
	var out []string
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		out = append(out, strings.Split(m[2], "\n")...)
	}
	return append(out, codeSpans(text)...)
}

func TestNamedVerbsAndFlagsExist(t *testing.T) {
	exist := verbs(t)
	call := regexp.MustCompile(`(?:^|[\s|;&])(?:redisgate|\./cmd/redisgate) ([a-z][a-z-]*)((?: [^|#;&]*)?)`)
	flag := regexp.MustCompile(`--([a-z][a-z0-9-]*)`)
	named := map[string]bool{}
	for _, p := range pages(t) {
		for _, line := range codeLines(p.text) {
			for _, m := range call.FindAllStringSubmatch(line, -1) {
				verb := m[1]
				if strings.Contains(line, "docker build") {
					continue // the image's name
				}
				flags, ok := exist[verb]
				if !ok {
					t.Errorf("%s names the verb %q, which does not exist: %s", p.name, verb, line)
					continue
				}
				named[verb] = true
				for _, f := range flag.FindAllStringSubmatch(m[2], -1) {
					if !slices.Contains(flags, f[1]) {
						t.Errorf("%s gives the flag --%s to %s, which has %q", p.name, f[1], verb, flags)
					}
				}
			}
		}
	}
	for _, verb := range []string{"demo", "init", "serve", "check", "explain", "hash-password", "health", "version"} {
		if !named[verb] {
			t.Errorf("no page shows redisgate %s", verb)
		}
	}
}

func TestNamedTargetsExist(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	exist := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):.*## `).FindAllStringSubmatch(string(makefile), -1) {
		exist[m[1]] = true
	}
	call := regexp.MustCompile(`(?:^|[\s;&])make ([a-z][a-z-]*)`)
	named := 0
	for _, p := range pages(t) {
		for _, line := range codeLines(p.text) {
			for _, m := range call.FindAllStringSubmatch(line, -1) {
				named++
				if !exist[m[1]] {
					t.Errorf("%s names make %s, which does not exist", p.name, m[1])
				}
			}
		}
	}
	if named < 5 {
		t.Errorf("%d targets are named in the prose; want more", named)
	}
}
