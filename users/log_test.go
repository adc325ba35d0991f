package users

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"redisgate/policy"
)

// watch is a clock that is set by hand.
type watch struct{ time time.Time }

func (w *watch) now() time.Time       { return w.time }
func (w *watch) pass(d time.Duration) { w.time = w.time.Add(d) }
func newWatch() *watch                { return &watch{time.UnixMilli(1_700_000_000_123)} }
func event(reason, object string) Event {
	return Event{reason, LogTopLevel, []byte(object), []byte("app"), "id=1"}
}
func objects(l *Log, n int) (out string) { return strings.Join(objectsOf(l.Entries(n)), " ") }

func objectsOf(entries []Entry) (out []string) {
	for _, e := range entries {
		out = append(out, fmt.Sprintf("%s*%d", e.Object, e.Count))
	}
	return out
}

func TestLogGroupsWhatIsAlike(t *testing.T) {
	w := newWatch()
	l := NewLog(w.now)
	start := w.time
	l.Add(event(LogCommand, "get"))
	w.pass(10 * time.Second)
	l.Add(event(LogKey, "k"))
	w.pass(50 * time.Second)
	l.Add(Event{LogCommand, LogTopLevel, []byte("get"), []byte("app"), "id=2"}) // 60 s after the first
	w.pass(1500 * time.Millisecond)
	got := l.Entries(10)
	want := []Entry{
		{0, 2, LogCommand, LogTopLevel, "get", "app", "id=2", start, start.Add(time.Minute), 1500 * time.Millisecond},
		{1, 1, LogKey, LogTopLevel, "k", "app", "id=1", start.Add(10 * time.Second), start.Add(10 * time.Second), 51500 * time.Millisecond},
	}
	if !slices.Equal(got, want) {
		t.Errorf("Entries(10) = %+v; want %+v", got, want)
	}

	// Each of the four must be alike, and the time since the last event, not since the first, counts.
	for i, e := range []Event{
		{LogAuth, LogTopLevel, []byte("get"), []byte("app"), ""},
		{LogCommand, LogMulti, []byte("get"), []byte("app"), ""},
		{LogCommand, LogTopLevel, []byte("GET"), []byte("app"), ""},
		{LogCommand, LogTopLevel, []byte("get"), []byte("App"), ""},
	} {
		l.Add(e)
		if n := len(l.Entries(100)); n != 3+i {
			t.Errorf("%d entries after %+v; want %d", n, e, 3+i)
		}
	}
	w.pass(58500 * time.Millisecond) // 60 s after the last event of that kind
	l.Add(event(LogCommand, "get"))
	if e := l.Entries(1)[0]; e.ID != 0 || e.Count != 3 {
		t.Errorf("first entry = %+v; want number 0 with 3 events", e)
	}
	w.pass(60001 * time.Millisecond)
	l.Add(event(LogCommand, "get"))
	if e := l.Entries(1)[0]; e.ID != 6 || e.Count != 1 {
		t.Errorf("first entry = %+v; want a new one with number 6", e)
	}
	w.pass(-30 * time.Second) // a clock that was set back
	l.Add(event(LogCommand, "get"))
	if e := l.Entries(1)[0]; e.ID != 6 || e.Count != 2 {
		t.Errorf("first entry = %+v; want number 6 with 2 events", e)
	}
}

func TestLogLooksAtTenEntriesOnly(t *testing.T) {
	l := NewLog(newWatch().now)
	for i := range 11 {
		l.Add(event(LogKey, fmt.Sprint(i)))
	}
	l.Add(event(LogKey, "1")) // the tenth from the front
	if got, want := objects(l, 3), "1*2 10*1 9*1"; got != want {
		t.Errorf("Entries(3) = %s; want %s", got, want)
	}
	l.Add(event(LogKey, "0")) // now the eleventh
	if got, want := objects(l, 128), "0*1 1*2 10*1 9*1 8*1 7*1 6*1 5*1 4*1 3*1 2*1 0*1"; got != want {
		t.Errorf("Entries(128) = %s; want %s", got, want)
	}
}

