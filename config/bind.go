package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
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
		b.add(path, fmt.Sprintf("write it as [%s] on a line of its own, with its keys below", path),
			"must be a table, not %s", typeName(v))
	case reflect.Slice:
		b.list(path, dst, v)
	case reflect.String:
		set(b, path, dst, v, "a string", reflect.Value.SetString)
	case reflect.Bool:
		set(b, path, dst, v, "true or false", reflect.Value.SetBool)
	case reflect.Int:
		if n, ok := v.(int64); ok && dst.OverflowInt(n) {
			b.add(path, "", "%d is too large", n)
			return
		}
		set(b, path, dst, v, "an integer", reflect.Value.SetInt)
	default:
		panic("config: no rule for a field of type " + dst.Type().String())
	}
}

func set[T any](b *binder, path string, dst reflect.Value, v any, want string, f func(reflect.Value, T)) {
	if t, ok := v.(T); ok {
		f(dst, t)
		return
	}
	b.add(path, "", "must be %s, not %s", want, typeName(v))
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
		hint := ""
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
	hint := ""
	if near := nearest(key, slices.Sorted(maps.Keys(fields))); near != "" {
		hint = fmt.Sprintf("did you mean %s?", join(path, near))
	} else if table := tableOf(key); path == "" && table != "" {
		hint = fmt.Sprintf("%s belongs under [%s]", key, table)
	}
	b.add(join(path, key), hint, "unknown key")
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
