package proxy

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"redisgate/audit"
)

// trail and recording join the sessions of tests to a real audit log, as
// cmd/redisgate does.
type trail struct{ *audit.Trail }

func (t trail) Recorder() AuditRecorder { return recording{t.Trail.Recorder()} }

type recording struct{ *audit.Recorder }

func (r recording) Record(e *AuditEvent) bool { return r.Recorder.Record((*audit.Event)(e)) }

func newTrail(t testing.TB, o audit.Options) *audit.Trail {
	t.Helper()
	if o.Path == "" {
		o.Path = audit.Stdout
	}
	if o.Stdout == nil {
		o.Stdout = io.Discard
	}
	o.Log = slog.New(slog.DiscardHandler)
	if o.Queue == 0 {
		o.Queue = 1 << 20
	}
	a, err := audit.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(20 * time.Second) })
	return a
}

// audited has the sessions of a world audited.
func (w *world) audited(a *audit.Trail) {
	w.k.audit = auditing{on: a.Wants(), to: trail{a}.Recorder()}
}

const (
	usualEvents = 1<<audit.Auth | 1<<audit.Denied | 1<<audit.Admin | 1<<audit.Connection
	everyEvent  = 1<<audit.Classes - 1
)

func TestClassesAreThoseOfPackageAudit(t *testing.T) {
	for ours, theirs := range map[uint8]uint8{
		AuditAuth: audit.Auth, AuditDenied: audit.Denied, AuditAdmin: audit.Admin, AuditConfig: audit.Config, AuditConnection: audit.Connection, AuditCommand: audit.Command,
	} {
		if ours != theirs {
			t.Errorf("class %d is %s there", ours, audit.ClassName(theirs))
		}
	}
	if unknownCommand != audit.Unknown || unknownUser != audit.Unknown {
		t.Error("what is unknown has two names")
	}
}

// counting is a recorder that has room for everything and counts what it was promised.
type counting struct {
	t       testing.TB
	refuses bool // hands out reservations
	held    map[uint8]int
}

func (c *counting) Pack(dst []byte, _ string, _, _ [][]byte, _ int) []byte {
	return append(dst, 1, 2, 3)
}

func (c *counting) Reserve(class uint8, _ int) (held, ok bool) {
	if c.refuses {
		if c.held == nil {
			c.held = map[uint8]int{}
		}
		c.held[class]++
	}
	return c.refuses, true
}

func (c *counting) Release(class uint8, _ int) {
	if c.held[class]--; c.held[class] < 0 {
		c.t.Errorf("room for an event of class %d is given back that was not reserved", class)
	}
}

func (c *counting) Record(e *AuditEvent) bool {
	if e.Held {
		c.Release(e.Class, len(e.Packed))
	}
	return true
}

// leftover is how many reservations nobody has used or given back.
func (c *counting) leftover() int {
	n := 0
	for _, held := range c.held {
		n += held
	}
	return n
}

func TestEveryReservationIsUsedOrGivenBack(t *testing.T) {
	c := &counting{t: t, refuses: true}
	w := newWorld(t)
	w.auto = true
	w.k.audit = auditing{on: everyEvent, to: c}
	p := w.connect().login("app")
	for _, r := range []string{
		"GET a", "BLPOP a 0", "CONFIG GET x", "GET", "NONSENSE", "FOREIGN a", "MULTI", "GET a", "SUBSCRIBE c", "EXEC", "MULTI", "FLUSHALL", "DISCARD", "MULTI", "FLUSHALL", "EVAL s notanumber", "EXEC", "WATCH a", "GET a", "EVAL s 0",
		"SELECT 3", "AUTH app wrong", "AUTH few secret", "FLUSHALL", "SET other " + strings.Repeat("v", 3*largeRequest), "AUTH app secret", "SET few " + strings.Repeat("v", 3*largeRequest),
		"CLIENT REPLY SKIP", "GET a", "SUBSCRIBE c", "UNSUBSCRIBE c", "MONITOR", "RESET", "GET a",
	} {
		p.unsent = append(p.unsent, request(strings.Fields(r)...)...)
	}
	w.settle()
	p.s.gone("client")
	if n := c.leftover(); n != 0 {
		t.Errorf("room for %d events stays reserved", n)
	}
}

// play sends requests of one client while Redis answers, and returns the lines of it.
func play(t *testing.T, events uint8, user string, requests ...string) []string {
	t.Helper()
	var out bytes.Buffer
	a := newTrail(t, audit.Options{Stdout: &out, Events: events, Keys: audit.KeysPlain})
	w := newWorld(t)
	w.auto = true
	w.audited(a)
	p := w.connect()
	if user != "" {
		p.login(user)
	}
	for _, r := range requests {
		p.unsent = append(p.unsent, request(strings.Fields(r)...)...)
	}
	w.settle()
	p.s.gone("client")
	a.Close(20 * time.Second)
	var lines []string
	for line := range strings.Lines(out.String()) {
		_, line, _ = strings.Cut(line, `"event":`)
		lines = append(lines, line)
	}
	return lines
}

