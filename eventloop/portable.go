//go:build portable || !linux

package eventloop

import (
	"sync"
	"time"
)

// poller collects what the goroutines of the connections have done. One lock for all of them will do here: this loop is for
// portability, the other one for speed.
type poller struct {
	limit int // most bytes read ahead for one connection
	base  time.Time
	timer *time.Timer
	// signal holds a token once there is something to look at.
	signal     chan struct{}
	goroutines sync.WaitGroup

	mu    sync.Mutex
	noted []*Conn // have done something since the last wait, each once
	woken bool    // wake was called since the last wait

	taken []*Conn // owned by the loop: the last batch of noted, kept for its memory
}

func (p *poller) open(o Options) error {
	p.limit = o.ReadBuffer
	p.base = o.Epoch
	p.timer = time.NewTimer(time.Hour)
	p.timer.Stop()
	p.signal = make(chan struct{}, 1)
	return nil
}

// close waits for the goroutines of the connections, all of which have been closed.
func (p *poller) close() {
	p.goroutines.Wait()
}

// wake ends a wait.
func (p *poller) wake() {
	p.mu.Lock()
	p.woken = true
	p.mu.Unlock()
	p.ring()
}

func (p *poller) ring() {
	select {
	case p.signal <- struct{}{}:
	default:
	}
}

// note has the loop look at c. The caller holds mu.
func (p *poller) note(c *Conn) {
	if c.link.noted || c.link.closed {
		return
	}
	c.link.noted = true
	p.noted = append(p.noted, c)
	p.ring()
}

// wait puts the connections that have done something on the loop's agenda. If park is true it waits for one, or until the next timer is due.
func (p *poller) wait(l *Loop, park bool) error {
	if !p.signalled() {
		if park && l.held != nil {
			park = l.mayPark()
		}
		if park {
			l.parks()
			p.park(l.wheel.next())
		}
	}
	clear(p.taken)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.woken {
		p.woken = false
		l.stats.Wakeups++
	}
	p.taken, p.noted = p.noted, p.taken[:0]
	for _, c := range p.taken {
		f := &c.link
		f.noted = false
		c.readable = c.readable || len(f.in) > 0 || f.end != nil
		c.hup = c.hup || f.end != nil
		c.writable = c.writable || f.wrote
		l.current.add(c)
	}
	return nil
}

// signalled says whether there is something to look at.
func (p *poller) signalled() bool {
	select {
	case <-p.signal:
		return true
	default:
		return false
	}
}

func (p *poller) park(next int64) {
	if next == never {
		<-p.signal
		return
	}
	p.timer.Reset(time.Duration(next) - time.Since(p.base))
	select {
	case <-p.signal:
		p.timer.Stop()
	case <-p.timer.C:
	}
}
