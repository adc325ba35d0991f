package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// generous is how long tests wait for what must happen.
const generous = 20 * time.Second

func options(t testing.TB, path string) Options {
	return Options{Path: path, Events: 1<<Classes - 1, Keys: KeysPlain, Queue: 1000, Keep: 3, Log: slog.New(slog.NewTextHandler(testLog{t}, nil))}
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Logf("%s", p)
	return len(p), nil
}

func start(t testing.TB, o Options) (*Trail, *Recorder) {
	t.Helper()
	trail, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trail.Close(generous) })
	return trail, trail.Recorder()
}

// admin is an event that is never grouped.
func admin(n int) *Event {
	return &Event{Class: Admin, Client: uint64(n), Command: "flushall", Verdict: "allowed", Duration: -1}
}

type line map[string]any

func lines(t testing.TB, path string) []line {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return parse(t, text)
}

func parse(t testing.TB, text []byte) []line {
	t.Helper()
	var out []line
	for l := range bytes.Lines(text) {
		if !bytes.HasSuffix(l, []byte("\n")) {
			break
		}
		var v line
		if err := json.Unmarshal(l, &v); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		out = append(out, v)
	}
	return out
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(generous); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, generous)
		}
	}
}

func clients(ls []line) []int {
	var out []int
	for _, l := range ls {
		n, _ := l["client"].(float64)
		out = append(out, int(n))
	}
	return out
}

func upTo(n int) []int {
	var out []int
	for i := range n {
		out = append(out, i+1)
	}
	return out
}

func TestEventsOfOneRecorderAreWrittenInTheirOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	trail, r := start(t, options(t, path))
	for i := range 500 {
		if !r.Record(admin(i + 1)) {
			t.Fatalf("event %d found no room", i+1)
		}
	}
	trail.Close(generous)
	if got := clients(lines(t, path)); !slices.Equal(got, upTo(500)) {
		t.Errorf("%v were written; want 1 to 500", got)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestAFileForEverybodyIsClosedToThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	for had, want := range map[os.FileMode]os.FileMode{0o666: 0o660, 0o640: 0o640, 0o644: 0o640, 0o600: 0o600} {
		if err := os.WriteFile(path, nil, had); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, had); err != nil {
			t.Fatal(err)
		}
		f, err := openFile(path, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("a file of mode %v has %v, %v; want %v", had, info.Mode(), err, want)
		}
	}
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, "/dev/null", filepath.Join(dir, "none", "audit.log")} {
		if trail, err := New(options(t, path)); err == nil {
			trail.Close(0)
			t.Errorf("New() with the path %s = nil; want an error", path)
		}
	}
}

func TestALargeFileIsPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	f, err := openFile(path, 100, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range 5 {
		text := fmt.Sprintf("%d%s\n", i, strings.Repeat("-", 58))
		if n, err := f.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("Write() = %d, %v", n, err)
		}
	}
	for name, want := range map[string]string{path: "4", path + ".1": "3", path + ".2": "2"} {
		text, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(text), want) || len(text) != 60 {
			t.Errorf("%s has %q, %v; want the line %s", name, text, err, want)
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v; want 0600", name, info.Mode(), err)
		}
	}
	if _, err := os.Stat(path + ".3"); !os.IsNotExist(err) {
		t.Errorf("more files are kept than should be: %v", err)
	}
}

