package proxy

import (
	"net/netip"

	"redisgate/eventloop"
)

// Hold stops the first worker's loop until the returned function is called; when
// Hold returns the loop stands still.
func (s *Server) Hold() (release func()) {
	s.started.Load() // workers is complete, and seen to be
	held, free := make(chan struct{}), make(chan struct{})
	s.workers[0].loop.Post(func() { close(held); <-free })
	<-held
	return func() { close(free) }
}

// LoopStats returns what the first worker's loop has counted.
func (s *Server) LoopStats() eventloop.Stats {
	s.started.Load()
	c := make(chan eventloop.Stats, 1)
	s.workers[0].loop.Post(func() { c <- s.workers[0].loop.Stats() })
	return <-c
}

// Copied returns how many bytes the first worker's sessions and connections to Redis have
// copied from one buffer to another; TLS and the kernel not included.
func (s *Server) Copied() uint64 {
	s.started.Load()
	c := make(chan uint64, 1)
	w := s.workers[0]
	w.loop.Post(func() { c <- w.kit.bufs.copied + w.pool.Copied() })
	return <-c
}

// OnTurn has f called with the first worker's statistics at the end of each turn.
func (s *Server) OnTurn(f func(eventloop.Stats)) {
	s.started.Load()
	done := make(chan struct{})
	w := s.workers[0]
	w.loop.Post(func() { w.loop.AtTurnEnd(func() { f(w.loop.Stats()) }); close(done) })
	<-done
}

// HoldProver takes the turn of whoever tries a password next, until the returned function
// is called.
func (s *Server) HoldProver() (release func()) {
	s.prover.turns <- struct{}{}
	return func() { <-s.prover.turns }
}

// Paced says whether handshakes of strangers are paced.
func (s *Server) Paced() bool { return s.o.Slots.Paced() }

// Familiar says that somebody from addr has logged in.
func (s *Server) Familiar(addr netip.Addr) bool { return s.throttle.Familiar(addr, s.clock()) }
