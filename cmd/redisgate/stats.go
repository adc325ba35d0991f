package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"redisgate/audit"
	"redisgate/metrics"
	"redisgate/policy/command"
	"redisgate/proxy"
)

// snapshotTime bounds how long a scrape waits for a busy worker.
const snapshotTime = time.Second

// stats shows a server's counts as metrics.
type stats struct {
	// Static after construction.
	snapshot func(within time.Duration) (proxy.Snapshot, bool)
	files    *followed     // of TLS
	loaded   func() loaded // the configuration
	audit    *audit.Trail  // nil: none

	mu   sync.Mutex
	last metrics.Snapshot // guarded by mu
}

// Snapshot implements metrics.Source.
func (s *stats) Snapshot() metrics.Snapshot {
	snap, complete := s.snapshot(snapshotTime)
	s.mu.Lock()
	defer s.mu.Unlock()
	// Without the counts of a worker that is too busy to answer, sums would go
	// back, which Prometheus takes for a restart. The last ones are better.
	if complete || s.last.ConfigLastSuccess.IsZero() {
		s.last = s.convert(snap)
	}
	return s.last
}

func (s *stats) convert(snap proxy.Snapshot) metrics.Snapshot {
	out := metrics.Snapshot{
		Connections:         snap.Connections,
		ConnectionsCapacity: snap.Capacity.Connections,
		Results: metrics.ConnectionResults{
			Accepted:         snap.Accepted,
			DeniedAddress:    snap.DeniedAddress,
			OverLimit:        snap.OverLimit,
			ProxyHeader:      snap.ProxyHeader,
			HandshakeFailed:  snap.HandshakeFailed,
			HandshakeTimeout: snap.HandshakeTimeout,
			AuthTimeout:      snap.Closed["auth_timeout"],
		},
		Auth: metrics.AuthResults{
			OK:        snap.Auth["ok"],
			Failed:    snap.Auth["failed"],
			Throttled: snap.Auth["throttled"],
			Busy:      snap.Auth["busy"],

			Certificate:        snap.Auth["certificate"],
			CertificateRefused: snap.Auth["certificate_refused"],
		},
		Alerts:            snap.Alerts,
		Duration:          durations(snap.Durations[:], snap.DurationSeconds),
		ReceivedBytes:     snap.BytesIn,
		SentBytes:         snap.BytesOut,
		UpstreamShared:    int64(snap.Shared),
		UpstreamDedicated: int64(snap.Dedicated),
		UpstreamUp:        snap.Up,

		UpstreamSharedCapacity:    snap.Capacity.Shared,
		UpstreamDedicatedCapacity: snap.Capacity.Dedicated,

		BufferBytes:         snap.Memory,
		BufferCapacityBytes: snap.Capacity.Memory,

		CertificateEnded: snap.Closed["certificate"],
	}
	c := s.loaded()
	out.Reloads, out.ConfigLastSuccess, out.ConfigGeneration = c.results, c.last, c.generation
	s.fill(&out)
	if s.audit != nil {
		out.AuditDropped = auditDrops(s.audit.Dropped())
	}
	for h, n := range snap.Handshakes {
		out.Handshakes = append(out.Handshakes, metrics.Handshake{Version: h.Version, Resumed: h.Resumed, Count: n})
	}
	for _, u := range snap.Users {
		out.Users = append(out.Users, metrics.UserConnections(u))
	}
	for _, reason := range known(snap.Closed, endings) {
		out.Ended = append(out.Ended, metrics.Ended{Reason: reason, Count: snap.Closed[reason]})
	}
	for _, l := range snap.Limits {
		out.Limits = append(out.Limits, metrics.Limit(l))
	}
	for _, r := range snap.Rates {
		out.Rates = append(out.Rates, metrics.Rate(r))
	}
	for p, n := range snap.Passwords {
		slot := strconv.Itoa(p.Slot)
		if p.Slot >= proxy.PasswordSlots {
			slot += "+"
		}
		out.Passwords = append(out.Passwords, metrics.Password{User: p.User, Slot: slot, Count: n})
	}
	for _, user := range slices.Sorted(maps.Keys(snap.Counts.Certificates)) {
		out.CertificateUsers = append(out.CertificateUsers, metrics.CertificateUser{User: user, Count: snap.Counts.Certificates[user]})
	}
	for id := range snap.Allowed {
		out.Commands = append(out.Commands, metrics.Command{Name: commandName(id), Allowed: snap.Allowed[id], Denied: snap.Denied[id]})
	}
	for _, r := range slices.SortedFunc(maps.Keys(snap.Refused), compareRefusals) {
		user := r.User
		if user == "" {
			user = unauthenticated
		}
		out.Denied = append(out.Denied, metrics.Denied{User: user, Reason: r.Reason, Count: snap.Refused[r]})
	}
	for _, kind := range known(snap.Upstream, upstreamErrors) {
		out.UpstreamErrors = append(out.UpstreamErrors, metrics.UpstreamError{Kind: kind, Count: snap.Upstream[kind]})
	}
	return out
}

// These have a series before they are counted first: rate() and increase() do not see
// the step from no series to 1.
var (
	upstreamErrors = []string{"auth", "busy", "dial", "lost", "protocol"}
	endings        = []string{"certificate", "client", "memory", "output", "protocol", "upstream"}
)

// known gives the words that are counted, and those that may be, sorted.
func known(counted map[string]uint64, always []string) []string {
	words := append(slices.Collect(maps.Keys(counted)), always...)
	slices.Sort(words)
	return slices.Compact(words)
}

// unauthenticated is the user label of clients that have not logged in. No
// user can have that name: names contain no space.
const unauthenticated = "(not logged in)"

// commandName gives the label of a command's ID; the one after the last is of
// all commands that the table does not have.
func commandName(id int) string {
	if id >= command.Count() {
		return "other"
	}
	return command.ByID(id).Name
}

func compareRefusals(a, b proxy.Refusal) int {
	if c := strings.Compare(a.User, b.User); c != 0 {
		return c
	}
	return strings.Compare(a.Reason, b.Reason)
}

func durations(counts []uint64, sum float64) metrics.Histogram {
	h := metrics.Histogram{Counts: counts, Sum: sum}
	for _, b := range proxy.DurationBounds {
		h.Bounds = append(h.Bounds, b.Seconds())
	}
	return h
}
