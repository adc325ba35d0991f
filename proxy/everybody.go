package proxy

import (
	"sync"
	"time"
)

// releaseTime is how long everybody waits for Redis to let go of commands that
// nobody waits for any more.
const releaseTime = 2 * time.Second

// everybody has f called for each session by the loop that it belongs to, and
// returns when all that f adds to told is done. It must not be called on a loop.
func (s *Server) everybody(f func(o *session, told *sync.WaitGroup)) {
	if !s.started.Load() {
		return
	}
	var told sync.WaitGroup
	s.eachClient(&told, func(c *client) {
		f(&c.session, &told)
		c.settleInput()
	})
	s.await(&told)
}

// await waits for told, and has Redis let go of what it does not let go of by itself. When
// the loops have ended there is nobody left to be told.
func (s *Server) await(told *sync.WaitGroup) {
	done := make(chan struct{})
	go func() { told.Wait(); close(done) }()
	select {
	case <-done:
	case <-s.over:
	case <-time.After(releaseTime):
		var closed sync.WaitGroup // not told: that may be done at this moment
		s.eachClient(&closed, func(c *client) {
			if c.wait.told == told && c.own != nil {
				c.own.Close()
			}
		})
		select {
		case <-done:
		case <-s.over:
		}
	}
}

// eachClient has f called for every client, by the worker that it belongs to.
func (s *Server) eachClient(told *sync.WaitGroup, f func(*client)) {
	for _, w := range s.workers {
		told.Add(1)
		if !w.loop.Post(func() {
			defer told.Done()
			for c := range w.clients {
				f(c)
			}
		}) {
			told.Done()
		}
	}
}

// aside does what would hold up the loop off it, while this session alone waits
// for the reply.
func (s *session) aside(do func() []byte) bool {
	if x := s.splicing(); x != nil && x.doing != nil {
		x.offLoop(s, do)
		return true
	}
	if !s.settled() {
		return false
	}
	s.sent++ // as if Redis owed it: nothing is done, and the session does not end, before it is there
	s.stalled = true
	s.h.offLoop(do, func(reply []byte) {
		s.got++
		if s.own != nil && !s.own.Usable() {
			s.cut() // it was lost when something seemed to be owed on it
		}
		s.deferred = append(s.deferred, deferred{s.got, reply}) // a push may be half out
		s.owing += len(reply)
		s.caughtUp()
	})
	return true
}
