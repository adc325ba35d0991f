package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"redisgate/internal/redistest"
)

// TestInitAsksForThePasswordOfRedis on a terminal, once, and does not show it.
func TestInitAsksForThePasswordOfRedis(t *testing.T) {
	s := redistest.Start(t, redistest.Options{Password: "pw"})
	s.Do("ACL", "SETUSER", "boss", "on", ">bosspw", "~*", "&*", "+@all")
	for _, tc := range []struct {
		args   []string
		typed  string
		prompt string
		want   string // error, or empty
	}{
		{nil, "pw", `Password of Redis's user "default": `, ""},
		{[]string{"--username", "boss"}, "bosspw", `Password of Redis's user "boss": `, ""},
		{[]string{"--username", "boss"}, "not-this-one", `Password of Redis's user "boss": `, "WRONGPASS"},
		{nil, "", `Password of Redis's user "default": `, "the password is empty"},
	} {
		user, program := pseudoTerminal(t)
		y := &typist{t: t, user: user, program: program, lines: []string{tc.typed}}
		var out bytes.Buffer
		args := append([]string{"init", "--from-redis", "unix://" + s.Socket(), filepath.Join(t.TempDir(), "gate")}, tc.args...)
		code := run(t.Context(), args, program, &out, y)
		y.typing.Wait()
		if (code == 0) != (tc.want == "") || !strings.HasPrefix(y.shown.String(), tc.prompt) || !strings.Contains(y.shown.String(), tc.want) {
			t.Errorf("init %q and typing %q = %d, %q; want %q", tc.args, tc.typed, code, y.shown.String(), tc.want)
		}
		if tc.typed != "" && strings.Contains(y.shown.String()+out.String(), tc.typed+"\n") {
			t.Errorf("init shows %q", tc.typed)
		}
		if !echoes(t, program) {
			t.Error("the terminal shows nothing any more")
		}
	}
}
