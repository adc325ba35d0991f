package upstream

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"redisgate/eventloop"
)

const (
	warm        = 8                // idle dedicated connections that a worker keeps
	idleFor     = 60 * time.Second // how long all of them are kept; one stays
	tidyEvery   = 10 * time.Second
	firstDelay  = 25 * time.Millisecond
	longestWait = 500 * time.Millisecond
	dialsAtOnce = 64 // Redis's tcp-backlog is 511; a unix socket refuses beyond it
)

// Limits bounds the connections of all workers together.
type Limits struct {
	maxShared, maxDedicated atomic.Int64

	shared, dedicated atomic.Int64
	dials             chan struct{}
}

// NewLimits returns limits on the numbers of shared and dedicated connections.
func NewLimits(maxShared, maxDedicated int) *Limits {
	l := &Limits{dials: make(chan struct{}, dialsAtOnce)}
	l.Set(maxShared, maxDedicated)
	return l
}

// Set changes the limits. Connections beyond them stay; there are no new ones until
// enough of them have gone. Any goroutine.
func (l *Limits) Set(maxShared, maxDedicated int) {
	l.maxShared.Store(int64(maxShared))
	l.maxDedicated.Store(int64(maxDedicated))
}

// InUse returns the numbers of shared and dedicated connections. Any goroutine.
func (l *Limits) InUse() (shared, dedicated int) {
	return int(l.shared.Load()), int(l.dedicated.Load())
}

// Pool is one worker's connections to Redis.
type Pool struct {
	// Static after construction.
	loop   *eventloop.Loop
	limits *Limits
	notify func(kind string, err error)
	ctx    context.Context

	// Owned by the loop.
	dialer   *Dialer // of connections to come
	active   map[Key]*Conn
	idle     []*Conn // most recently used last
	flushing []*Conn
	copied   uint64 // bytes ever appended to requests
	unsent   int    // of them, those since the last Flush
	held     int    // of them, those that connections have not given to the loop
	delay    time.Duration
	downTill int64
	tidy     eventloop.Timer
	scratch  scratch
}

// Options is what a Pool needs.
type Options struct {
	Loop   *eventloop.Loop
	Dialer *Dialer
	Limits *Limits
	// Notify is told, on the loop, of each failure: kind is "dial", "auth",
	// "lost" or "protocol".
	Notify func(kind string, err error)
}

// NewPool returns a pool; its dials end with ctx. It must be called on the
// loop's goroutine, or before the loop runs.
func NewPool(ctx context.Context, o Options) (*Pool, error) {
	if o.Loop == nil || o.Dialer == nil || o.Limits == nil || o.Notify == nil {
		return nil, errors.New("upstream: a pool needs a loop, a dialer, limits and someone to notify")
	}
	p := &Pool{loop: o.Loop, dialer: o.Dialer, limits: o.Limits, notify: o.Notify, ctx: ctx, active: map[Key]*Conn{}}
	p.tidy.F = p.tidyUp
	p.loop.SetTimer(&p.tidy, tidyEvery)
	return p, nil
}

// Shared returns the pipeline for k, opening it if need be.
func (p *Pool) Shared(k Key) (*Conn, error) {
	if c := p.active[k]; c != nil {
		return c, nil
	}
	if p.down() {
		return nil, ErrUnreachable
	}
	if p.limits.shared.Add(1) > p.limits.maxShared.Load() && !p.dropQuiet() {
		p.limits.shared.Add(-1)
		return nil, ErrBusy
	}
	c := &Conn{pool: p, dialer: p.dialer, key: k, shared: true}
	p.active[k] = c
	p.dial(c)
	return c, nil
}

// dropQuiet closes a shared pipeline that owes nothing, to make room for another.
func (p *Pool) dropQuiet() bool {
	for _, c := range p.active {
		if c.quiet() {
			c.end()
			return true
		}
	}
	return false
}

// leaveToOthers closes shared pipelines that nobody has used since it was last called, if
// all places are taken: other workers cannot.
func (p *Pool) leaveToOthers() {
	short := p.limits.shared.Load() >= p.limits.maxShared.Load()
	for _, c := range slices.Collect(maps.Values(p.active)) {
		if short && c.quiet() && c.seen == c.appended {
			c.end()
		}
		c.seen = c.appended
	}
}

// Dedicated returns a connection for owner alone, in the database and protocol
// of k; requests may be sent at once.
func (p *Pool) Dedicated(k Key, owner Receiver) (*Conn, error) {
	if c := p.takeIdle(k); c != nil {
		c.owner = owner
		return c, nil
	}
	if p.down() {
		return nil, ErrUnreachable
	}
	if p.limits.dedicated.Add(1) > p.limits.maxDedicated.Load() {
		if len(p.idle) == 0 {
			p.limits.dedicated.Add(-1)
			return nil, ErrBusy
		}
		p.idle[0].end() // an idle one in another database makes room
	}
	c := &Conn{pool: p, dialer: p.dialer, key: k, owner: owner}
	p.dial(c)
	return c, nil
}

