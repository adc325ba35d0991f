package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redisgate/config"
	"redisgate/configs"
)

// restarts are the keys of which a change takes a restart, as Config.Restart has it.
func restarts() []string {
	running, changed := config.Default(), config.Default()
	alter(reflect.ValueOf(changed).Elem())
	return changed.Restart(running)
}

// alter gives every field another value.
func alter(v reflect.Value) {
	switch {
	case !v.CanSet():
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			alter(v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), v.Len()+1, v.Len()+1))
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "x")
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	}
}

// effect says when a change of a key takes effect.
func effect(key string) string {
	if slices.Contains(restarts(), key) {
		return "restart"
	}
	return "reload"
}

// types are what values look like in the file. A type that is not here goes by its kind.
var types = map[reflect.Type]string{
	reflect.TypeFor[config.Duration]():  "duration",
	reflect.TypeFor[config.Size]():      "size, bytes",
	reflect.TypeFor[config.Mode]():      "file mode, octal",
	reflect.TypeFor[config.Addresses](): "string or list of strings",
	reflect.TypeFor[config.Files]():     "string or list of strings",
	reflect.TypeFor[config.Hashes]():    "string or list of strings",
	reflect.TypeFor[config.Rules]():     "string",
}

func typeOf(t reflect.Type) string {
	if s := types[t]; s != "" {
		return s
	}
	switch t.Kind() {
	case reflect.Slice:
		return "list of " + strings.TrimPrefix(typeOf(t.Elem()), "a ") + "s"
	case reflect.Int:
		return "integer"
	case reflect.Bool:
		return "true or false"
	}
	return t.Kind().String()
}

// defaultOf is a value as the file has it.
func defaultOf(v reflect.Value) string {
	switch d := v.Interface().(type) {
	case config.Duration:
		s := d.String()
		for _, tail := range []string{"m0s", "h0m"} {
			if strings.HasSuffix(s, tail) {
				s = s[:len(s)-2]
			}
		}
		return strconv.Quote(s)
	case config.Size:
		if d == 0 {
			return "0"
		}
		return strconv.Quote(d.String())
	case config.Mode:
		return strconv.Quote(d.String())
	case config.Files:
		if len(d) == 0 {
			return `""`
		}
	}
	switch v.Kind() {
	case reflect.String:
		return strconv.Quote(v.String())
	case reflect.Slice:
		var out []string
		for i := range v.Len() {
			out = append(out, defaultOf(v.Index(i)))
		}
		if len(out) == 1 && typeOf(v.Type()) == "string or list of strings" {
			return out[0]
		}
		return "[" + strings.Join(out, ", ") + "]"
	}
	return fmt.Sprint(v.Interface())
}

// comments are those of the fields of package config, as "Type.Field".
func comments(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "config", "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("the source of config = %v, %v", names, err)
	}
	out := map[string]string{}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			fields, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range fields.Fields.List {
				for _, id := range field.Names {
					out[spec.Name.Name+"."+id.Name] = strings.TrimSpace(strings.Join(strings.Fields(field.Doc.Text()+" "+field.Comment.Text()), " "))
				}
			}
			return true
		})
	}
	return out
}

// examples are the comments above the keys of the shipped example, by path: own are those
// of the key that follows at once, shared also stand for the keys below it up to the next.
func examples() (own, shared map[string]string) {
	own, shared = map[string]string{}, map[string]string{}
	table, comment, open := "", "", false
	for line := range strings.Lines(configs.Full) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "["):
			table, comment, open = strings.Trim(line, "[]"), "", false
		case strings.HasPrefix(line, "#"):
			if !open {
				comment = ""
			}
			open = true
			comment = strings.TrimSpace(comment + " " + strings.TrimSpace(strings.TrimPrefix(line, "#")))
		default:
			if name, _, ok := strings.Cut(line, " = "); ok {
				shared[table+"."+name] = comment
				if open {
					own[table+"."+name] = comment
				}
			}
			open = false
		}
	}
	return own, shared
}

