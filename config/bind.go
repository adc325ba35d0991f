package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// binder sets struct fields from decoded TOML. It is stricter than the TOML
// library's own decoder, which also takes keys in other letter case and stops
// at the first value of a wrong type.
type binder struct {
	problems Problems
}

func (b *binder) add(path, hint, format string, args ...any) {
	b.problems = append(b.problems, Problem{Path: path, Text: fmt.Sprintf(format, args...), Hint: hint})
}

// bind sets what raw has in c, and leaves the rest as it is.
func (b *binder) bind(c *Config, raw map[string]any) {
	b.table("", reflect.ValueOf(c).Elem(), raw)
}

// table sets the fields of dst, a struct, from t.
func (b *binder) table(path string, dst reflect.Value, t map[string]any) {
	fields := tomlFields(dst.Type())
	for _, key := range slices.Sorted(maps.Keys(t)) {
		i, ok := fields[key]
		if !ok {
			b.unknown(path, key, fields)
			continue
		}
		b.value(join(path, key), dst.Field(i), t[key])
	}
}

func (b *binder) value(path string, dst reflect.Value, v any) {
	if own, ok := dst.Addr().Interface().(fromTOML); ok {
		if err := own.fromTOML(v); err != nil {
			b.problems = append(b.problems, problemAt(path, err))
		}
		return
	}
	switch dst.Kind() {
	case reflect.Struct:
		if t, ok := v.(map[string]any); ok {
			b.table(path, dst, t)
			return
		}
		hint := fmt.Sprintf("write it as [%s] on a line of its own, with its keys below", path)
		if list := withoutIndex(path); list != path {
			hint = fmt.Sprintf("begin each one with [[%s]], with its keys below", list)
		}
		b.add(path, hint, "must be a table, not %s", typeName(v))
	case reflect.Slice:
		b.list(path, dst, v)
	case reflect.String:
		set(b, path, dst, v, "a string", "write it in double quotes", reflect.Value.SetString)
	case reflect.Bool:
		set(b, path, dst, v, "true or false", "write true or false, without quotes", reflect.Value.SetBool)
	case reflect.Int:
		if n, ok := v.(int64); ok && dst.OverflowInt(n) {
			b.add(path, "write a smaller number", "%d is too large", n)
			return
		}
		set(b, path, dst, v, "an integer", "write a whole number, without quotes", reflect.Value.SetInt)
	default:
		panic("config: no rule for a field of type " + dst.Type().String())
	}
}

func set[T any](b *binder, path string, dst reflect.Value, v any, want, hint string, f func(reflect.Value, T)) {
	if t, ok := v.(T); ok {
		f(dst, t)
		return
	}
	b.add(path, hint, "must be %s, not %s", want, typeName(v))
}

func (b *binder) list(path string, dst reflect.Value, v any) {
	elements, ok := v.([]any)
	if tables, isTables := v.([]map[string]any); isTables {
		ok = true
		for _, t := range tables {
			elements = append(elements, t)
		}
	}
	if !ok {
		hint := "write it in brackets: [...]"
		if dst.Type().Elem().Kind() == reflect.Struct {
			hint = fmt.Sprintf("begin each one with [[%s]], in double brackets", path)
		}
		b.add(path, hint, "must be a list, not %s", typeName(v))
		return
	}
	out := reflect.MakeSlice(dst.Type(), len(elements), len(elements))
	for i, e := range elements {
		if u, ok := out.Index(i).Addr().Interface().(*User); ok {
			*u = defaultUser()
		}
		b.value(path+"["+strconv.Itoa(i)+"]", out.Index(i), e)
	}
	dst.Set(out)
}

func (b *binder) unknown(path, key string, fields map[string]int) {
	p := Problem{Path: join(path, key), Text: "unknown key"}
	known := slices.Sorted(maps.Keys(fields))
	table := tableOf(key)
	if near := Nearest(key, known); near != "" {
		p.Meant = join(path, near)
		p.Hint = fmt.Sprintf("did you mean %s?", p.Meant)
	} else if elsewhere := wellMeant[withoutIndex(path)+"."+key]; elsewhere != "" {
		p.Hint = elsewhere
	} else if path == "" && table != "" {
		p.Meant = table + "." + key
		p.Hint = fmt.Sprintf("%s belongs under [%s]", key, table)
	} else if path == "" {
		p.Hint = "the tables are [" + strings.Join(known, "], [") + "]"
	} else {
		p.Hint = "known here: " + strings.Join(known, ", ")
	}
	b.problems = append(b.problems, p)
}

// wellMeant are hints for keys that people try because other programs have
// them.
var wellMeant = map[string]string{
	"listen.port":       `the port is part of listen.address: "127.0.0.1:6380"`,
	"listen.host":       `the host is part of listen.address: "127.0.0.1:6380"`,
	"listen.bind":       `listen.address says where: "127.0.0.1:6380"`,
	"upstream.host":     `the host is part of upstream.address: "127.0.0.1:6379"`,
	"upstream.port":     `the port is part of upstream.address: "127.0.0.1:6379"`,
	"upstream.password": "write it into a file of mode 0600, and the file's name into upstream.password_file",
	"user.rules":        "a user's rules stand in its acl",
	"user.commands":     "a user's rules stand in its acl",
	"user.keys":         "a user's rules stand in its acl",
}

func withoutIndex(path string) string {
	path, _, _ = strings.Cut(path, "[")
	return path
}

// tableOf returns the table that has a key of that name, for keys that were
// written above the first table or under another one.
func tableOf(key string) string {
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type.Kind() == reflect.Struct && f.IsExported() {
			if _, ok := tomlFields(f.Type)[key]; ok {
				return f.Tag.Get("toml")
			}
		}
	}
	return ""
}

// tomlFields returns field numbers by TOML key.
func tomlFields(t reflect.Type) map[string]int {
	fields := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("toml"); name != "" {
			fields[name] = i
		}
	}
	return fields
}

func join(path, key string) string {
	if !bareKey(key) {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func bareKey(key string) bool {
	for _, r := range key {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' {
			return false
		}
	}
	return key != ""
}

// typeName names the TOML type of v with its article.
func typeName(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case bool:
		return "a boolean"
	case time.Time:
		return "a date"
	case map[string]any:
		return "a table"
	default:
		return "a list"
	}
}
