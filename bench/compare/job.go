package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// job is one measurement that can be asked for by its name.
type job struct {
	name    string
	title   string
	targets []string // those that it is worth running on, whether they can be had or not
	more    []string // those that it can run on, too, when targets are asked for
	usual   bool     // it runs unless others are asked for
	run     func(ctx context.Context, r *runner, targets []string) (section, error)
	// lasts is how long it takes with so many targets, about.
	lasts func(targets, rounds int, length time.Duration) time.Duration
}

// jobs are all.
func jobs() []job {
	var out []job
	for _, s := range scenarios() {
		out = append(out, s.job())
	}
	return append(out, handshakeJob(), arrivalJob(), idleJob(), scalingJob())
}

// choose returns the jobs whose names match, or the usual ones for "". The targets
// of each are those whose names match, or those worth running on for "". They are
// here, in the order of kinds.
func choose(names, targets string, here func(string) bool) ([]job, error) {
	name, err := regexp.Compile(names)
	if err != nil {
		return nil, fmt.Errorf("scenarios: %w", err)
	}
	target, err := regexp.Compile(targets)
	if err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	var out []job
	for _, j := range jobs() {
		if names == "" && !j.usual || !name.MatchString(j.name) {
			continue
		}
		if targets != "" {
			j.targets = append(slices.Clone(j.targets), j.more...)
		}
		var chosen []string
		for _, k := range kinds() {
			if slices.Contains(j.targets, k.name) && target.MatchString(k.name) && here(k.name) {
				chosen = append(chosen, k.name)
			}
		}
		if j.targets = chosen; len(chosen) > 0 {
			out = append(out, j)
		}
	}
	return out, nil
}

// estimate says how long jobs take, about.
func estimate(chosen []job, rounds int, length time.Duration) time.Duration {
	all := 5 * time.Second // building
	for _, j := range chosen {
		all += j.lasts(len(j.targets), rounds, length)
	}
	return all
}

// without returns the jobs without some targets.
func without(jobs []job, targets map[string]error) []job {
	var out []job
	for _, j := range jobs {
		j.targets = slices.DeleteFunc(slices.Clone(j.targets), func(name string) bool { return targets[name] != nil })
		if len(j.targets) > 0 {
			out = append(out, j)
		}
	}
	return out
}

// targetsOf returns the targets of all jobs, each once.
func targetsOf(jobs []job) []string {
	var out []string
	for _, j := range jobs {
		out = append(out, j.targets...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