func TestAFileThatCannotBePutAsideIsWrittenOn(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	// A directory that is not empty cannot be replaced by a file, be one root or not.
	if err := os.MkdirAll(filepath.Join(path+".1", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := openFile(path, 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := []byte(strings.Repeat("-", 79) + "\n")
	f.Write(text)
	if n, err := f.Write(text); n != len(text) || err == nil {
		t.Errorf("Write() = %d, %v; want all, and an error", n, err)
	}
	if n, err := f.Write(text); n != len(text) || err != nil {
		t.Errorf("Write() = %d, %v; want that it is not tried again at once", n, err)
	}
	if got, err := os.ReadFile(path); err != nil || len(got) != 3*len(text) {
		t.Errorf("%d bytes were written, %v; want %d", len(got), err, 3*len(text))
	}
}

func TestAFileThatWasMovedIsWrittenOnUntilItIsOpenedAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	trail, r := start(t, options(t, path))
	r.Record(admin(1))
	eventually(t, "the first line", func() bool { return len(lines(t, path)) == 1 })
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	r.Record(admin(2))
	eventually(t, "the second line", func() bool { return len(lines(t, path+".old")) == 2 })
	trail.Reopen()
	eventually(t, "the new file", func() bool { _, err := os.Stat(path); return err == nil })
	r.Record(admin(3))
	eventually(t, "the third line", func() bool { return slices.Equal(clients(lines(t, path)), []int{3}) })
}

// TestHalfALineIsEndedWhereItBegan is for a disk that was full in the middle of one.
func TestHalfALineIsEndedWhereItBegan(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	f, err := openFile(path, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Write([]byte("one"))
	if err := f.Reopen(); err != nil || !f.half {
		t.Errorf("the same file opened anew: %v, half a line %v; want that it goes on", err, f.half)
	}
	f.Write([]byte("two\n")) // and is not put aside before that
	if text, err := os.ReadFile(path); err != nil || string(text) != "onetwo\n" {
		t.Errorf("the file has %q, %v; want the whole line", text, err)
	}
	f.Write([]byte("three"))
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := f.Reopen(); err != nil || f.half {
		t.Errorf("another file: %v, half a line %v; want that it begins anew", err, f.half)
	}
}

func TestAFileThatWasRemovedIsMadeAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	_, r := start(t, options(t, path))
	r.Record(admin(1))
	eventually(t, "the first line", func() bool { return len(lines(t, path)) == 1 })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	r.Record(admin(2))
	eventually(t, "the second line", func() bool { return slices.Equal(clients(lines(t, path)), []int{2}) })
}

// TestNothingIsLostWhileTheFileCannotBe has the directory gone for a while.
func TestNothingIsLostWhileTheFileCannotBe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "audit.log")
	var log bytes.Buffer
	o := options(t, path)
	o.Log = slog.New(slog.NewTextHandler(&locked{w: &log}, nil))
	trail, r := start(t, o)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		r.Record(admin(i + 1))
		time.Sleep(time.Millisecond)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all lines", func() bool { return slices.Equal(clients(lines(t, path)), upTo(100)) })
	if trail.Dropped() != [Classes]uint64{} {
		t.Errorf("Dropped() = %v; want nothing", trail.Dropped())
	}
	trail.Close(generous)
	if n := strings.Count(log.String(), "cannot be written"); n != 1 || !strings.Contains(log.String(), "written again") {
		t.Errorf("the log says %d times that the audit log cannot be written; want once, and that it is again:\n%s", n, log.String())
	}
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func waitingEvents(r *Recorder) int {
	n := 0
	for i := range r.queues {
		r.queues[i].mu.Lock()
		n += len(r.queues[i].events)
		r.queues[i].mu.Unlock()
	}
	return n
}

// held is how many events of a class wait, and how many bytes of text.
func held(r *Recorder, class uint8) (events, text int) {
	q := &r.queues[class]
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.events), len(q.text)
}

// stuck is a trail whose writer hangs in a write to a pipe that nobody reads.
func stuck(t *testing.T, o Options) (trail *Trail, r *Recorder, read func() []byte) {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	o.Path, o.Stdout = Stdout, out
	if trail, err = New(o); err != nil {
		t.Fatal(err)
	}
	r = trail.Recorder()
	fill := &Event{Class: Config, Verdict: "reloaded", Reason: strings.Repeat("-", 1000), Duration: -1}
	eventually(t, "a writer that is stuck", func() bool {
		for r.Record(fill) { // a pipe holds 64 KB
		}
		for range 3 {
			if time.Sleep(3 * gather); r.Record(fill) {
				return false
			}
		}
		return true
	})
	done := make(chan []byte)
	read = func() []byte {
		go func() {
			all, _ := io.ReadAll(in)
			done <- all
		}()
		trail.Close(generous)
		out.Close()
		return <-done
	}
	return trail, r, read
}