// TestEachCommandIsOneEvent counts lines of every kind of command.
func TestEachCommandIsOneEvent(t *testing.T) {
	requests := []string{
		"GET a", "SET b 1", "MGET a b c", "PING", "CLIENT ID", "CONFIG GET x", "BLPOP a 0", "SELECT 0", "EVAL s 0", "SCAN 0", "MULTI", "GET a", "PING", "EXEC", "WATCH a", "UNWATCH",
		"NONSENSE", "CLUSTER FAILOVER", "MONITOR x", "GET", "WAIT 0 0", "HELLO 3", "ACL WHOAMI", "CLIENT KILL ID 99", "FLUSHALL", "RESET", "GET a", "QUIT",
	}
	for _, events := range []uint8{everyEvent, 1<<audit.Command | 1<<audit.Denied, 1 << audit.Command} {
		n := 0
		for _, l := range play(t, events, "app", requests...) {
			if strings.Contains(l, `"command":`) {
				n++
			}
		}
		if want := len(requests) + 1; n != want { // the log-in
			t.Errorf("with events %06b, %d commands are %d events; want one each:\n%s", events, want, n, strings.Join(play(t, events, "app", requests...), ""))
		}
	}
	if lines := play(t, usualEvents, "app", "GET a", "PING"); slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, `"command":`) }) {
		t.Errorf("commands are audited that need not be: %q", lines)
	}
	if lines := play(t, 0, "few", "GET a", "FLUSHALL", "GET few"); len(lines) > 0 {
		t.Errorf("with all events off there are lines: %q", lines)
	}
}

// TestALargeRequestIsOneEvent streams a value.
func TestALargeRequestIsOneEvent(t *testing.T) {
	value := strings.Repeat("v", 3*largeRequest)
	for user, want := range map[string]string{"app": `"verdict":"allowed"`, "few": `"verdict":"denied","reason":"key"`} {
		lines := play(t, everyEvent, user, "SET other "+value, "PING")
		n := 0
		for _, l := range lines {
			if strings.Contains(l, `"command":"set"`) {
				n++
				if !strings.Contains(l, want) || !strings.Contains(l, `"keys":["other"]`) {
					t.Errorf("%s's large SET is %s; want %s, with its key", user, l, want)
				}
			}
			if strings.Contains(l, "vvv") {
				t.Errorf("a value is in the audit log: %.300s", l)
			}
		}
		if n != 1 {
			t.Errorf("%s's large SET is %d events; want 1", user, n)
		}
	}
}

// auditRun measures what requests of one session cost, 100 at a time.
func auditRun(t testing.TB, a *audit.Trail, user string, words ...string) func() {
	t.Helper()
	w := newWorld(t)
	if a != nil {
		w.audited(a)
	}
	p := w.connect().login(user)
	run := bytes.Repeat(request(words...), 100)
	return func() {
		w.clock += int64(time.Millisecond)
		p.s.spent = 0
		p.s.Input(run)
		if p.s.waiting() == 0 || p.s.phase != serving {
			t.Fatalf("%q is not answered", words)
		}
		p.s.drained(p.s.waiting())
	}
}

func TestWhatIsNotAuditedAllocatesNothingMore(t *testing.T) {
	for _, tt := range []struct {
		user  string
		words []string
	}{{"app", []string{"CLIENT", "ID"}}, {"app", []string{"PING"}}, {"few", []string{"SET", "other", "v"}}} {
		if tt.words[0] == "PING" {
			continue // goes to Redis
		}
		bare := testing.AllocsPerRun(100, auditRun(t, nil, tt.user, tt.words...))
		off := testing.AllocsPerRun(100, auditRun(t, newTrail(t, audit.Options{}), tt.user, tt.words...))
		if off > bare {
			t.Errorf("100 of %q allocate %v times while nothing is audited; want %v, as without an audit log", tt.words, off, bare)
		}
	}
	bare := testing.AllocsPerRun(100, auditRun(t, nil, "app", "CLIENT", "ID"))
	usual := testing.AllocsPerRun(100, auditRun(t, newTrail(t, audit.Options{Events: usualEvents}), "app", "CLIENT", "ID"))
	if usual > bare {
		t.Errorf("100 commands allocate %v times while refusals are audited; want %v, as without an audit log", usual, bare)
	}
}

// BenchmarkAudit isolates what auditing costs a request on its loop: CLIENT ID, which
// redisgate answers itself, and SET, which is refused. The writer runs beside it, and
// writes to nothing. Each iteration is one request.
func BenchmarkAudit(b *testing.B) {
	for _, c := range []struct {
		name   string
		events uint8
		audits bool
		user   string
		words  []string
	}{
		{"permitted, none", 0, false, "app", []string{"CLIENT", "ID"}},
		{"permitted, off", 0, true, "app", []string{"CLIENT", "ID"}},
		{"permitted, denied", 1 << audit.Denied, true, "app", []string{"CLIENT", "ID"}},
		{"permitted, default", usualEvents, true, "app", []string{"CLIENT", "ID"}},
		{"permitted, command", everyEvent, true, "app", []string{"CLIENT", "ID"}},
		{"refused, none", 0, false, "few", []string{"SET", "other", "v"}},
		{"refused, off", 0, true, "few", []string{"SET", "other", "v"}},
		{"refused, denied", 1 << audit.Denied, true, "few", []string{"SET", "other", "v"}},
		{"refused, command", everyEvent, true, "few", []string{"SET", "other", "v"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var a *audit.Trail
			if c.audits {
				a = newTrail(b, audit.Options{Events: c.events, Keys: audit.KeysHash, Queue: 4096})
			}
			run := auditRun(b, a, c.user, c.words...)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N / 100 {
				run()
			}
			b.StopTimer()
			if a != nil {
				b.ReportMetric(float64(a.Dropped()[audit.Command]+a.Dropped()[audit.Denied])/float64(b.N), "dropped/op")
			}
		})
	}
}

// TestAuditToAFile is the whole of it once, with the file.
func TestAuditToAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	a := newTrail(t, audit.Options{Path: path, Events: everyEvent, Keys: audit.KeysHash, Secret: []byte("0123456789abcdef")})
	w := newWorld(t)
	w.audited(a)
	w.connect().login("app")
	a.Close(20 * time.Second)
	if n := fmt.Sprint(a.Dropped()); n != fmt.Sprint([audit.Classes]uint64{}) {
		t.Errorf("Dropped() = %s; want nothing", n)
	}
}
