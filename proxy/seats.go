package proxy

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"redisgate/users"
)

// seats counts the connections of each user, by users.User.Index.
type seats struct {
	taken   sync.Map // int to *atomic.Int64
	refused sync.Map // the same
}

func counter(m *sync.Map, user int) *atomic.Int64 {
	if n, ok := m.Load(user); ok {
		return n.(*atomic.Int64)
	}
	n, _ := m.LoadOrStore(user, new(atomic.Int64))
	return n.(*atomic.Int64)
}

// take gives u one more connection. Beyond its limit it does so only if it has to, and
// otherwise counts a refusal.
func (s *seats) take(u *users.User, must bool) bool {
	n := counter(&s.taken, u.Index)
	if n.Add(1) > int64(u.MaxConnections) && u.MaxConnections > 0 && !must {
		n.Add(-1)
		counter(&s.refused, u.Index).Add(1)
		return false
	}
	return true
}

func (s *seats) give(user int) { counter(&s.taken, user).Add(-1) }

// sit counts the session as one of u's, and no more as the one's before. false means that
// u has as many as it may; a session that must is counted all the same.
func (s *session) sit(u *users.User, must bool) bool {
	if s.seat == u.Index+1 {
		return true
	}
	if !s.h.takeSeat(u, must) {
		return false
	}
	s.rise()
	s.seat = u.Index + 1
	return true
}

// maySit says whether sit would succeed now.
func (s *session) maySit(u *users.User) bool {
	if s.seat == u.Index+1 {
		return true
	}
	if !s.h.takeSeat(u, false) {
		return false
	}
	s.h.giveSeat(u.Index)
	return true
}

// rise counts the session as nobody's.
func (s *session) rise() {
	if s.seat > 0 {
		s.h.giveSeat(s.seat - 1)
		s.seat = 0
	}
}

// addresses counts the connections of each address, from before the handshake to the end.
type addresses struct {
	most    atomic.Int64 // 0: any number
	refused atomic.Uint64

	mu    sync.Mutex
	count map[netip.Prefix]int // by host or IPv6 /64
}

func (a *addresses) take(addr netip.Addr) bool {
	n := network(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count == nil {
		a.count = map[netip.Prefix]int{}
	}
	// They are counted without a limit too, since there may be one later.
	if most := a.most.Load(); most > 0 && int64(a.count[n]) >= most {
		a.refused.Add(1)
		return false
	}
	a.count[n]++
	return true
}

func (a *addresses) give(addr netip.Addr) {
	if !addr.IsValid() {
		return
	}
	n := network(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count[n]--; a.count[n] <= 0 {
		delete(a.count, n)
	}
}

// busiest is the most connections that one address has.
func (a *addresses) busiest() (most int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range a.count {
		most = max(most, n)
	}
	return most
}

// Limit is a bound on connections: of one user, or of each address.
type Limit struct {
	User              string // "" for addresses
	Capacity, Current int64  // of addresses, the busiest one's
	Refused           uint64
}

// UserConnections is how many connections a user has.
type UserConnections struct {
	User    string // its label: there are at most users.MaxLabels of them
	Current int64
}

// connected gives those who have or had connections, by their place in counters.
func (s *Server) connected() (out []UserConnections) {
	for i, label := range s.users.Load().Labels() {
		if n, ok := s.seats.taken.Load(i); ok {
			out = append(out, UserConnections{label, n.(*atomic.Int64).Load()})
		}
	}
	return out
}

// limits gives all that there are, addresses first.
func (s *Server) limits() (out []Limit) {
	if most := s.addresses.most.Load(); most > 0 {
		out = append(out, Limit{Capacity: most, Current: int64(s.addresses.busiest()), Refused: s.addresses.refused.Load()})
	}
	seen := map[int]bool{}
	for _, u := range s.users.Load().All() {
		if u.MaxConnections > 0 && !seen[u.Index] {
			seen[u.Index] = true // users beyond the labels share one
			out = append(out, Limit{
				User: u.Label, Capacity: int64(u.MaxConnections),
				Current: counter(&s.seats.taken, u.Index).Load(), Refused: uint64(counter(&s.seats.refused, u.Index).Load()),
			})
		}
	}
	return out
}
