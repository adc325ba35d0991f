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
	// failFloor is the least that a wrong password takes once some user has a slow hash:
	// the work is the same for all, as far as their hashes are, and this hides the rest.
	failFloor = 300 * time.Millisecond

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

// trial is what an attempt has to wait for: its password to be tried against slow
// hashes, if anybody has one, and a while if the name is guessed at. nil is for nothing.
func (s *Server) trial(a netip.Addr, cert *identity.Certificate, name, password []byte) func() proof {
	began := time.Now()
	set := s.users.Load()
	least := s.throttle.Delay(a, name, s.clock())
	slow := false
	if set.Slow() {
		_, _, ok := set.Authenticate(a, cert, name, password) // which costs next to nothing
		slow = !ok
	}
	if !slow && least == 0 {
		return nil
	}
	long := len(password) > maxPassword // and wrong, for the same work and without a copy
	if long {
		password = nil
	}
	name, password = bytes.Clone(name[:min(len(name), maxName)]), bytes.Clone(password)
	return func() (found proof) {
		defer clear(password)
		if slow {
			ctx, cancel := context.WithTimeout(context.Background(), s.settings.Load().ProveTimeout)
			defer cancel()
			found = s.prover.prove(ctx, set, name, password, func() bool { return !s.throttle.Allow(a, name, s.clock()) })
			if long {
				found.proved = auth.Secret{}
			}
			if _, _, ok := set.AuthenticateProved(a, cert, name, password, found.proved); !ok {
				least = max(least, failFloor)
				s.countTrial(a, name, &found)
			}
		}
		time.Sleep(least - time.Since(began))
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