// TestFullQueuesOfOneClassLeaveRoomForOthers floods with refusals.
func TestFullQueuesOfOneClassLeaveRoomForOthers(t *testing.T) {
	trail, r, read := stuck(t, options(t, ""))
	before := trail.Dropped()
	for i := range 100_000 {
		r.Record(&Event{Class: Denied, Command: "get", Reason: fmt.Sprint(i), Verdict: "denied", Duration: -1})
	}
	if !r.Record(admin(7)) {
		t.Error("an administrator's event found no room")
	}
	after := trail.Dropped()
	if after[Denied] < 90_000 || after[Admin] != before[Admin] {
		t.Errorf("Dropped() = %v, before %v; want most refusals, and nothing of administrators", after, before)
	}
	if n, _ := held(r, Denied); n > 1000 {
		t.Errorf("%d events wait; want at most 1000", n)
	}
	admins := 0
	for _, l := range parse(t, read()) {
		if l["event"] == "admin" {
			admins++
		}
	}
	if admins != 1 {
		t.Errorf("%d events of administrators were written; want 1", admins)
	}
}

func TestReservedRoomIsThere(t *testing.T) {
	o := options(t, "")
	o.Refuse, o.Queue = true, 50
	trail, r, read := stuck(t, o)
	held := 0
	for {
		is, ok := r.Reserve(Admin, 10)
		if is != ok {
			t.Fatalf("Reserve() = %v, %v; want the same twice", is, ok)
		}
		if !ok {
			break
		}
		held++
	}
	if held != 50 {
		t.Errorf("%d events have room; want 50", held)
	}
	if r.Record(admin(1)) {
		t.Error("an event without a reservation has taken the room of another")
	}
	for i := range held {
		e := admin(i + 1)
		e.Held, e.Packed = true, r.Pack(nil, "get", nil, [][]byte{[]byte("12")}, 0)
		if len(e.Packed) > 20 {
			t.Fatalf("%d bytes", len(e.Packed))
		}
		e.Packed = append(e.Packed[:0], endOfArguments, endOfKeys, 0, 0, 0, 0, 0, 0, 0, 0)
		if !r.Record(e) {
			t.Errorf("event %d had no room, which was reserved", i+1)
		}
	}
	if _, ok := r.Reserve(Admin, 10); ok {
		t.Error("there is room in a full queue")
	}
	if n := trail.Dropped()[Admin]; n != 3 {
		t.Errorf("%d events are counted as dropped; want 3", n)
	}
	read()
	if held, ok := r.Reserve(Admin, 10); !held || !ok {
		t.Errorf("Reserve() = %v, %v when the queue is empty; want room", held, ok)
	}
	r.Release(Admin, 10)
	if q := &r.queues[Admin]; q.held != 0 || q.hold != 0 {
		t.Errorf("%d events and %d bytes stay reserved", q.held, q.hold)
	}
}

func TestLongTextsFillAQueueToo(t *testing.T) {
	o := options(t, "")
	o.Queue = 100
	_, r, read := stuck(t, o)
	defer read()
	key := bytes.Repeat([]byte("k"), maxKey)
	packed := r.Pack(nil, "get", nil, [][]byte{key, key, key, key, key, key}, 0)
	n := 0
	for r.Record(&Event{Class: Command, Packed: packed, Duration: -1}) {
		n++
	}
	if _, got := held(r, Command); got > 100*queueText || n >= 100 {
		t.Errorf("%d events wait, with %d bytes of text; want at most %d bytes", n, got, 100*queueText)
	}
}

func TestCloseDoesNotWaitForAWriterThatIsStuck(t *testing.T) {
	trail, _, read := stuck(t, options(t, ""))
	trail.Close(10 * time.Millisecond)
	read()
}

