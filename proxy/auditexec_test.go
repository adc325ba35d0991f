package proxy

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"redisgate/audit"
)

// TestWhatIsRefusedAtExecLeavesTheEventOfExec, which says that the rest of the queue runs.
func TestWhatIsRefusedAtExecLeavesTheEventOfExec(t *testing.T) {
	moved := map[string]string{"app": "on >secret ~app* &* +@all", "default": "off"}
	for name, tt := range map[string]struct {
		requests []string
		refused  string
		then     map[string]string // rules from before EXEC on
	}{
		"it does not parse":      {[]string{"MULTI", "FLUSHALL", "EVAL s notanumber"}, `"command":"eval"`, nil},
		"the rules have changed": {[]string{"MULTI", "FLUSHALL", "GET other"}, `"command":"get","database":0,"keys":["other"]`, moved},
	} {
		for _, events := range []uint8{everyEvent, usualEvents} {
			var out bytes.Buffer
			a := newTrail(t, audit.Options{Stdout: &out, Events: events, Keys: audit.KeysPlain, Refuse: true})
			w := newWorld(t)
			w.auto = true
			w.audited(a)
			p := w.connect().login("app")
			send := func(requests ...string) {
				for _, r := range requests {
					p.unsent = append(p.unsent, request(strings.Fields(r)...)...)
				}
				w.settle()
			}
			send(tt.requests...)
			if tt.then != nil {
				w.set = buildUsers(t, tt.then, w.set)
			}
			send("EXEC")
			p.s.gone("client")
			a.Close(20 * time.Second)
			var refused, exec []string
			for line := range strings.Lines(out.String()) {
				if strings.Contains(line, tt.refused) && strings.Contains(line, `"event":"denied"`) {
					refused = append(refused, line)
				}
				if strings.Contains(line, `"command":"exec"`) {
					exec = append(exec, line)
				}
			}
			if len(refused) != 1 || len(exec) != 1 || !strings.Contains(exec[0], `"event":"admin"`) || !strings.Contains(exec[0], `"verdict":"allowed"`) || strings.Contains(exec[0], `"keys"`) {
				t.Errorf("%s, events %06b: the refusal is %q, EXEC %q; want one line of each, that of EXEC an administrator's, without keys:\n%s", name, events, refused, exec, out.String())
			}
		}
	}
}
