//go:build !portable

package e2e

import (
	"fmt"
	"net"
	"os/exec"
	"testing"

	"redisgate/internal/redistest"
)

// TestAllocationsPerCommand reads the process's own count of allocations before
// and after many commands. crypto/tls makes one for each read that it does below
// itself, so one for each command that comes alone; redisgate makes none.
// So it is with an audit log of what is not every command. It is for the epoll loop: the portable one posts what it reads.
func TestAllocationsPerCommand(t *testing.T) {
	path := redistest.RequireTool(t, "redis-benchmark")
	rs := redistest.Start(t, redistest.Options{})
	const rules = "~key:* ~counter:* ~other:* +@all"
	audited, _ := auditGate(t, rs.Socket(), rules, "", nil)
	for name, g := range map[string]gate{"no audit": start(t, rs.Socket(), rules), "audit": audited} {
		t.Run(name, func(t *testing.T) { allocations(t, g, path) })
	}
}

func allocations(t *testing.T, g gate, path string) {
	host, port, _ := net.SplitHostPort(g.Addr)
	const commands = 100_000
	for _, test := range []struct {
		pipeline int
		most     float64
	}{{1, 1.1}, {16, 2.2 / 16}} { // sixteen come in one record, which may come in two reads
		run := func(n int) {
			out, err := exec.Command(path, "-h", host, "-p", port, "--tls", "--cacert", g.CAFile, "--user", "app", "-a", "secret",
				"-c", "50", "-n", fmt.Sprint(n), "-P", fmt.Sprint(test.pipeline), "-r", "1000", "-q", "GET", "key:__rand_int__").CombinedOutput()
			if err != nil {
				t.Fatalf("redis-benchmark: %v\n%s", err, out)
			}
		}
		run(commands / 10) // connections and buffers are made
		before := g.metric(t, "go_memstats_mallocs_total")
		run(commands / 10)
		first := g.metric(t, "go_memstats_mallocs_total") - before // what a run costs besides its commands
		before += first
		run(commands)
		each := (g.metric(t, "go_memstats_mallocs_total") - before - first) / (commands - commands/10)
		t.Logf("pipeline %d: %.3f allocations a command", test.pipeline, each)
		if each > test.most {
			t.Errorf("pipeline %d: %.3f allocations a command; want at most %.3f, those of crypto/tls", test.pipeline, each, test.most)
		}
	}
}
