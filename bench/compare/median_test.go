package main

import (
	"math"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := median(tc.values); got != tc.want {
			t.Errorf("median(%v) = %v; want %v", tc.values, got, tc.want)
		}
	}
	values := []float64{3, 1, 2}
	if median(values); values[0] != 3 {
		t.Errorf("median has sorted its argument: %v", values)
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for _, tc := range []struct {
		sorted  []int
		p, want int
	}{
		{nil, 50, 0},
		{[]int{7}, 50, 7},
		{[]int{7}, 99, 7},
		{[]int{1, 2}, 50, 1},
		{[]int{1, 2}, 99, 2},
		{hundred, 50, 50},
		{hundred, 99, 99},
		{hundred, 100, 100},
		{hundred, 0, 1},
	} {
		if got := percentile(tc.sorted, tc.p); got != tc.want {
			t.Errorf("percentile of %d values, %d = %d; want %d", len(tc.sorted), tc.p, got, tc.want)
		}
	}
}

// TestRatiosAreThoseOfARound has a machine that is half as fast in one round: what
// the targets are to each other is not moved by it.
func TestRatiosAreThoseOfARound(t *testing.T) {
	runs := []run{
		{Target: "a", Round: 1, Rate: 150},
		{Target: "b", Round: 1, Rate: 100},
		{Target: "a", Round: 2, Rate: 80},
		{Target: "b", Round: 2, Rate: 50},
		{Target: "b", Round: 3, Rate: 100},
		{Target: "a", Round: 3, Rate: 140},
		{Target: "a", Round: 4, Rate: 999}, // b has had no turn
	}
	rate := func(r run) float64 { return r.Rate }
	if got, ok := ratio(runs, "a", "b", rate); !ok || math.Abs(got-1.5) > 1e-9 {
		t.Errorf("ratio(a, b) = %v, %t; want 1.5", got, ok)
	}
	if got, ok := ratio(runs, "b", "b", rate); !ok || got != 1 {
		t.Errorf("ratio(b, b) = %v, %t; want 1", got, ok)
	}
	for _, base := range []string{"c", ""} {
		if got, ok := ratio(runs, "a", base, rate); ok {
			t.Errorf("ratio(a, %q) = %v; want none", base, got)
		}
	}
	if got := ratioCell(runs, "a", "c", rate); got != "-" {
		t.Errorf("ratioCell(a, c) = %q; want -", got)
	}
	if got := middle(runs, "b", rate); got != 100 {
		t.Errorf("middle(b) = %v; want 100", got)
	}
}

func TestGrowthIsThatOfARound(t *testing.T) {
	alone := []run{{Target: "a", Round: 1, P99: 2}, {Target: "a", Round: 2, P99: 4}, {Target: "b", Round: 1}}
	with := []run{{Target: "a", Round: 1, P99: 4}, {Target: "a", Round: 2, P99: 6}, {Target: "b", Round: 1, P99: 1}}
	got := of(growth(alone, with), "a", func(r run) float64 { return r.P99 })
	if len(got) != 2 || got[1] != 2 || got[2] != 1.5 {
		t.Errorf("growth = %v; want 2 and 1.5", got)
	}
	if got := of(growth(alone, with), "b", func(r run) float64 { return r.P99 }); len(got) != 0 {
		t.Errorf("growth from nothing = %v; want none", got)
	}
}

func TestPaceLearns(t *testing.T) {
	p := pace{setup: time.Second, rate: 5}
	p.learn(run{Commands: 100, Rate: 0})
	p.learn(run{Commands: 100, Rate: 100}) // as long as the set-up: says little
	if p.rate != 5 {
		t.Errorf("the rate is %v; want 5 still", p.rate)
	}
	p.learn(run{Commands: 1000, Rate: 100}) // 10 s, one of them for the set-up
	if math.Abs(p.rate-1000.0/9) > 1e-6 {
		t.Errorf("the rate is %v; want %v", p.rate, 1000.0/9)
	}
}
