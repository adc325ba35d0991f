package main

import (
	"cmp"
	"slices"
)

// median returns the middle of some values, or the mean of the two middle ones; 0
// of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// percentile returns the smallest of the sorted values that p percent do not
// exceed; the zero value of none.
func percentile[T cmp.Ordered](sorted []T, p int) T {
	if len(sorted) == 0 {
		var zero T
		return zero
	}
	at := (len(sorted)*p + 99) / 100
	return sorted[max(0, at-1)]
}

// of returns what f says of each run of a target, by round.
func of(runs []run, target string, f func(run) float64) map[int]float64 {
	out := map[int]float64{}
	for _, r := range runs {
		if r.Target == target {
			out[r.Round] = f(r)
		}
	}
	return out
}

// middle is the median over the rounds of a target.
func middle(runs []run, target string, f func(run) float64) float64 {
	var all []float64
	for _, v := range of(runs, target, f) {
		all = append(all, v)
	}
	return median(all)
}

// ratio is the median over the rounds of how much of base a target has. Only rounds
// that have both count; ok says whether there is any.
func ratio(runs []run, target, base string, f func(run) float64) (value float64, ok bool) {
	bases := of(runs, base, f)
	var all []float64
	for round, v := range of(runs, target, f) {
		if b := bases[round]; b > 0 {
			all = append(all, v/b)
		}
	}
	return median(all), len(all) > 0
}