func TestReconfigureGivesUpIfTheWriterIsStuck(t *testing.T) {
	trail, r, read := stuck(t, options(t, ""))
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := trail.Reconfigure(options(t, path)); err == nil {
		t.Error("Reconfigure() = nil; want an error")
	}
	r.Record(admin(1))
	if text := read(); !bytes.Contains(text, []byte(`"client":1,`)) {
		t.Error("the old log is not written on")
	}
	if text, err := os.ReadFile(path); err != nil || len(text) > 0 {
		t.Errorf("the new log has %q, %v; want nothing", text, err)
	}
}

func TestReconfigureIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	trail, r := start(t, options(t, first))
	r.Record(admin(1))
	bad := options(t, filepath.Join(dir, "none", "audit.log"))
	bad.Events = 0
	if err := trail.Reconfigure(bad); err == nil {
		t.Error("Reconfigure() with a path that cannot be = nil; want an error")
	}
	if trail.Wants() != 1<<Classes-1 {
		t.Errorf("Wants() = %b; want what it was", trail.Wants())
	}
	r.Record(admin(2))
	eventually(t, "both lines", func() bool { return len(lines(t, first)) == 2 })
	o := options(t, second)
	o.Events = 1 << Admin
	if err := trail.Reconfigure(o); err != nil || trail.Wants() != 1<<Admin {
		t.Errorf("Reconfigure() = %v, Wants() = %b; want what was asked for", err, trail.Wants())
	}
	r.Record(admin(3))
	eventually(t, "the line in the new log", func() bool { return slices.Equal(clients(lines(t, second)), []int{3}) })
	if err := trail.Reconfigure(options(t, "")); err != nil || trail.Wants() != 0 {
		t.Errorf("Reconfigure() to nothing = %v, Wants() = %b; want nothing", err, trail.Wants())
	}
	if got := clients(lines(t, first)); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("the old log has %v; want 1 and 2", got)
	}
}

func TestRepeatsAreOneLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	trail, r := start(t, options(t, path))
	now := time.Now().UnixNano()
	for i := range 100 {
		for host := range 2 {
			r.Record(&Event{
				Class: Denied, Time: now + int64(i), Client: uint64(i + 1), Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(host)}), uint16(1000+i)), User: "app", Command: "get", Verdict: "denied",
				Reason: "key", Packed: r.Pack(nil, "get", nil, [][]byte{[]byte("k")}, 0), Duration: -1,
			})
		}
		r.Record(&Event{Class: Auth, Time: now + int64(i), User: "app", Verdict: "ok", Duration: -1})
	}
	trail.Close(generous)
	want := []string{
		"denied 10.0.0.0:1000 1 [k] <nil>", "denied 10.0.0.1:1000 1 [k] <nil>",
		"denied 10.0.0.0 <nil> <nil> 99", "denied 10.0.0.1 <nil> <nil> 99",
	}
	var got []string
	oks := 0
	for _, l := range lines(t, path) {
		if l["event"] == "auth" {
			oks++
			continue
		}
		got = append(got, fmt.Sprint(l["event"], " ", l["address"], " ", l["client"], " ", l["keys"], " ", l["repeats"]))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || oks != 100 {
		t.Errorf("the lines are %q and %d log-ins; want %q and 100", got, oks, want)
	}
}

func TestRepeatsAreToldWhenTheirSecondIsOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	_, r := start(t, options(t, path))
	for range 5 {
		r.Record(&Event{Class: Auth, User: Unknown, Verdict: "failed", Duration: -1})
	}
	eventually(t, "a line of repeats", func() bool {
		ls := lines(t, path)
		return len(ls) == 2 && ls[0]["repeats"] == nil && ls[1]["repeats"] == 4.0
	})
}

