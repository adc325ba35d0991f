package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// audited waits until the file has a line with all of these fields.
func (r *reloadable) audited(name string, want map[string]any) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(r.path(name))
		for line := range strings.Lines(string(text)) {
			var got map[string]any
			if !strings.HasSuffix(line, "\n") || json.Unmarshal([]byte(line), &got) != nil {
				continue
			}
			all := true
			for k, v := range want {
				all = all && got[k] == v
			}
			if all {
				return
			}
		}
		if time.Now().After(end) {
			r.t.Fatalf("%s has no line with %v:\n%s", name, want, text)
		}
	}
}

// The audit log changes with the rest or, if anything is wrong, not at all; and its file is
// opened anew on every SIGHUP.
func TestReloadChangesTheAuditLog(t *testing.T) {
	audit := func(path, events string) string {
		return "[audit]\npath = \"" + path + "\"\nevents = [\"config\", " + events + "]\nkeys = \"plain\"\n" + powerful
	}
	r := newReloadable(t, audit("first.log", `"denied"`))
	r.audited("first.log", map[string]any{"event": "config", "verdict": "started", "generation": 1.0})
	c := r.dial("app")
	c.do("-NOPERM", "DEBUG first")
	r.audited("first.log", map[string]any{"event": "denied", "command": "debug"})

	r.configure("", audit("second.log", `"command"`))
	r.hup()
	r.taken()
	r.audited("second.log", map[string]any{"event": "config", "verdict": "reloaded", "generation": 2.0})
	c.do("+OK", "SET second x")
	r.audited("second.log", map[string]any{"event": "command", "command": "set", "user": "app"})

	if err := os.Rename(r.path("second.log"), r.path("moved.log")); err != nil {
		t.Fatal(err)
	}
	r.configure("", audit("nowhere/third.log", `"command"`))
	r.hup()
	r.waitFor(t, r.stderr, "the old one stays in force")
	r.audited("second.log", map[string]any{"event": "config", "verdict": "failed", "generation": 2.0})
	c.do("+OK", "SET third x")
	r.audited("second.log", map[string]any{"event": "command", "command": "set"})

	r.configure("", powerful)
	r.hup()
	r.taken()
	c.do("+OK", "SET fourth x")
	for _, name := range []string{"second.log", "moved.log"} {
		if text, err := os.ReadFile(r.path(name)); err != nil || strings.Contains(string(text), "fourth") {
			t.Errorf("%s = %q, %v; want nothing of what came after the end of the audit log", name, text, err)
		}
	}
}
