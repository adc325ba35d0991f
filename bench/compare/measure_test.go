package main

import (
	"io"
	"testing"
	"time"
)

// bench furnishes a bed and a runner for small measurements.
func bench(t *testing.T) *runner {
	t.Helper()
	requirePrograms(t)
	b, err := newBed(t.Context(), binary(t), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return &runner{bed: b, rounds: 1, length: 20 * time.Millisecond, requests: 3, look: time.Millisecond, progress: io.Discard}
}

// TestEachMeasurementWorks runs those that are no scenarios, as small as they go,
// and looks at counts.
func TestEachMeasurementWorks(t *testing.T) {
	r := bench(t)
	names := []string{tlsRedis, gateName}

	shakes, err := r.handshakes(t.Context(), names)
	if err != nil || len(shakes) != len(names)*len(shakings) {
		t.Errorf("handshakes = %d runs, %v; want %d", len(shakes), err, len(names)*len(shakings))
	}
	for _, s := range shakes {
		if s.Commands < 3 || s.Rate <= 0 || s.P99 < s.P50 {
			t.Errorf("handshakes: %+v; want at least 3", s)
		}
	}
	made := handshakeSection(names, shakes)
	if len(made.Table.Rows) != len(shakes) || len(made.Charts) != 2 {
		t.Errorf("handshakes: %d rows, %d charts; want %d and 2", len(made.Table.Rows), len(made.Charts), len(shakes))
	}
	checkSection(t, made)

	arrivals, err := r.arrivals(t.Context(), names)
	if err != nil || len(arrivals) != len(names)*4 {
		t.Errorf("arrivals = %d runs, %v; want %d", len(arrivals), err, len(names)*4)
	}
	for _, a := range arrivals {
		if (a.Arrivals > 0) != a.Others || a.Rate <= 0 || a.P99 <= 0 {
			t.Errorf("arrivals: %+v; want others only where there shall be some", a)
		}
	}
	checkSection(t, arrivalSection(names, arrivals))

	small := []point{{Clients: 2, Workers: 2, Users: 1, Patterns: 3}, {Clients: 4, Workers: 1, Users: 3, Patterns: 5}}
	scaled, err := r.scaling(t.Context(), small)
	if err != nil || len(scaled) != len(small) {
		t.Errorf("scaling = %d runs, %v; want %d", len(scaled), err, len(small))
	}
	for _, s := range scaled {
		if s.Commands < int64(s.Clients) || s.ProxyRSS == 0 {
			t.Errorf("scaling: %+v; want a command of each client", s)
		}
	}
	checkSection(t, scalingSection(small, scaled))

	rests := make([]rest, len(reposes))
	for i, k := range reposes {
		if rests[i], err = r.rest(t.Context(), gateName, k); err != nil || rests[i].Curve != k.curve.String() {
			t.Errorf("idle clients, %s = %+v, %v; want %v", k.Name, rests[i], err, k.curve)
		}
	}
	checkSection(t, idleSection(rests))
	if n := len(r.bed.targets); n != 0 {
		t.Errorf("%d targets still stand; want none after each measurement", n)
	}
}

// checkSection looks at the form of a section.
func checkSection(t *testing.T, s section) {
	t.Helper()
	if len(s.Table.Rows) == 0 || len(s.Charts) == 0 {
		t.Errorf("%d rows and %d charts; want some", len(s.Table.Rows), len(s.Charts))
	}
	for _, row := range s.Table.Rows {
		if len(row) != len(s.Table.Head) {
			t.Errorf("the row %q has %d cells; want %d", row, len(row), len(s.Table.Head))
		}
	}
	for _, f := range s.Charts {
		wellFormed(t, f.svg)
	}
}