// configPage is docs/CONFIG.md as the code has it.
func configPage(t *testing.T) string {
	t.Helper()
	guide, err := os.ReadFile(filepath.Join(root, "docs", "CONFIGURATION.md"))
	if err != nil {
		t.Fatal(err)
	}
	headings, said := anchors(string(guide)), comments(t)
	own, shared := examples()
	var b strings.Builder
	b.WriteString(`# Keys of the configuration

Every key with its type, its default and when a change of it takes effect: ` + "`reload`" + `
when the configuration is [read again](CONFIGURATION.md#reload), ` + "`restart`" + ` when redisgate is started anew. This page is written from the code:
` + "`go test ./docs -run TestConfigPageIsTheCode -update`" + `. [CONFIGURATION.md](CONFIGURATION.md)
explains what belongs together, with examples.

A duration is a string with a unit, such as ` + "`\"10s\"`" + `; a size is a number of bytes or a string
such as ` + "`\"64MB\"`" + `, where 1MB is 1024*1024; paths that are relative start from the directory of
the file.
`)
	var tables []func() // of lists of tables, which come after the table that they are in
	var write func(title, path string, v reflect.Value)
	write = func(title, path string, v reflect.Value) {
		fmt.Fprintf(&b, "\n## %s\n\n", title)
		if anchor := strings.Trim(title, "[]"); headings[anchor] {
			fmt.Fprintf(&b, "[Explained](CONFIGURATION.md#%s).\n\n", anchor)
		}
		b.WriteString("| key | type | default | change | meaning |\n| --- | --- | --- | --- | --- |\n")
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name := f.Tag.Get("toml")
			if name == "" {
				continue
			}
			if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
				tables = append(tables, func() {
					write("[["+path+"."+name+"]]", path+"."+name, reflect.Zero(f.Type.Elem()))
				})
				continue
			}
			key := path + "." + name
			parent, _, _ := strings.Cut(path, ".")
			meaning := own[key]
			for _, other := range []string{said[v.Type().Name()+"."+f.Name], shared[key], shared[parent+"."+name]} {
				if meaning == "" {
					meaning = other
				}
			}
			if len(meaning) < 4 {
				t.Errorf("%s has no comment in config.%s, nor in configs/redisgate.toml", key, v.Type().Name())
			}
			initial := "`" + defaultOf(v.Field(i)) + "`"
			if key == "user.name" || key == "user.acl" {
				initial = "-"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", key, typeOf(f.Type), initial, effect(key), cell(meaning))
		}
	}
	whole := reflect.ValueOf(config.Default()).Elem()
	for i := range whole.NumField() {
		f := whole.Type().Field(i)
		name := f.Tag.Get("toml")
		switch {
		case name == "":
			continue
		case f.Type.Kind() == reflect.Slice:
			write("[["+name+"]]", name, reflect.Zero(f.Type.Elem()))
		default:
			write("["+name+"]", name, whole.Field(i))
		}
		for _, more := range tables {
			more()
		}
		tables = nil
	}
	return b.String()
}

// cell makes a comment what a table may hold: a sentence that begins with a capital,
// unless it begins with a value.
func cell(s string) string {
	s = strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`).Replace(s)
	if s == "" {
		return ""
	}
	if !strings.HasPrefix(s, "redisgate") && !strings.HasPrefix(s, "true:") {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

func TestConfigPageIsTheCode(t *testing.T) {
	path := filepath.Join(root, "docs", "CONFIG.md")
	want := configPage(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/CONFIG.md is not what the code says (%v); run go test ./docs -run TestConfigPageIsTheCode -update", err)
	}
	for key := range keys() {
		if !strings.Contains(want, "| `"+key+"` | ") {
			t.Errorf("docs/CONFIG.md does not have %s", key)
		}
	}
}
