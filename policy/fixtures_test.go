package policy

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"redisgate/policy/command"
)

// readRules reads "acl:", "databases:" and "unsafe_scripts:" lines.
func readRules(t *testing.T, path string) *User {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var opt Options
	var rules []string
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "acl":
			rules = append(rules, value)
		case "databases":
			for _, n := range strings.Fields(value) {
				db, err := strconv.Atoi(n)
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				opt.Databases = append(opt.Databases, db)
			}
		case "unsafe_scripts":
			opt.UnsafeScripts = strings.TrimSpace(value) == "true"
		default:
			t.Fatalf("%s: unknown line %q", path, line)
		}
	}
	return mustUser(t, strings.Join(rules, " "), opt)
}

// TestFixtures holds each testdata/*.rules to its *.verdicts: a reason's label, allow or filter, and a request in database 2.
func TestFixtures(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.rules")
	if err != nil || len(paths) == 0 {
		t.Fatalf("testdata/*.rules = %v, %v; want files", paths, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".rules"), func(t *testing.T) {
			u := readRules(t, path)
			text, err := os.ReadFile(strings.TrimSuffix(path, ".rules") + ".verdicts")
			if err != nil {
				t.Fatal(err)
			}
			for i, line := range strings.Split(string(text), "\n") {
				want, request, ok := strings.Cut(line, " ")
				if !ok || want == "#" {
					continue
				}
				args := split(request)
				cmd, failure := command.Lookup(args)
				if failure != command.Found {
					t.Errorf("line %d: %q is no command", i+1, request)
					continue
				}
				var uses command.Uses
				d := u.Authorise(2, cmd, args, &uses)
				got := strings.Replace(d.Reason.String(), "allowed", "allow", 1)
				if u.MustFilter(cmd, d) {
					got = "filter"
				}
				if got != want {
					t.Errorf("line %d: %q = %s (argument %d, %v); want %s", i+1, strings.TrimSpace(request), got, d.Arg, d.Err, want)
				}
			}
		})
	}
}
