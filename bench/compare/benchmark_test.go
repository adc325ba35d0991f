package main

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
)

const benchmarkHead = `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"` + "\n"

func TestParseBenchmark(t *testing.T) {
	for _, text := range []string{
		benchmarkHead + `"GET","132450.34","0.210","0.080","0.199","0.335","0.559","1.575"` + "\n",
		"WARNING: Could not fetch server CONFIG\n" + benchmarkHead + `"GET","132450.34","0.210","0.080","0.199","0.335","0.559","1.575"` + "\n",
		benchmarkHead + `"MSET (10 keys)","132450.34","0.210","0.080","0.199","0.335","0.559","1.575"` + "\n",
	} {
		want := outcome{rate: 132450.34, p50: 0.199, p99: 0.559}
		if got, err := parseBenchmark(text); err != nil || got != want {
			t.Errorf("parseBenchmark(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "GET: 1 requests per second", benchmarkHead, benchmarkHead + `"GET","x","0.2"` + "\n",
		benchmarkHead + `"GET","fast","0.210","0.080","0.199","0.335","0.559","1.575"` + "\n",
		`"test","rps"` + "\n" + `"GET","1"` + "\n",
		benchmarkHead + strings.Repeat(`"GET","1","1","1","1","1","1","1"`+"\n", 2),
	} {
		if got, err := parseBenchmark(text); err == nil {
			t.Errorf("parseBenchmark(%q) = %+v; want an error", text, got)
		}
	}
}

func TestBenchmarkArgs(t *testing.T) {
	s := scenario{command: set, size: 1024, clients: 50, pipeline: 16}
	for _, tc := range []struct {
		target target
		want   []string // side by side
		not    []string
	}{
		{target{network: "tcp", addr: "127.0.0.1:7"}, []string{"-h", "127.0.0.1", "-p", "7"}, []string{"--tls", "--user", "-s"}},
		{target{network: "unix", addr: "/tmp/redis.sock"}, []string{"-s", "/tmp/redis.sock"}, []string{"-h", "-p"}},
		{
			target{network: "tcp", addr: "127.0.0.1:7", tls: &tls.Config{}, cafile: "ca.crt", user: "app", password: "secret"},
			[]string{"--tls", "--cacert", "ca.crt", "--sni", "localhost", "--tls-ciphersuites", suiteName, "--user", "app", "-a", "secret"},
			[]string{"-s"},
		},
	} {
		got := benchmarkArgs(&tc.target, s, 1000)
		joined := strings.Join(got, " ")
		if !strings.Contains(joined, strings.Join(tc.want, " ")) || !strings.Contains(joined, "-t set -d 1024 -r 1000 -c 50 -P 16 -n 1000") {
			t.Errorf("benchmarkArgs(%+v) = %q; want %q in it", tc.target.addr, got, tc.want)
		}
		for _, not := range tc.not {
			if slices.Contains(got, not) {
				t.Errorf("benchmarkArgs(%+v) = %q; want no %s", tc.target.addr, got, not)
			}
		}
	}
}

const info = "# Stats\r\ntotal_connections_received:5\r\nkeyspace_hits:1000\r\nkeyspace_misses:%MISSES%\r\n" +
	"# Commandstats\r\ncmdstat_config|get:calls=2,usec=29,usec_per_call=4.83,rejected_calls=0,failed_calls=0\r\n" +
	"cmdstat_get:calls=900,usec=3554,usec_per_call=0.18,rejected_calls=0,failed_calls=%FAILED%\r\n" +
	"cmdstat_set:calls=100,usec=354,usec_per_call=0.35,rejected_calls=0,failed_calls=0\r\n"

func TestCountsAreJudged(t *testing.T) {
	for _, tc := range []struct {
		misses, failed, command string
		n                       int
		want                    int64 // 0: an error
	}{
		{"0", "0", get, 900, 900},
		{"0", "0", get, 890, 900},
		{"0", "0", set, 100, 100},
		{"0", "0", mix, 1000, 1000},
		{"0", "0", get, 901, 0},
		{"0", "0", mset, 1, 0},
		{"1", "0", get, 900, 0},
		{"0", "1", get, 900, 0},
	} {
		text := strings.NewReplacer("%MISSES%", tc.misses, "%FAILED%", tc.failed).Replace(info)
		c, err := parseCounts(text)
		if err != nil {
			t.Fatalf("parseCounts(%q) = %v", text, err)
		}
		got, err := c.judge(scenario{command: tc.command}, tc.n)
		if got != tc.want || (err != nil) != (tc.want == 0) {
			t.Errorf("judge(%s, %d) with %s misses and %s failures = %d, %v; want %d", tc.command, tc.n, tc.misses, tc.failed, got, err, tc.want)
		}
	}
	for _, text := range []string{"keyspace_misses:x\r\n", "cmdstat_get:calls=x,usec=1\r\n"} {
		if c, err := parseCounts(text); err == nil {
			t.Errorf("parseCounts(%q) = %+v; want an error", text, c)
		}
	}
}
