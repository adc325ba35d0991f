package audit

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Options says what is audited, and where to. Log is always needed, and Queue if there
// is a Path.
type Options struct {
	// Path is a file, "-" for Stdout, "syslog" for the system's log, or
	// "syslog:///path" for a socket that takes such messages. Empty: nothing is audited.
	Path   string
	Stdout io.Writer // for "-"

	Events uint8 // the set of classes to record
	Keys   Keys
	Secret []byte // of KeysHash; none: one of this process

	MaxSize int64 // bytes after which a file is put aside; 0: none is
	Keep    int   // how many of those there are at most

	Queue  int  // events of one class that may wait, for each recorder
	Refuse bool // what cannot be recorded must not happen; else it is counted as dropped

	Log *slog.Logger
}

// Trail is the audit log of a process.
type Trail struct {
	// Static after construction.
	log      *slog.Logger
	own      []byte // the secret of a process that was given none
	signal   chan struct{}
	hurry    chan struct{}
	commands chan func() // for the writer
	closing  chan struct{}
	done     chan struct{}
	once     sync.Once

	// Shared by all goroutines.
	wants       atomic.Uint32
	most        atomic.Int64
	refuse      atomic.Bool
	withoutKeys atomic.Bool
	signalled   atomic.Bool
	dropped     drops
	mu          sync.Mutex
	recorders   []*Recorder

	w writer // the writer's goroutine's
}

// New opens the audit log and starts the goroutine that writes it, which Close ends.
func New(o Options) (*Trail, error) {
	if o.Log == nil {
		return nil, errors.New("audit: a log is needed")
	}
	t := &Trail{
		log: o.Log, own: make([]byte, 32), signal: make(chan struct{}, 1), hurry: make(chan struct{}, 1), commands: make(chan func(), 16),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	if _, err := rand.Read(t.own); err != nil {
		return nil, err
	}
	to, err := t.open(o)
	if err != nil {
		return nil, err
	}
	t.w = writer{t: t, groups: map[groupKey]*group{}, rules: map[ruleKey]string{}}
	t.use(o, to)
	go t.w.run()
	return t, nil
}

func (t *Trail) open(o Options) (sink, error) {
	switch {
	case o.Path == "":
		return nil, nil
	case o.Queue < 1:
		return nil, errors.New("audit: queues need room for an event at least")
	}
	return openSink(o, t.lose)
}

// use takes the options over; it is called by the writer's goroutine, or before it runs.
func (t *Trail) use(o Options, to sink) {
	secret := o.Secret
	if len(secret) == 0 {
		secret = t.own
	}
	t.w.to, t.w.scribe = to, newScribe(o.Keys, secret)
	t.most.Store(int64(o.Queue))
	t.refuse.Store(o.Refuse)
	t.withoutKeys.Store(o.Keys == KeysNone)
	wants := uint32(o.Events)
	if to == nil {
		wants = 0
	}
	t.wants.Store(wants)
}

// takeOver is how long Reconfigure waits for the writer.
const takeOver = 5 * time.Second

// Reconfigure puts other options in force, all or none. Whoever has asked Wants has to
// ask again.
func (t *Trail) Reconfigure(o Options) error {
	to, err := t.open(o)
	if err != nil {
		return err
	}
	taken := make(chan struct{})
	var state atomic.Int32 // 1: in force, 2: given up
	swap := func() {
		if state.CompareAndSwap(0, 1) {
			old := t.w.to
			t.use(o, to)
			t.w.moved = true
			if old != nil {
				_ = old.Close()
			}
		}
		close(taken)
	}
	give := time.NewTimer(takeOver)
	defer give.Stop()
	select {
	case t.commands <- swap:
		select {
		case <-taken:
			return nil
		case <-t.done:
		case <-give.C:
		}
	case <-t.done:
	case <-give.C:
	}
	if !state.CompareAndSwap(0, 2) {
		return nil // it was about to be
	}
	if to != nil {
		_ = to.Close()
	}
	return errors.New("the audit log is stuck, or has ended; its old settings stay")
}

// Reopen opens a file anew, which somebody may have moved. It does not wait for that.
func (t *Trail) Reopen() {
	reopen := func() {
		if t.w.to == nil {
			return
		}
		if err := t.w.to.Reopen(); err != nil {
			t.log.Error("the audit log cannot be opened anew; the old file is written on", "error", err)
			return
		}
		f, ok := t.w.to.(*file)
		t.w.moved = ok && !f.half // a line that is half out is begun anew, in another file
	}
	select {
	case t.commands <- reopen:
	default:
		t.log.Error("the audit log is stuck, and was not opened anew")
	}
}

// Wants is the set of classes to be recorded; events of others should not be.
func (t *Trail) Wants() uint8 { return uint8(t.wants.Load()) }

// Recorder makes a recorder, which lives as long as the trail.
func (t *Trail) Recorder() *Recorder {
	r := &Recorder{trail: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recorders = append(t.recorders, r)
	return r
}

// Dropped is how many events of each class could not be written.
func (t *Trail) Dropped() [Classes]uint64 {
	var out [Classes]uint64
	for i := range out {
		out[i] = t.dropped[i].Load()
	}
	return out
}

// lose counts lines that nobody will read.
func (t *Trail) lose(lines []byte) {
	for line := range bytes.Lines(lines) {
		if class, ok := classOf(line); ok {
			t.dropped[class].Add(1)
		}
	}
}

// classOf reads the class of a line that scribe.append has made.
func classOf(line []byte) (uint8, bool) {
	_, rest, _ := bytes.Cut(line, []byte(`"event":"`))
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	return ClassByName(string(name))
}

// wake has the writer look at the queues.
func (t *Trail) wake() {
	if !t.signalled.Load() && !t.signalled.Swap(true) {
		select {
		case t.signal <- struct{}{}:
		default:
		}
	}
}

// hasten has the writer not wait for more.
func (t *Trail) hasten() {
	select {
	case t.hurry <- struct{}{}:
	default:
	}
}

// Close writes what waits and ends the log, but waits no longer than it may. Events
// that come later are lost.
func (t *Trail) Close(within time.Duration) {
	t.once.Do(func() { close(t.closing) })
	give := time.NewTimer(within)
	defer give.Stop()
	select {
	case <-t.done:
	case <-give.C:
		t.log.Error("the audit log is stuck; events that wait are lost")
	}
}
