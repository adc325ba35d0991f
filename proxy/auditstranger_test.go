package proxy

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"redisgate/audit"
)

// TestStrangersCannotFillTheQueue with names of keys or of users: a queue of the default
// length has room for all that these send, be the writer as slow as it may.
func TestStrangersCannotFillTheQueue(t *testing.T) {
	in, out := io.Pipe() // of which nobody reads until the end
	a := newTrail(t, audit.Options{Stdout: out, Events: usualEvents, Keys: audit.KeysPlain, Queue: 4096})
	w := newWorld(t)
	w.audited(a)
	keys, names := []string{"MGET"}, []string{"ACL", "DELUSER"}
	for i := range 9 { // 10 arguments are the most that a stranger may send
		keys = append(keys, strings.Repeat(fmt.Sprint(i), 600))
	}
	for i := range 8 {
		names = append(names, strings.Repeat(fmt.Sprint(i), 120))
	}
	for _, words := range [][]string{keys, keys, names, names, {"CONFIG", "SET", "dir", "/tmp"}} {
		p := w.connect()
		for range 800 {
			p.unsent = append(p.unsent, request(words...)...)
		}
	}
	w.settle()
	if n := a.Dropped()[audit.Denied]; n > 0 {
		t.Errorf("%d refusals found no room; want none", n)
	}
	done := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(in)
		done <- all
	}()
	a.Close(20 * time.Second)
	out.Close()
	lines := <-done
	for _, want := range []string{`"command":"mget","database":0,"verdict"`, `"command":"acl|deluser","database":0,"verdict"`, `"arguments":["dir","(redacted)"]`} {
		if !bytes.Contains(lines, []byte(want)) {
			t.Errorf("the lines are %.2000s; want %s among them", lines, want)
		}
	}
}
