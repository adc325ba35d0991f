//go:build !portable

package e2e

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"redisgate/internal/redistest"
)

// TestSystemCallsOfTheProcess holds the whole process by SIGSTOP while fifty clients
// send, and reads in /proc/PID/io how many reads and writes it then makes: one of
// each for a client, one of each for Redis, and a few that wake and watch.
func TestSystemCallsOfTheProcess(t *testing.T) {
	const clients, slack = 50, 12
	rs := redistest.Start(t, redistest.Options{})
	g := start(t, rs.Socket(), "~* &* +@all")
	var parts []*part
	for range clients {
		p := newPart(g.dial(t))
		p.do(t, "AUTH", "app", "secret")
		p.do(t, "PING")
		parts = append(parts, p)
	}
	for _, pipeline := range []int{1, 16} {
		request := strings.Repeat("*1\r\n$4\r\nPING\r\n", pipeline)
		signal(t, g.Pid(), syscall.SIGSTOP)
		reads, writes := calls(t, g.Pid())
		for _, p := range parts {
			p.out = append(p.out, request...)
			p.flush()
		}
		signal(t, g.Pid(), syscall.SIGCONT)
		for _, p := range parts {
			for range pipeline {
				if _, text, _ := p.read(); text != "+PONG" {
					t.Fatalf("PING = %s", text)
				}
			}
		}
		r, w := calls(t, g.Pid())
		t.Logf("pipeline %d: %d reads, %d writes for %d commands", pipeline, r-reads, w-writes, clients*pipeline)
		if r -= reads; r < clients+1 || r > clients+1+slack {
			t.Errorf("pipeline %d: %d reads; want %d and a few", pipeline, r, clients+1)
		}
		if w -= writes; w < clients+1 || w > clients+1+slack {
			t.Errorf("pipeline %d: %d writes; want %d and a few", pipeline, w, clients+1)
		}
	}
}

// signal sends SIGSTOP or SIGCONT, and waits until the process has stopped.
func signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
	if s != syscall.SIGSTOP {
		return
	}
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGCONT) })
	waitUntil(t, "the process is stopped", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err == nil && strings.Contains(string(stat), ") T ")
	})
}

// calls are the reads and writes of the process so far.
func calls(t *testing.T, pid int) (reads, writes int) {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		fmt.Sscanf(line, "syscr: %d", &reads)
		fmt.Sscanf(line, "syscw: %d", &writes)
	}
	return reads, writes
}
