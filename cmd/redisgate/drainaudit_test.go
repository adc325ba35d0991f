package main

import (
	"os"
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