func TestLogIsBounded(t *testing.T) {
	l := NewLog(newWatch().now)
	long := bytes.Repeat([]byte("x\x00\xff\r\n"), 1000)
	for i := range 300 {
		l.Add(Event{LogAuth, LogTopLevel, []byte("AUTH"), append([]byte(fmt.Sprintf("%03d", i)), long...), string(long)})
	}
	all := l.Entries(1 << 30)
	if len(all) != 128 || all[0].ID != 299 || all[127].ID != 172 {
		t.Fatalf("%d entries; want numbers 299 to 172", len(all))
	}
	if e := all[0]; e.Username != "299"+string(long[:1021]) || e.ClientInfo != string(long[:1024]) {
		t.Errorf("name of %d bytes, info of %d; want the first 1024 as they came", len(e.Username), len(e.ClientInfo))
	}
	l.Add(Event{LogAuth, LogTopLevel, []byte("AUTH"), append([]byte("299"), append(long, "tail"...)...), ""})
	if e := l.Entries(1)[0]; e.ID != 299 || e.Count != 2 {
		t.Errorf("a name that differs behind its 1024th byte = %+v; want it counted with the other", e)
	}
}

func TestLogKeepsNothingOfAnEvent(t *testing.T) {
	l := NewLog(nil)
	object, name := []byte("k"), []byte("app")
	l.Add(Event{LogKey, LogTopLevel, object, name, ""})
	object[0], name[0] = 'X', 'X'
	got := l.Entries(1)
	if got[0].Object != "k" || got[0].Username != "app" {
		t.Errorf("Entries(1) = %+v; want what Add was given", got)
	}
	got[0].Count = 99
	if e := l.Entries(1)[0]; e.Count != 1 {
		t.Errorf("count = %d after the caller changed its copy; want 1", e.Count)
	}
}

func TestLogReset(t *testing.T) {
	l := NewLog(nil)
	if got := l.Entries(10); len(got) != 0 {
		t.Errorf("Entries of a new log = %v", got)
	}
	l.Add(event(LogKey, "a"))
	for n, want := range map[int]int{-1: 0, 0: 0, 1: 1, 1000: 1} {
		if got := l.Entries(n); len(got) != want {
			t.Errorf("Entries(%d) has %d; want %d", n, len(got), want)
		}
	}
	l.Reset()
	if got := l.Entries(10); len(got) != 0 {
		t.Errorf("Entries after Reset = %v", got)
	}
	l.Add(event(LogKey, "a"))
	if e := l.Entries(1)[0]; e.ID != 1 {
		t.Errorf("number after Reset = %d; want 1", e.ID)
	}
}

func TestLogOfManyGoroutines(t *testing.T) {
	l := NewLog(newWatch().now)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				l.Add(event(LogKey, fmt.Sprint(i%5)))
				l.Entries(10)
			}
		})
	}
	wg.Wait()
	total := int64(0)
	for _, e := range l.Entries(128) {
		total += e.Count
	}
	if n := len(l.Entries(128)); n != 5 || total != 1600 {
		t.Errorf("%d entries with %d events; want 5 with 1600", n, total)
	}
}

func TestLogReason(t *testing.T) {
	for r, want := range map[policy.Reason]string{
		policy.ReasonAllowed: "", policy.ReasonSyntax: "", policy.ReasonSortBy: "", policy.ReasonUnauthenticated: "",
		policy.ReasonCommand: "command", policy.ReasonReserved: "command", policy.ReasonKeyless: "command", policy.ReasonScript: "command",
		policy.ReasonUnknown: "command", policy.ReasonKey: "key", policy.ReasonChannel: "channel", policy.ReasonDatabase: "database",
	} {
		if got := LogReason(r); got != want {
			t.Errorf("LogReason(%v) = %q; want %q", r, got, want)
		}
	}
}
