package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestTheShippedExampleIsTheDefaults(t *testing.T) {
	path := filepath.Join("..", "configs", "redisgate.toml")
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var meta map[string]any
	md, err := toml.Decode(string(data), &meta)
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{}
	for _, key := range md.Keys() {
		written[key.String()] = true
	}
	dir, err := filepath.Abs(filepath.Join("..", "configs"))
	if err != nil {
		t.Fatal(err)
	}
	got := fields(c)
	for key, want := range fields(Default()) {
		if !written[key] {
			t.Errorf("the example does not have %s", key)
		}
		switch key {
		case "user.name", "user.acl":
			continue
		case "tls.cert", "tls.key":
			want = filepath.Join(dir, want.(string))
		}
		if !same(got[key], want) {
			t.Errorf("the example has %s = %v; want the default %v", key, got[key], want)
		}
	}
}

func TestTheShippedExampleHasACommentAboveOrBesideEveryTable(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "configs", "redisgate.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(data), "\n\n") {
		if strings.Contains(block, " = ") && !strings.Contains(block, "# ") {
			t.Errorf("no comment in\n%s", block)
		}
	}
}

// docRow is a row of the tables in docs/CONFIGURATION.md: | `key` | `default` | ...
var docRow = regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| (`[^`]*`|-) \\| (.*) \\|$")

func TestTheDocumentationHasEveryKeyWithItsDefault(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "docs", "CONFIGURATION.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, m := range docRow.FindAllStringSubmatch(string(data), -1) {
		if _, twice := documented[m[1]]; twice {
			t.Errorf("%s is documented twice", m[1])
		}
		documented[m[1]] = strings.Trim(m[2], "`")
		if len(m[3]) < 10 {
			t.Errorf("%s is documented as %q; want a sentence", m[1], m[3])
		}
	}
	defaults := fields(Default())
	for key := range documented {
		if _, ok := defaults[key]; !ok {
			t.Errorf("%s is documented and does not exist", key)
		}
	}
	for key, want := range defaults {
		text, ok := documented[key]
		if !ok {
			t.Errorf("%s is not documented", key)
			continue
		}
		if key == "user.name" || key == "user.acl" {
			if text != "-" {
				t.Errorf("%s is documented with the default %q; want -, since it is required", key, text)
			}
			continue
		}
		if got := documentedDefault(t, key, text); !same(got, want) {
			t.Errorf("%s is documented with the default %v; want %v", key, got, want)
		}
	}
}

// documentedDefault reads a default as the file would have it.
func documentedDefault(t *testing.T, key, text string) any {
	t.Helper()
	table, name, _ := strings.Cut(key, ".")
	file := "[" + table + "]\n" + name + " = " + text + "\n"
	if table == "user" {
		file = "[[user]]\nname = \"x\"\nacl = \"on\"\n" + name + " = " + text + "\n"
	}
	c := new(Config)
	var raw map[string]any
	if err := toml.Unmarshal([]byte(file), &raw); err != nil {
		t.Errorf("%s: %q is not TOML", key, text)
		return nil
	}
	var b binder
	b.bind(c, raw)
	if len(b.problems) > 0 {
		t.Errorf("%s: %v", key, b.problems)
	}
	return fields(c)[key]
}
