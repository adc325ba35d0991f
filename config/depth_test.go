package config

import (
	"strings"
	"testing"
)

// The TOML library would overflow the stack, which nothing catches.
func TestDeepTextsAreRefused(t *testing.T) {
	const much = 4 << 20
	for name, text := range map[string]string{
		"lists":                         "# \"\n[listen]\na = " + strings.Repeat("[", much),
		"tables":                        "# '\n[listen]\na = " + strings.Repeat("{a=", much/2),
		"a key":                         "\n\na" + strings.Repeat(".a", much) + " = 1",
		"a name":                        "x = \"\"\"[\n\"\"\"\n[" + strings.Repeat("a.", much) + "a]",
		"lists behind quotes in quotes": "\n\na = ['''x'''', \"\"\"y\"\"\"\"\", " + strings.Repeat("[", much),
		"quotes":                        "x = '''\n'''\na" + strings.Repeat(`."a"`, much) + " = 1",
	} {
		_, err := Parse("deep.toml", []byte(text))
		if err == nil || err.Error() != "deep.toml:3: lists, tables or keys are too deep in each other" {
			t.Errorf("Parse of deep %s = %.200v; want an error that says so of line 3", name, err)
		}
	}
}

func TestBracketsAndDotsInTextsAreNotDeep(t *testing.T) {
	many := strings.Repeat("[{.", 2000)
	text := "# " + many + "\n[[user]]\nname = \"app\" # " + many + "\nacl = \"on +get ~" + many + "\\\"[\"\n" +
		"[[user]]\nname = 'ops'\nacl = '''\n" + many + "\n" + many + "'''\n[[user]]\nname = \"x\"\nacl = \"\"\"\n\\\"\"\"" + many + "\"\"\"\n"
	if line := tooDeep([]byte(text)); line != 0 {
		t.Errorf("tooDeep() = %d; want 0", line)
	}
	if line := tooDeep([]byte(strings.Repeat("[[user]]\nallow = [\"10.0.0.0/8\", 1.5]\n", 2000))); line != 0 {
		t.Errorf("tooDeep() of many users = %d; want 0", line)
	}
}
