package main

import (
	"slices"
	"testing"
	"time"

	"redisgate/metrics"
	"redisgate/policy/command"
	"redisgate/proxy"
)

// startedAt1 is a configuration that was never reloaded.
func startedAt1() loaded { return loaded{last: time.Unix(1, 0), generation: 1} }

func TestStatsNameCommandsAndUsers(t *testing.T) {
	get := command.ByName("get")
	snap := proxy.Snapshot{Accepted: 3, Up: true, Shared: 2, Handshakes: map[proxy.Handshake]uint64{{Version: "1.3"}: 4}}
	snap.Allowed = make([]uint64, command.Count()+1)
	snap.Denied = make([]uint64, command.Count()+1)
	snap.Allowed[get.ID] = 5
	snap.Denied[command.Count()] = 6
	snap.Auth = map[string]uint64{"ok": 1, "failed": 2, "throttled": 3}
	snap.Closed = map[string]uint64{"auth_timeout": 7}
	snap.Refused = map[proxy.Refusal]uint64{{User: "app", Reason: "key"}: 8, {Reason: "unauthenticated"}: 9}
	snap.Upstream = map[string]uint64{"lost": 11}
	snap.Durations[0] = 10
	snap.DurationSeconds = 1.5
	s := &stats{snapshot: func(time.Duration) (proxy.Snapshot, bool) { return snap, true }, loaded: startedAt1}
	got := s.Snapshot()

	byName := map[string][2]uint64{}
	for _, c := range got.Commands {
		byName[c.Name] = [2]uint64{c.Allowed, c.Denied}
	}
	if byName["get"] != [2]uint64{5, 0} || byName["other"] != [2]uint64{0, 6} {
		t.Errorf("get = %v, other = %v; want [5 0] and [0 6]", byName["get"], byName["other"])
	}
	if len(got.Denied) != 2 || got.Denied[0].User != unauthenticated || got.Denied[1].User != "app" || got.Denied[1].Count != 8 {
		t.Errorf("Denied = %v; want 9 of nobody and 8 of app", got.Denied)
	}
	if got.Auth.OK != 1 || got.Auth.Failed != 2 || got.Auth.Throttled != 3 || got.Results.AuthTimeout != 7 || got.Results.Accepted != 3 {
		t.Errorf("Auth = %v, Results = %v; want 1, 2, 3, and 3 accepted, 7 timed out", got.Auth, got.Results)
	}
	if len(got.Duration.Counts) != len(got.Duration.Bounds)+1 || got.Duration.Bounds[0] != 50e-6 || got.Duration.Sum != 1.5 {
		t.Errorf("Duration = %v; want bounds in seconds, one count more, and the sum", got.Duration)
	}
	if !got.UpstreamUp || got.UpstreamShared != 2 || len(got.Handshakes) != 1 {
		t.Errorf("snapshot = %+v; want up, 2 shared, one kind of handshake", got)
	}
	if want := []metrics.UpstreamError{{Kind: "auth"}, {Kind: "busy"}, {Kind: "dial"}, {Kind: "lost", Count: 11}, {Kind: "protocol"}}; !slices.Equal(got.UpstreamErrors, want) {
		t.Errorf("UpstreamErrors = %v; want %v", got.UpstreamErrors, want)
	}
}

func TestStatsDoNotGoBackWhenAWorkerIsBusy(t *testing.T) {
	complete, n := true, uint64(5)
	s := &stats{loaded: startedAt1, snapshot: func(time.Duration) (proxy.Snapshot, bool) {
		return proxy.Snapshot{Accepted: n}, complete
	}}
	if got := s.Snapshot().Results.Accepted; got != 5 {
		t.Errorf("accepted = %d; want 5", got)
	}
	complete, n = false, 2
	if got := s.Snapshot().Results.Accepted; got != 5 {
		t.Errorf("accepted = %d from an incomplete snapshot; want the last one, 5", got)
	}
	complete, n = true, 6
	if got := s.Snapshot().Results.Accepted; got != 6 {
		t.Errorf("accepted = %d; want 6", got)
	}
}

func TestStatsShowWhatIsInUseAndItsCapacity(t *testing.T) {
	snap := proxy.Snapshot{
		Connections: 3, Shared: 1, Dedicated: 2, Memory: 4,
		Capacity: proxy.Capacity{Connections: 30, Shared: 10, Dedicated: 20, Memory: 40},
		Users:    []proxy.UserConnections{{User: "app", Current: 2}},
	}
	snap.Closed = map[string]uint64{"idle": 5}
	s := &stats{loaded: func() loaded { return loaded{} }, snapshot: func(time.Duration) (proxy.Snapshot, bool) { return snap, true }}
	got := s.Snapshot()
	if got.Connections != 3 || got.ConnectionsCapacity != 30 || got.UpstreamSharedCapacity != 10 || got.UpstreamDedicatedCapacity != 20 ||
		got.BufferBytes != 4 || got.BufferCapacityBytes != 40 {
		t.Errorf("snapshot = %+v; want 3 of 30 connections, capacities 10 and 20, 4 of 40 bytes", got)
	}
	if want := []metrics.UserConnections{{User: "app", Current: 2}}; !slices.Equal(got.Users, want) {
		t.Errorf("Users = %v; want %v", got.Users, want)
	}
	// Those of alerts are there before the first one.
	for reason, n := range map[string]uint64{"idle": 5, "memory": 0} {
		if !slices.Contains(got.Ended, metrics.Ended{Reason: reason, Count: n}) {
			t.Errorf("Ended = %v; want %d of %s", got.Ended, n, reason)
		}
	}
}
