package auth

import (
	"hash/maphash"
	"math/bits"
	"time"
)

// A name that many addresses are wrong about is being guessed at by somebody who has
// many. That locks nobody out: whoever could lock a name would use it against its owner.
const (
	watchFailures  = 50 // within watchTime,
	watchAddresses = 8  // from so many addresses, as they are estimated
	watchTime      = int64(10 * time.Minute)

	// watchNames is how many names are told apart; there is no more memory for more.
	// Names that share a place share an alert, which does no harm.
	watchNames = 1 << 12

	// strangeDelay is how long an attempt then takes from an address from which nobody
	// lately logged in under the name. Whoever knows the password gets in even so.
	strangeDelay = 2 * time.Second
	// familiar is what "lately" means.
	familiar = int64(24 * time.Hour)
)

// watched is what is known of the names in one place.
type watched struct {
	since    int64
	until    int64 // the alert lasts until then
	failures int32
	seen     uint64 // a bit for each address, by its hash
}

// fail notes a failure and says whether it is the one that raises the alert.
func (w *watched) fail(seed maphash.Seed, a address, now int64) (alert bool) {
	if now-w.since > watchTime {
		w.since, w.failures, w.seen = now, 0, 0
	}
	w.failures++
	w.seen |= 1 << (maphash.Comparable(seed, a) & 63)
	if w.failures < watchFailures || bits.OnesCount64(w.seen) < watchAddresses {
		return false
	}
	alert = w.until <= now
	w.until = now + watchTime
	return alert
}