func TestSyslogTakesEachLineAsAMessage(t *testing.T) {
	dir, err := os.MkdirTemp("", "rgaudit") // t.TempDir can be longer than a socket's path may be
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "log")
	ln, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, r := start(t, options(t, "syslog://"+socket))
	for i := range 3 {
		r.Record(admin(i + 1))
	}
	ln.SetReadDeadline(time.Now().Add(generous))
	buf := make([]byte, 1<<16)
	for i := range 3 {
		n, err := ln.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		const authprivNotice = "<85>"
		head, body, _ := strings.Cut(string(buf[:n]), ": ")
		if !strings.HasPrefix(head, authprivNotice) || !strings.Contains(head, "redisgate[") {
			t.Errorf("message %q; want facility authpriv, level notice and the tag redisgate", buf[:n])
		}
		if l := parse(t, []byte(body)); len(l) != 1 || l[0]["client"] != float64(i+1) {
			t.Errorf("message %d has the body %q", i+1, body)
		}
	}
	// The system's log starts anew.
	ln.Close()
	r.Record(admin(4))
	time.Sleep(3 * gather)
	os.Remove(socket)
	if ln, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ln.SetReadDeadline(time.Now().Add(generous))
	if n, err := ln.Read(buf); err != nil || !bytes.Contains(buf[:n], []byte(`"client":4,`)) {
		t.Errorf("after the end of the system's log comes %q, %v; want what waited", buf[:n], err)
	}
}

func TestRulesAreLookedUpOnceForEachCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	trail, r := start(t, options(t, path))
	g := &grounds{}
	for i := range 10 {
		e := admin(i + 1)
		e.Grounds, e.Selector = g, i%2
		r.Record(e)
	}
	trail.Close(generous)
	for i, l := range lines(t, path) {
		if want := fmt.Sprint("+flushall of ", i%2); l["rule"] != want {
			t.Errorf("line %d has the rule %v; want %s", i, l["rule"], want)
		}
	}
	if g.asked != 2 {
		t.Errorf("the rule was looked up %d times; want 2", g.asked)
	}
}

type grounds struct{ asked int }

func (g *grounds) RuleFor(command string, selector int) string {
	g.asked++
	return fmt.Sprint("+", command, " of ", selector)
}

func TestRecordingAllocatesNothingOnceTheQueuesHaveGrown(t *testing.T) {
	o := options(t, Stdout)
	o.Stdout, o.Queue = io.Discard, 100_000
	_, r := start(t, o)
	e := Event{Class: Command, Command: "get", User: "app", Verdict: "allowed"}
	key := [][]byte{[]byte("app:1")}
	var packed []byte
	record := func() {
		packed = r.Pack(packed[:0], "get", nil, key, 0)
		e.Packed = packed
		if _, ok := r.Reserve(Command, len(packed)); !ok || !r.Record(&e) {
			t.Fatal("there is no room")
		}
	}
	for range 3 { // both halves of the queue
		for range 30_000 {
			record()
		}
		eventually(t, "an empty queue", func() bool { return waitingEvents(r) == 0 })
	}
	// AllocsPerRun counts for the whole process, so the writer must not run: it may allocate.
	r.trail.signalled.Store(true)
	if n := testing.AllocsPerRun(1000, record); n != 0 {
		t.Errorf("recording an event allocates %v times; want 0", n)
	}
	r.trail.signalled.Store(false)
}

// TestTheWriterHastensWhenHalfTheRoomIsTaken of events, or of their texts.
func TestTheWriterHastensWhenHalfTheRoomIsTaken(t *testing.T) {
	o := options(t, "")
	o.Queue = 100
	trail, r, read := stuck(t, o)
	defer read()
	key := bytes.Repeat([]byte("k"), maxKey)
	for class, packed := range map[uint8][]byte{
		Admin:  nil,
		Denied: r.Pack(nil, "mget", nil, [][]byte{key, key, key, key, key, key, key, key}, 0),
	} {
		select {
		case <-trail.hurry:
		default:
		}
		for i := 1; ; i++ {
			events, text := held(r, class)
			if half := events >= 50 || text >= 100*queueText/2; half != (len(trail.hurry) > 0) {
				t.Errorf("with %d events and %d bytes of text the writer hastens: %v; want %v", events, text, len(trail.hurry) > 0, half)
			} else if half {
				break
			}
			if !r.Record(&Event{Class: class, Command: "mget", Reason: fmt.Sprint(i), Verdict: "denied", Packed: packed, Duration: -1}) {
				t.Fatalf("event %d found no room", i)
			}
		}
	}
}
