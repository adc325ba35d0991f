package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
)

// self is how to call this program again in a line to paste into a shell in the
// same directory.
func self() string {
	executable, _ := os.Executable()
	info, _ := debug.ReadBuildInfo()
	return callAgain(os.Args[0], executable, info)
}

// callAgain is self for a program that was called so and lies there.
func callAgain(called, executable string, info *debug.BuildInfo) string {
	dir, _ := filepath.Split(executable)
	if filepath.Base(dir) == "exe" && strings.Contains(dir, "go-build") && info != nil && info.Path != "" {
		return "go run " + info.Path // go removes what it has built when it ends
	}
	if found, err := exec.LookPath(called); err == nil && sameFile(found, executable) {
		return quote(called) // by its name in PATH, or by a path that is good here
	}
	if executable == "" {
		return "redisgate"
	}
	return quote(executable)
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// quote makes s one word of a POSIX shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._-+:=@%,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
