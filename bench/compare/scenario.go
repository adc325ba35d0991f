package main

import (
	"fmt"
	"regexp"
	"slices"
)

// scenario is one kind of load, put on several targets in turns.
type scenario struct {
	name     string
	command  string // get, set, mset or mix
	size     int    // bytes of a value
	clients  int
	pipeline int
	targets  []string // which; those that cannot be had are left out
	usual    bool     // it runs unless others are asked for
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
	many = append([]string{"redis-unix", "redisgate-2", "redisgate-2-unix", baseGate + "-unix"}, few...)
	cost = []string{openGate, gateName}
)

// usual are the scenarios of a whole run, and whether they take many targets.
var usual = map[string]bool{
	"get-3b-c50-p1": true, "get-3b-c50-p16": true, "get-3b-c50-p64": false, "get-3b-c1-p1": false, "get-3b-c500-p1": true,
	"set-1k-c50-p1": false, "set-16k-c50-p1": false, "get-1k-c50-p1": false, "get-16k-c50-p1": false,
	"mset-3b-c50-p1": false, "mix-1k-c50-p1": false,
	"policy-get-3b-c50-p1": true, "policy-get-3b-c50-p16": true,
}

// scenarios are all, those of a whole run and the rest of the matrix.
func scenarios() []scenario {
	var out []scenario
	add := func(s scenario) {
		s.name = fmt.Sprintf("%s-%s-c%d-p%d", s.command, sizeName(s.size), s.clients, s.pipeline)
		s.targets = few
		var all bool
		if all, s.usual = usual[s.name]; all {
			s.targets = many
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

// choose returns the scenarios whose names match, or the usual ones for "". The
// targets of each are those whose names match, or all for "".
func choose(names, targets string, here func(string) bool) ([]scenario, error) {
	name, err := regexp.Compile(names)
	if err != nil {
		return nil, fmt.Errorf("scenarios: %w", err)
	}
	target, err := regexp.Compile(targets)
	if err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	var out []scenario
	for _, s := range scenarios() {
		if names == "" && !s.usual || !name.MatchString(s.name) {
			continue
		}
		var chosen []string
		for _, k := range kinds() {
			if slices.Contains(s.targets, k.name) && target.MatchString(k.name) && here(k.name) {
				chosen = append(chosen, k.name)
			}
		}
		if len(chosen) == 0 {
			continue
		}
		s.targets = chosen
		out = append(out, s)
	}
	return out, nil
}
