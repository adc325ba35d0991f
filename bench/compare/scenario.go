package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// scenario is one kind of load, put on several targets in turns.
type scenario struct {
	name     string
	command  string // get, set, mset or mix
	size     int    // bytes of a value
	clients  int
	pipeline int
	targets  []string
	usual    bool // it runs unless others are asked for
}

const (
	get  = "get"
	set  = "set"
	mset = "mset"
	mix  = "mix" // nine GETs to a SET, in turns on each connection
)

// Sizes of values, by the names that scenarios have for them.
var sizes = []struct {
	name  string
	bytes int
}{{"3b", 3}, {"1k", 1 << 10}, {"16k", 16 << 10}}

var (
	few  = []string{plainRedis, tlsRedis, "stunnel", haproxy, "ghostunnel", "envoy", gateName, "redisgate-unix", baseGate}
	more = []string{"redis-unix", "redisgate-2", "redisgate-2-unix", baseGate + "-unix"}
	cost = []string{openGate, gateName}
)

// usual are the scenarios of a whole run, and whether they take more than few targets.
var usual = map[string]bool{
	"get-3b-c50-p1": true, "get-3b-c50-p16": true, "get-3b-c50-p64": false, "get-3b-c1-p1": false, "get-3b-c500-p1": false,
	"set-1k-c50-p1": false, "set-16k-c50-p1": false, "get-1k-c50-p1": false, "get-16k-c50-p1": false,
	"mset-3b-c50-p1": false, "mix-1k-c50-p1": false,
	"policy-get-3b-c50-p1": false, "policy-get-3b-c50-p16": false,
}

// inFlight is how many bytes of values a scenario has under way at once.
func (s scenario) inFlight() int {
	n := s.clients * s.pipeline * s.size
	if s.command == mset {
		n *= 10
	}
	return n
}

// mostInFlight is where a scenario would measure the machine's memory instead.
const mostInFlight = 64 << 20

// scenarios are all, those of a whole run and the rest of the matrix.
func scenarios() []scenario {
	var out []scenario
	add := func(s scenario) {
		if s.inFlight() > mostInFlight {
			return
		}
		s.name = fmt.Sprintf("%s-%s-c%d-p%d", s.command, sizeName(s.size), s.clients, s.pipeline)
		s.targets = few
		var all bool
		if all, s.usual = usual[s.name]; all {
			s.targets = slices.Concat(few, more)
		}
		out = append(out, s)
	}
	for _, command := range []string{get, set, mset, mix} {
		for _, size := range sizes {
			for _, clients := range []int{1, 50, 500} {
				for _, pipeline := range []int{1, 16, 64} {
					add(scenario{command: command, size: size.bytes, clients: clients, pipeline: pipeline})
				}
			}
		}
	}
	for _, pipeline := range []int{1, 16} {
		s := scenario{command: get, size: 3, clients: 50, pipeline: pipeline, targets: cost}
		s.name = fmt.Sprintf("policy-get-3b-c50-p%d", pipeline)
		_, s.usual = usual[s.name]
		out = append(out, s)
	}
	return out
}

func sizeName(n int) string {
	for _, s := range sizes {
		if s.bytes == n {
			return s.name
		}
	}
	return fmt.Sprintf("%db", n)
}

// job makes a job of a scenario.
func (s scenario) job() job {
	return job{
		name: s.name, title: s.title(), targets: s.targets, more: more, usual: s.usual,
		run: func(ctx context.Context, r *runner, targets []string) (section, error) {
			s.targets = targets
			runs, err := r.scenario(ctx, s)
			return scenarioSection(s, runs), err
		},
		lasts: func(targets, rounds int, length time.Duration) time.Duration {
			const (
				before  = 900 * time.Millisecond // starting a target, finding its pace
				besides = 150 * time.Millisecond // what a run takes without its commands
			)
			return time.Duration(targets) * (before + time.Duration(rounds)*(s.length(length)+besides))
		},
	}
}
