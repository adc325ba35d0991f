package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"redisgate/config"
)

// A change is told once, and not at all if redisgate has read or written the file itself.
func TestSourcesTellWhatNobodyHasRead(t *testing.T) {
	dir := t.TempDir()
	path, acl := filepath.Join(dir, "redisgate.toml"), filepath.Join(dir, "users.acl")
	text := func(name, s string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parse := func(s string) *config.Config {
		t.Helper()
		text(path, s)
		c, _ := config.Parse(path, []byte(s)) // nothing but its files matters
		return c
	}
	text(acl, "user app on\n")
	told := 0
	var s sources
	s.init(parse("[acl]\nfile = \"users.acl\"\n"), nil, func() { told++ })
	look := func(when string, want int) {
		t.Helper()
		s.look(time.Now())
		s.look(time.Now())
		if told != want {
			t.Errorf("%s it was told %d times; want %d", when, told, want)
		}
		told = 0
	}
	look("at first", 0)
	text(acl, "user app off\n")
	look("when the file has changed", 1)
	text(acl, "user app on\n")
	s.read(acl)
	look("when redisgate has changed it", 0)

	// A configuration that fails names another file, which is looked at until one succeeds.
	next := parse("[network]\ndeny_file = \"deny.txt\"\n")
	s.read(path)
	s.note(next)
	s.done(nil)
	look("when another one was tried", 0)
	text(filepath.Join(dir, "deny.txt"), "10.0.0.0/8\n")
	look("when what it lacks is there", 1)
	text(acl, "user app off\n")
	look("when a file of the old one has changed", 1)
	s.read(path)
	s.note(next)
	s.done(next)
	text(acl, "user app on\n")
	look("when a file that is nobody's any more has changed", 0)
	text(filepath.Join(dir, "deny.txt"), "10.0.0.1\n")
	look("when a file of the new one has changed", 1)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	look("when the configuration is gone", 1)
}
