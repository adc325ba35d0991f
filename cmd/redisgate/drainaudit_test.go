package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// auditedBy is a redisgate with an audit log of these events.
func auditedBy(t *testing.T, events string) *reloadable {
	t.Helper()
	return newReloadable(t, "[audit]\npath = \"audit.log\"\nevents = ["+events+"]\nkeys = \"plain\"\n"+powerful)
}

// term sends SIGTERM, of which the log says text.
func (r *reloadable) term(text string) {
	r.t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	r.waitFor(r.t, r.stderr, text)
}

// SIGHUP opens the audit log anew while clients drain, too: that may be long.
func TestTheAuditLogIsOpenedAnewWhileClientsDrain(t *testing.T) {
	r := auditedBy(t, `"command"`)
	c := r.dial("app")
	c.do("+OK", "MULTI")
	r.term("draining; a second")
	if err := os.Rename(r.path("audit.log"), r.path("moved.log")); err != nil {
		t.Fatal(err)
	}
	r.hup()
	r.waitFor(t, r.stderr, "not read again while clients drain")
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(r.path("audit.log")); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the audit log is not opened anew")
		}
	}
	c.do("+QUEUED", "SET later x")
	r.audited("audit.log", map[string]any{"command": "set"})
	c.do("+OK", "DISCARD")
	if code := r.stop(); code != 0 {
		t.Errorf("serve ended with %d; want 0", code)
	}
}

// What waits when a second SIGTERM ends all at once is in the audit log.
func TestWhatEndsAtOnceIsAudited(t *testing.T) {
	r := auditedBy(t, `"command", "connection"`)
	const each = 3
	for range each {
		r.dial("app").send("BLPOP nothing 0")
		c := r.dial("app")
		c.do("*3", "SUBSCRIBE c")
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, page := fetch(t, "http://"+r.metrics+"/metrics")
		if strings.Contains(page, fmt.Sprintf("\nredisgate_commands_total{command=\"blpop\",verdict=\"allowed\"} %d\n", each)) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("not all BLPOP have come:\n%s", page)
		}
	}
	r.term("draining; a second")
	r.term("ending at once")
	r.waitFor(t, r.stderr, "msg=stopped")
	if code := r.stop(); code != 0 {
		t.Errorf("serve ended with %d; want 0", code)
	}
	text, err := os.ReadFile(r.path("audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for line := range strings.Lines(string(text)) {
		for _, what := range []string{`"command":"blpop"`, `"command":"subscribe"`, `"verdict":"opened"`, `"verdict":"closed"`} {
			if strings.Contains(line, what) {
				got[what]++
			}
		}
	}
	want := map[string]int{`"command":"blpop"`: each, `"command":"subscribe"`: each, `"verdict":"opened"`: 2 * each, `"verdict":"closed"`: 2 * each}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the audit log has %v; want %v:\n%s", got, want, text)
	}
}

// send sends a command whose reply nobody waits for.
func (l *lines) send(command string) {
	l.t.Helper()
	if _, err := fmt.Fprintf(l.nc, "%s\r\n", command); err != nil {
		l.t.Fatal(err)
	}
}
