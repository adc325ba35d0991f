package config

import (
	"fmt"
	"reflect"
)

// fields returns every key of c with its value, by TOML path. Lists of tables
// are left out; the keys of one user are added as user.KEY.
func fields(c *Config) map[string]any {
	out := map[string]any{}
	walk(out, "", reflect.ValueOf(c).Elem())
	user := defaultUser()
	if len(c.Users) > 0 {
		user = c.Users[0]
	}
	walk(out, "user", reflect.ValueOf(user))
	return out
}

func walk(out map[string]any, path string, v reflect.Value) {
	for key, i := range tomlFields(v.Type()) {
		f := v.Field(i)
		switch at := join(path, key); {
		case f.Kind() == reflect.Struct:
			walk(out, at, f)
		case f.Type() == reflect.TypeFor[[]User](), f.Type() == reflect.TypeFor[[]Certificate]():
		default:
			out[at] = f.Interface()
		}
	}
}

// same compares values as the file shows them: nil and empty lists are one.
func same(a, b any) bool { return fmt.Sprintf("%q", a) == fmt.Sprintf("%q", b) }
