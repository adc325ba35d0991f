package proxy

import (
	"bytes"
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"redisgate/auth"
	"redisgate/identity"
	"redisgate/tlsfeed"
	"redisgate/users"
)

const (
	// maxProving is how many passwords wait to be tried against slow hashes: with 40 ms
	// each and one at a time as many as listen.auth_timeout has time for.
	maxProving = 256
	// DefaultFailFloor is longer than a slow hash usually takes: the work is the same for
	// all names, as far as their hashes are, and this hides the rest. It also keeps whoever
	// guesses from coming back at once.
	DefaultFailFloor = 300 * time.Millisecond

	// maxPassword is the longest that is hashed slowly, as by `redisgate hash-password`, and
	// maxName longer than any user's.
	maxPassword = 64 << 10
	maxName     = 257
)

// prover tries passwords against slow hashes, off the loops and a few at a time: each
// takes a processor for long, and much memory. Its permits are those of handshakes, of
// which it waits for one at a time.
type prover struct {
	slots   *tlsfeed.Slots
	turns   chan struct{}
	waiting atomic.Int64
}

// proof is what has come of it.
type proof struct {
	proved  auth.Secret // for users.Set.AuthenticateProved; empty if nothing fits
	busy    bool        // too many were waiting, or the time was up: nothing was tried
	counted bool        // it is a failure, and known as one
	refused bool        // the throttle did not let it be made
}

func newProver(slots *tlsfeed.Slots, atOnce int) *prover {
	return &prover{slots: slots, turns: make(chan struct{}, max(1, atOnce))}
}

// prove waits for its turn and then for the password to be tried. skip is asked when its
// turn has come, since what others have tried meanwhile may have settled it.
func (p *prover) prove(ctx context.Context, set *users.Set, name, password []byte, skip func() bool) proof {
	if p.waiting.Add(1) > maxProving {
		p.waiting.Add(-1)
		return proof{busy: true}
	}
	defer p.waiting.Add(-1)
	select {
	case p.turns <- struct{}{}:
	case <-ctx.Done():
		return proof{busy: true}
	}
	defer func() { <-p.turns }()
	if skip() {
		return proof{busy: true} // should the time be over when the attempt is decided, it was not tried
	}
	var found proof
	if p.slots.Work(ctx, func() { found.proved = set.Prove(name, password) }) != nil {
		found.busy = true
	}
	return found
}

// trial is what an attempt that may be made has to wait for: its password to be tried
// against slow hashes, if anybody has one, a while if the name is guessed at, and the
// floor under the time of whatever fails. nil is for nothing. What it returns must be
// called.
func (s *Server) trial(a netip.Addr, cert *identity.Certificate, name, password []byte) func() proof {
	began := s.clock()
	name = name[:min(len(name), maxName)]
	floor := s.settings.Load().FailFloor
	if !s.throttle.Allow(a, name, began) {
		return func() proof { s.failAt(began, floor); return proof{refused: true} }
	}
	set := s.users.Load()
	_, _, right := set.Authenticate(a, cert, name, password) // which costs next to nothing
	least := s.throttle.Delay(a, name, began)
	switch {
	case set.Slow() && (!right || s.throttle.UnderWay(a, name)):
		try := s.slowTrial(set, a, cert, name, password, right)
		return func() proof {
			found := try()
			if found.busy || found.counted {
				s.failAt(began, max(least, floor))
			} else {
				time.Sleep(least - time.Duration(s.clock()-began))
			}
			return found
		}
	case !right:
		// Counted here and not when it is over: what is tried meanwhile on other
		// connections is one of the tries that the throttle leaves.
		s.loginFailed(a, name)
		return func() proof { s.failAt(began, max(least, floor)); return proof{counted: true} }
	case least > 0:
		return func() proof { time.Sleep(least - time.Duration(s.clock()-began)); return proof{} }
	}
	return nil
}

// failAt waits until a failure that began then may be told: for that long at least, and to
// the end of a sixth of the floor. So a loop tells all of that time in one turn, and who
// guesses on many connections does not break its turns.
func (s *Server) failAt(began int64, d time.Duration) {
	step := int64(max(s.settings.Load().FailFloor/6, 1))
	at := began + int64(d) + step - 1
	time.Sleep(time.Duration(at - at%step - s.clock()))
}

// slowTrial tries a password against slow hashes. As long as that is under way for a name
// from an address no password for it is answered out of turn, so that many guesses at once
// are no more than one after the other.
func (s *Server) slowTrial(set *users.Set, a netip.Addr, cert *identity.Certificate, name, password []byte, right bool) func() proof {
	s.throttle.Begin(a, name)
	long := len(password) > maxPassword // and wrong, for the same work and without a copy
	if long {
		password = nil
	}
	name, password = bytes.Clone(name), bytes.Clone(password)
	return func() proof {
		defer clear(password)
		defer s.throttle.End(a, name)
		ctx, cancel := context.WithTimeout(context.Background(), s.settings.Load().ProveTimeout)
		defer cancel()
		found := s.prover.prove(ctx, set, name, password, func() bool { return !s.throttle.Allow(a, name, s.clock()) })
		if long {
			found.proved = auth.Secret{}
		}
		if _, _, ok := set.AuthenticateProved(a, cert, name, password, found.proved); !right && (long || !ok) {
			s.countTrial(a, name, &found)
		}
		return found
	}
}

// countTrial counts a failure here, and not when it is decided: a client that does not
// wait for that has cost as much. Whoever was locked out meanwhile is to learn nothing.
func (s *Server) countTrial(a netip.Addr, name []byte, found *proof) {
	switch {
	case found.busy:
	case !s.throttle.Allow(a, name, s.clock()):
		*found = proof{busy: true}
	default:
		s.loginFailed(a, name)
		found.counted = true
	}
}
