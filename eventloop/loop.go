package eventloop

import (
	"errors"
	"time"
)

// ErrStopped says that the loop has ended and takes no more connections.
var ErrStopped = errors.New("eventloop: the loop has ended")

const (
	defaultReadBuffer = 64 << 10
	defaultMaxEvents  = 512
	// maxWrite bounds one write to a socket. A raw system call holds up a stop-the-world of the garbage collector while it copies.
	maxWrite = 64 << 10
)

// Options of a loop. The zero value is what production uses.
type Options struct {
	// ReadBuffer is the most bytes that one read of one connection takes, so the most that Handler.Data is given. Default 64 KB.
	ReadBuffer int
	// MaxEvents is the most connections whose readiness one wait reports. Default 512. The portable loop has no such limit.
	MaxEvents int
	// Blocking makes the Linux loop wait in epoll_wait, which costs an operating system thread and its hand-over, instead of parking in
	// the Go runtime's poller. New falls back to it by itself where the runtime's poller does not take an epoll descriptor.
	// The portable loop ignores it.
	Blocking bool
	// Epoch is what Now counts from. Default: the moment of New.
	Epoch time.Time
}

// Task is something that waits for its turn on the ready list.
type Task interface {
	Run()
}

// Stats counts what a loop has done since New.
type Stats struct {
	Waits    uint64 // waits completed, those included that did not park
	Wakeups  uint64 // waits that Post or Stop ended
	Reads    uint64 // reads of connections: system calls on Linux, deliveries on the portable loop
	Writes   uint64 // writes to connections: system calls on Linux, at least that many on the portable loop
	Acks     uint64 // acknowledgements by force: system calls on Linux, nothing on the portable loop
	BytesIn  uint64
	BytesOut uint64

	Parked time.Duration // how long waits have lasted that found nothing to do at first
}

// Loop is an event loop. Except where said otherwise its methods, and those of its connections and timers, may be called only by
// the goroutine that runs it, or before Run by the one that will.
type Loop struct {
	// Static after New.
	options Options
	base    time.Time // zero of Now

	// Used by any goroutine.
	queue queue

	// Owned by the loop's goroutine.
	poller   poller
	slots    slots
	wheel    wheel
	spare    spare
	now      int64
	parked   int64  // since when the wait that goes on is one that parks; 0: it does not
	current  agenda // connections to be served in this turn
	later    agenda // connections to be served in the next
	ready    []Task
	running  []Task // the ready list that is being run, kept for its memory
	turnEnds []func()
	held     func() // what BeforeParking was given
	stats    Stats
	ended    bool
}

// agenda lists connections to be served, each once.
type agenda struct {
	first  []*Conn
	others []*Conn
}

// add puts c on the list unless it is on one already.
func (a *agenda) add(c *Conn) {
	if c.queued {
		return
	}
	c.queued = true
	if c.first {
		a.first = append(a.first, c)
	} else {
		a.others = append(a.others, c)
	}
}

func (a *agenda) empty() bool {
	return len(a.first)+len(a.others) == 0
}

// New makes a loop. It holds descriptors of the operating system until Run has returned, so it must be run, if only after Stop.
func New(o Options) (*Loop, error) {
	if o.ReadBuffer <= 0 {
		o.ReadBuffer = defaultReadBuffer
	}
	if o.MaxEvents <= 0 {
		o.MaxEvents = defaultMaxEvents
	}
	if o.Epoch.IsZero() {
		o.Epoch = time.Now()
	}
	l := &Loop{options: o, base: o.Epoch}
	if err := l.poller.open(o); err != nil {
		return nil, err
	}
	l.queue.wake = l.poller.wake
	return l, nil
}

// Run makes the calling goroutine the loop, until Stop is called or waiting fails. Before it returns it has run every function that
// Post has accepted, and then closed all connections without telling their handlers.
func (l *Loop) Run() error {
	if l.ended {
		return ErrStopped
	}
	var err error
	for stopped := false; !stopped && err == nil; {
		stopped, err = l.turn()
	}
	l.queue.end()
	posted, _ := l.queue.take() // none unless waiting failed
	for _, f := range posted {
		f()
	}
	l.ended = true
	l.slots.each((*Conn).Close)
	l.poller.close()
	return err
}

// Stop makes Run return at the end of its turn. Any goroutine may call it, more than once, before Run too. Post accepts nothing after it.
func (l *Loop) Stop() {
	l.queue.stop()
}

// Post has f called on the loop's goroutine, in the next turn if the caller is that goroutine. Functions are called in the order in
// which they were posted. Any goroutine may call Post. If it returns true f will be called; false means that the loop is stopping or
// has ended and f will never be.
func (l *Loop) Post(f func()) bool {
	return l.queue.post(f)
}

// Now is the time of this turn, taken once after waiting: monotonic nanoseconds since Options.Epoch.
func (l *Loop) Now() int64 {
	return l.now
}

// Ready has t run once after this turn's input and output, or in the next turn if tasks are being run already or the turn is ending.
// The loop does not park while a task is ready. A task that is made ready twice runs twice.
func (l *Loop) Ready(t Task) {
	l.ready = append(l.ready, t)
}

// AtTurnEnd has f called at the end of every turn, after the ready list, in the order of registration. f may write and may make tasks ready.
func (l *Loop) AtTurnEnd(f func()) {
	l.turnEnds = append(l.turnEnds, f)
}

// BeforeParking has f called once, before the loop next waits with nothing ready: it is for what may be put off as long as more
// comes in. A later call replaces f, nil takes it back. f may do what a handler may.
func (l *Loop) BeforeParking(f func()) {
	l.held = f
}

// mayPark calls what was held back, and says whether there still is nothing to do.
func (l *Loop) mayPark() bool {
	f := l.held
	l.held = nil
	f()
	return len(l.ready) == 0 && l.later.empty()
}

// parks notes that the wait that begins is one for something to do.
func (l *Loop) parks() { l.parked = int64(time.Since(l.base)) }

// Stats is what the loop has counted so far.
func (l *Loop) Stats() Stats {
	return l.stats
}

// Held is how many bytes of memory hold output of connections that the kernel has not taken.
func (l *Loop) Held() int {
	return l.spare.held
}

// turn says whether it was the last because of Stop.
func (l *Loop) turn() (stopped bool, err error) {
	park := len(l.ready) == 0 && l.later.empty() && l.queue.park()
	l.current, l.later = l.later, l.current
	if err := l.poller.wait(l, park); err != nil {
		return false, err
	}
	l.now = int64(time.Since(l.base))
	if l.parked != 0 {
		l.stats.Parked += time.Duration(l.now - l.parked)
		l.parked = 0
	}
	l.stats.Waits++
	posted, stopped := l.queue.take()
	l.serveAll(&l.current.first)
	l.serveAll(&l.current.others)
	l.wheel.expire(l.now)
	for i, f := range posted {
		posted[i] = nil
		f()
	}
	l.runReady()
	for _, f := range l.turnEnds {
		f()
	}
	return stopped, nil
}

// serveAll serves the connections of one list. Those that have more to do put themselves on the next turn's.
func (l *Loop) serveAll(list *[]*Conn) {
	for i, c := range *list {
		(*list)[i] = nil
		l.serve(c)
	}
	*list = (*list)[:0]
}

func (l *Loop) runReady() {
	l.ready, l.running = l.running[:0], l.ready
	for i, t := range l.running {
		l.running[i] = nil
		t.Run()
	}
}