// takeIdle returns a connection that was confirmed to be in k. One in another
// database is not moved: were its SELECT refused, what follows would run in the
// wrong one.
func (p *Pool) takeIdle(k Key) *Conn {
	for i := len(p.idle) - 1; i >= 0; i-- {
		if c := p.idle[i]; c.key == k {
			p.idle = slices.Delete(p.idle, i, i+1)
			return c
		}
	}
	return nil
}

// Release gives c back. clean says that its owner left no state behind; c is
// kept only if, besides, nothing is owed or unread on it.
func (p *Pool) Release(c *Conn, clean bool) {
	c.owner = nil
	if !clean || c.state != open || c.q.len() > 0 || len(c.hold) > 0 || !c.framer.Idle() ||
		c.Outdated() || c.inPush || c.spent || c.through || c.subscriber || c.shared || c.Unsent() > 0 {
		c.end()
		return
	}
	if len(p.idle) >= warm {
		p.idle[0].end()
	}
	if c.paused > 0 {
		c.paused = 1
		c.Resume()
	}
	c.idleSince = p.loop.Now()
	p.idle = append(p.idle, c)
}

// Copied is the number of bytes of requests that were ever copied on their way out.
func (p *Pool) Copied() uint64 { return p.copied }

// Unsent is how many bytes of requests wait for the next Flush.
func (p *Pool) Unsent() int { return p.unsent }

// Held is how many bytes of requests wait in connections: for the next Flush, or for the end
// of a dial. What Redis does not take of those that were written the loop holds.
func (p *Pool) Held() int { return p.held }

// Flush writes what was gathered. The worker calls it at the end of a turn, or of a few.
func (p *Pool) Flush() {
	p.unsent = 0
	for i := 0; i < len(p.flushing); i++ {
		p.flushing[i].flush()
		p.flushing[i] = nil
	}
	p.flushing = p.flushing[:0]
}

func (p *Pool) dial(c *Conn) {
	key, dialer := c.key, c.dialer
	c.dialing = true
	go func() {
		var nc net.Conn
		var err error
		select {
		case p.limits.dials <- struct{}{}:
			nc, err = dialer.Dial(p.ctx, key)
			<-p.limits.dials
		case <-p.ctx.Done():
			err = p.ctx.Err()
		}
		if !p.loop.Post(func() { c.connected(nc, err) }) && nc != nil {
			nc.Close()
		}
	}()
}

// dialed keeps the back-off: at most one failed dial in delay, which doubles to
// half a second. A refused SELECT says nothing about the server as a whole, and what the
// server of before does says nothing about the one of now.
func (p *Pool) dialed(c *Conn, err error) {
	if err == nil {
		if !c.Outdated() {
			p.delay, p.downTill = 0, 0
		}
		return
	}
	if p.ctx.Err() != nil {
		return // the process ends; nothing is wrong with Redis
	}
	kind := "dial"
	var refused *RefusedError
	if errors.As(err, &refused) {
		if refused.Command == "SELECT" {
			p.report(kind, err)
			return
		}
		kind = "auth"
	}
	p.report(kind, err)
	if c.Outdated() {
		return
	}
	p.delay = min(max(2*p.delay, firstDelay), longestWait)
	p.downTill = p.loop.Now() + int64(p.delay) + rand.Int64N(int64(p.delay)/4)
}

func (p *Pool) down() bool { return p.downTill > p.loop.Now() }

// retired makes way for a fresh shared pipeline in c's place. From here on c
// counts as what it has become, a connection for one slow reader.
func (p *Pool) retired(c *Conn) {
	if p.active[c.key] == c {
		delete(p.active, c.key)
	}
	p.limits.shared.Add(-1)
	p.limits.dedicated.Add(1)
}

func (p *Pool) gone(c *Conn) {
	if p.active[c.key] == c {
		delete(p.active, c.key)
	}
	if i := slices.Index(p.idle, c); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	if !c.dialing {
		p.uncount(c)
	}
}

// uncount makes room for another connection in c's place. One that has ended while
// it was dialed makes none before that dial has ended too.
func (p *Pool) uncount(c *Conn) {
	if c.shared && !c.retired {
		p.limits.shared.Add(-1)
	} else {
		p.limits.dedicated.Add(-1)
	}
}

func (p *Pool) report(kind string, err error) { p.notify(kind, err) }

// tidyUp closes idle connections that are not needed any more, all but one, and quiet
// pipelines if others have none.
func (p *Pool) tidyUp() {
	p.leaveToOthers()
	for len(p.idle) > 1 && p.loop.Now()-p.idle[0].idleSince > int64(idleFor) {
		p.idle[0].end()
	}
	p.loop.SetTimer(&p.tidy, tidyEvery)
}
