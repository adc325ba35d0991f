package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func everywhere(string) bool { return true }

func names(jobs []job) []string {
	var out []string
	for _, j := range jobs {
		out = append(out, j.name)
	}
	return out
}

func TestChoose(t *testing.T) {
	for _, tc := range []struct {
		scenarios, targets string
		want               []string
		wantTargets        []string // of the first
	}{
		{"^get-3b-c1-p1$", "^redis(-tls|gate)$", []string{"get-3b-c1-p1"}, []string{tlsRedis, gateName}},
		{"^get-3b-c1-p1$", "^redisgate-2$", []string{"get-3b-c1-p1"}, []string{"redisgate-2"}},
		{"^(get|set)-16k-c50-p1$", "", []string{"get-16k-c50-p1", "set-16k-c50-p1"}, few},
		{"^policy-get-3b-c50-p16$", "", []string{"policy-get-3b-c50-p16"}, []string{gateName, openGate}},
		{"^scaling$", "", []string{"scaling"}, []string{gateName}},
		{"^scaling$", "^haproxy$", nil, nil},
		{"^nothing$", "", nil, nil},
		{"", "^stunnel$", []string{
			"get-3b-c1-p1", "get-3b-c50-p1", "get-3b-c50-p16", "get-3b-c50-p64", "get-3b-c500-p1", "get-1k-c50-p1", "get-16k-c50-p1",
			"set-1k-c50-p1", "set-16k-c50-p1", "mset-3b-c50-p1", "mix-1k-c50-p1", "handshakes", "idle",
		}, []string{"stunnel"}},
	} {
		got, err := choose(tc.scenarios, tc.targets, everywhere)
		if err != nil || !slices.Equal(names(got), tc.want) {
			t.Errorf("choose(%q, %q) = %q, %v; want %q", tc.scenarios, tc.targets, names(got), err, tc.want)
			continue
		}
		if len(got) > 0 && !slices.Equal(got[0].targets, tc.wantTargets) {
			t.Errorf("choose(%q, %q) has the targets %q; want %q", tc.scenarios, tc.targets, got[0].targets, tc.wantTargets)
		}
	}
}

func TestScenariosFitIntoMemory(t *testing.T) {
	all := map[string]bool{}
	for _, s := range scenarios() {
		all[s.name] = true
		if s.inFlight() > mostInFlight {
			t.Errorf("%s has %d bytes under way; want at most %d", s.name, s.inFlight(), mostInFlight)
		}
	}
	for name, want := range map[string]bool{"get-16k-c50-p64": true, "set-16k-c500-p1": true, "get-16k-c500-p64": false, "mset-16k-c50-p64": false} {
		if all[name] != want {
			t.Errorf("there is a scenario %s: %t; want %t", name, all[name], want)
		}
	}
}

func TestTargetsThatAreNotHereAreLeftOut(t *testing.T) {
	got, err := choose("^get-3b-c1-p1$", "", func(name string) bool { return name != "envoy" && name != baseGate })
	if err != nil || len(got) != 1 || slices.Contains(got[0].targets, "envoy") || !slices.Contains(got[0].targets, "ghostunnel") {
		t.Errorf("choose() = %+v, %v; want all targets but envoy", got, err)
	}
}

func TestNamesAreOfOneJobAndOneTarget(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range names(jobs()) {
		if seen[name] {
			t.Errorf("two jobs are named %s", name)
		}
		seen[name] = true
	}
	for name := range usual {
		if !seen[name] {
			t.Errorf("no scenario is named %s", name)
		}
	}
	for _, j := range jobs() {
		for _, name := range slices.Concat(j.targets, j.more) {
			if kindNamed(name) == nil {
				t.Errorf("%s runs on %s, which is no target", j.name, name)
			}
		}
	}
}

// TestTheUsualRunIsBounded adds up what a run with the defaults should take.
func TestTheUsualRunIsBounded(t *testing.T) {
	here := func(name string) bool {
		return !strings.HasPrefix(name, baseGate) && name != "envoy" && name != "ghostunnel"
	}
	chosen, err := choose("", "", here)
	if err != nil {
		t.Fatal(err)
	}
	if got := estimate(chosen, 5, 2*time.Second); got > 30*time.Minute || got < 10*time.Minute {
		t.Errorf("a usual run takes %v; want at most 30 minutes", got)
	}
	one, err := choose("^get-3b-c50-p1$", "", here)
	if err != nil {
		t.Fatal(err)
	}
	if got := estimate(one, 3, time.Second); got > time.Minute {
		t.Errorf("a quick run of one scenario takes %v; want less than a minute", got)
	}
}

// TestTurnsAreInterleaved wants each target once a round, and each round to begin
// with the next.
func TestTurnsAreInterleaved(t *testing.T) {
	var got []int
	r := &runner{rounds: 3, progress: &bytes.Buffer{}}
	err := r.turns("x", 3, func(round, i int) error {
		got = append(got, 10*round+i)
		return nil
	})
	if want := []int{10, 11, 12, 21, 22, 20, 32, 30, 31}; err != nil || !slices.Equal(got, want) {
		t.Errorf("turns = %v, %v; want %v", got, err, want)
	}
	broken := errors.New("broken")
	if err := r.turns("x", 3, func(round, i int) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("turns = %v; want %v", err, broken)
	}
}

func TestListNamesAll(t *testing.T) {
	var out, errs bytes.Buffer
	if code := command(t.Context(), []string{"-list"}, &out, &errs); code != 0 {
		t.Fatalf("compare -list = %d, %s; want 0", code, &errs)
	}
	for _, name := range names(jobs()) {
		if !strings.Contains(out.String(), " "+name+" ") {
			t.Errorf("-list does not name %s", name)
		}
	}
	for _, k := range kinds() {
		if !strings.Contains(out.String(), k.about) {
			t.Errorf("-list does not name %s", k.name)
		}
	}
}

func TestEnvoyConfigIsJSON(t *testing.T) {
	text, err := envoyConfig("127.0.0.1:1", "127.0.0.1:2", "server.crt", "server.key")
	if err != nil || !json.Valid(text) || !bytes.Contains(text, []byte(`"port_value":2`)) || !bytes.Contains(text, []byte("TLSv1_3")) {
		t.Errorf("envoyConfig() = %s, %v", text, err)
	}
	if text, err := envoyConfig("127.0.0.1", "127.0.0.1:2", "", ""); err == nil {
		t.Errorf("envoyConfig(no port) = %s; want an error", text)
	}
}
