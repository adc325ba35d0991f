package proxy

import "time"

// Snapshot is what a server has counted, over all workers.
type Snapshot struct {
	Counts
	Connections                                                                        int64 // open now
	Accepted, DeniedAddress, OverLimit, ProxyHeader, HandshakeFailed, HandshakeTimeout uint64
	Handshakes                                                                         map[Handshake]uint64
	Shared, Dedicated                                                                  int // connections to Redis
	Up                                                                                 bool
	Alerts                                                                             uint64 // users whose password was guessed at from many addresses
	Users                                                                              []UserConnections
	Limits                                                                             []Limit
	Rates                                                                              []Rate
	Memory                                                                             int64 // bytes of all sessions' buffers
	Capacity                                                                           Capacity
}

// Capacity is what a server may have at most of what it counts.
type Capacity struct {
	Connections, Shared, Dedicated int64
	Memory                         int64 // bytes
}

func (s *Server) capacity() Capacity {
	set := s.settings.Load()
	return Capacity{int64(set.MaxConnections), int64(set.MaxShared), int64(set.MaxDedicated), set.Limits.Memory}
}

// Snapshot adds up what the workers have counted. It waits for each loop to come
// round; counts of a worker that does not within the time are missing, and ok is false.
func (s *Server) Snapshot(within time.Duration) (snap Snapshot, ok bool) {
	snap = Snapshot{
		Counts: newCounts(), Connections: s.connections.Load(), Accepted: s.doors.accepted.Load(),
		DeniedAddress: s.doors.deniedAddress.Load(), OverLimit: s.doors.overLimit.Load(), ProxyHeader: s.doors.proxyHeader.Load(),
		HandshakeFailed: s.doors.handshakeFailed.Load(), HandshakeTimeout: s.doors.handshakeTimeout.Load(),
		Handshakes: map[Handshake]uint64{}, Up: s.control.Up(), Memory: s.memory.Load(), Alerts: s.failures.alerts.Load(), Users: s.connected(), Limits: s.limits(), Rates: s.rates(),
		Capacity: s.capacity(),
	}
	snap.Shared, snap.Dedicated = s.upLimits.InUse()
	s.doors.mu.Lock()
	for h, n := range s.doors.handshakes {
		snap.Handshakes[h] = n
	}
	s.doors.mu.Unlock()
	if !s.running.Load() {
		return snap, true
	}
	ok = true
	for _, w := range s.workers {
		c, answered := w.snapshot(within)
		if !answered {
			ok = false
			continue
		}
		snap.Counts.add(c)
	}
	return snap, ok
}

// Accepted is the number of connections accepted so far. It is cheap.
func (s *Server) Accepted() uint64 { return s.doors.accepted.Load() }
