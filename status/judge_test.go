package status

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"redisgate/metrics"
	"redisgate/policy"
)

// TestWhatNeedsALookIsSaid changes one thing at a time, and finds its notice and the
// run-book's section for it.
func TestWhatNeedsALookIsSaid(t *testing.T) {
	book, err := os.ReadFile("../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for alert, c := range map[string]struct {
		level  string
		change func(*metrics.Snapshot)
	}{
		"RedisgateRedisDown":                 {"bad", func(s *metrics.Snapshot) { s.UpstreamUp = false }},
		"RedisgateRedisRefusesPassword":      {"bad", func(s *metrics.Snapshot) { s.UpstreamErrors = []metrics.UpstreamError{{Kind: "auth", Count: 1}} }},
		"RedisgateRedisOutOfStep":            {"warn", func(s *metrics.Snapshot) { s.UpstreamErrors = []metrics.UpstreamError{{Kind: "protocol", Count: 1}} }},
		"RedisgateRedisConnectionsBusy":      {"warn", func(s *metrics.Snapshot) { s.UpstreamErrors = []metrics.UpstreamError{{Kind: "busy", Count: 1}} }},
		"RedisgateRedisConnectionsNearLimit": {"warn", func(s *metrics.Snapshot) { s.UpstreamDedicated = 3300 }},
		"RedisgatePasswordGuessing":          {"bad", func(s *metrics.Snapshot) { s.Alerts++ }},
		"RedisgateCertificateExpires":        {"warn", func(s *metrics.Snapshot) { s.Certificates[0].Expiry = now.Add(20 * day) }},
		"RedisgateCertificateExpiresSoon":    {"bad", func(s *metrics.Snapshot) { s.Certificates[0].Expiry = now.Add(2 * day) }},
		"RedisgateRevocationListExpires":     {"bad", func(s *metrics.Snapshot) { s.RevocationLists = []metrics.Certificate{{File: "x", Expiry: now}} }},
		"RedisgateStapleExpires":             {"warn", func(s *metrics.Snapshot) { s.Staples = []metrics.Certificate{{File: "x", Expiry: now.Add(time.Hour)}} }},
		"RedisgateConnectionsNearLimit":      {"warn", func(s *metrics.Snapshot) { s.Connections = 80 }},
		"RedisgateConnectionsRefused":        {"warn", func(s *metrics.Snapshot) { s.Results.OverLimit++ }},
		"RedisgateUserAtItsLimit":            {"warn", func(s *metrics.Snapshot) { s.Limits = []metrics.Limit{{User: "app", Capacity: 10, Current: 9}} }},
		"RedisgateMemoryNearLimit":           {"warn", func(s *metrics.Snapshot) { s.BufferBytes = 1000 << 10 }},
		"RedisgateSessionsCutForMemory":      {"warn", func(s *metrics.Snapshot) { s.Ended = []metrics.Ended{{Reason: "memory", Count: 1}} }},
		"RedisgateLoginsBusy":                {"warn", func(s *metrics.Snapshot) { s.Auth.Busy++ }},
		"RedisgateReloadFailed":              {"warn", func(s *metrics.Snapshot) { s.Reloads.Failed++ }},
		"RedisgateCertificateReloadFailed":   {"warn", func(s *metrics.Snapshot) { s.TLSReloads.Failed++ }},
	} {
		p := newPage(t, &counted{})
		p.past.add(now.Add(-time.Minute), well(now))
		if v := p.view(now, well(now)); len(v.Notices) > 0 || v.State.Level != "good" {
			t.Fatalf("while all is well there are notices: %+v", v.Notices)
		}
		s := well(now)
		c.change(&s)
		v := p.view(now, s)
		if len(v.Notices) != 1 || v.Notices[0].Alert != alert || v.Notices[0].Level != c.level || v.State.Level != c.level {
			t.Errorf("%s: %+v, and the state %+v; want that notice alone, which is %s", alert, v.Notices, v.State, c.level)
		}
		if !strings.Contains(string(book), "\n### "+alert+"\n") {
			t.Errorf("the run-book has no section %s", alert)
		}
	}
}

func TestDrainingIsNotServing(t *testing.T) {
	p := newPage(t, &counted{})
	p.o.Ready = func() bool { return false }
	if v := p.view(time.Now(), well(time.Now())); v.State.Word != "Not taking clients" || v.State.Level != "bad" {
		t.Errorf("state = %+v while no clients are taken", v.State)
	}
}

func TestEachReasonHasItsMeaning(t *testing.T) {
	for r := policy.ReasonAllowed + 1; r <= policy.ReasonUnauthenticated; r++ {
		if meanings[r.String()] == "" {
			t.Errorf("the reason %s has no words", r)
		}
	}
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		number(0): "0", number(999): "999", number(1000): "1,000", number(1234567): "1,234,567", number(-1000): "-1,000",
		rate(math.NaN()): "–", rate(0.01): "< 0.1", rate(2.34): "2.3", rate(9.96): "10", rate(12345.6): "12,346",
		size(0): "0 B", size(900): "900 B", size(1536): "1.5 KB", size(2e9): "1.9 GB", size(1 << 60): "1048576 TB",
		latency(0.000153): "153 µs", latency(0.0025): "2.5 ms", latency(0.025): "25 ms", latency(1.5): "1.5 s", latency(math.Inf(1)): "longer",
		span(time.Second): "1 second", span(90 * time.Second): "90 seconds", span(time.Hour): "60 minutes", span(47 * time.Hour): "47 hours", span(72 * time.Hour): "3 days",
	} {
		if got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
}

func TestQuantiles(t *testing.T) {
	bounds := []float64{1, 2, 4}
	for _, c := range []struct {
		q           float64
		before, now []uint64
		want        float64
	}{
		{0.5, nil, []uint64{10, 0, 0, 0}, 0.5},
		{0.5, []uint64{10, 0, 0, 0}, []uint64{10, 0, 10, 0}, 3},
		{0.99, nil, []uint64{0, 0, 0, 5}, math.Inf(1)},
		{0.5, []uint64{1, 1, 1, 1}, []uint64{1, 1, 1, 1}, math.NaN()},
		{0.5, nil, nil, math.NaN()},
	} {
		got := quantile(c.q, metrics.Histogram{Bounds: bounds, Counts: c.before}, metrics.Histogram{Bounds: bounds, Counts: c.now})
		if got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("quantile(%v, %v, %v) = %v; want %v", c.q, c.before, c.now, got, c.want)
		}
	}
}

func TestSparksStayInTheirBox(t *testing.T) {
	for values, want := range map[string]string{
		spark(nil):               "",
		spark([]float64{1}):      "",
		spark([]float64{0, 0}):   "118.0,26.5 120.0,26.5",
		spark([]float64{5, 10}):  "118.0,14.0 120.0,1.5",
		spark([]float64{-1, 10}): "118.0,26.5 120.0,1.5",
	} {
		if values != want {
			t.Errorf("spark = %q; want %q", values, want)
		}
	}
}
