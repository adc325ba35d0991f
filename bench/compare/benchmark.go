package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"redisgate/internal/child"
)

// keys is the number of keys that a load spreads over.
const keys = 1000

// outcome is what a load says of itself.
type outcome struct {
	rate     float64 // commands a second
	p50, p99 float64 // milliseconds
	cpu      time.Duration
}

// benchmark runs redis-benchmark with about n commands.
func benchmark(ctx context.Context, t *target, s scenario, n int) (outcome, error) {
	cmd := exec.Command("redis-benchmark", benchmarkArgs(t, s, n)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := child.Start(cmd); err != nil {
		return outcome{}, err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	var err error
	select {
	case err = <-exited:
	case <-ctx.Done():
		_ = cmd.Process.Kill()
		<-exited
		err = context.Cause(ctx)
	}
	if err != nil {
		return outcome{}, fmt.Errorf("redis-benchmark: %w\n%s", err, errs.String())
	}
	o, err := parseBenchmark(out.String())
	o.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return o, err
}

func benchmarkArgs(t *target, s scenario, n int) []string {
	args := []string{
		"--csv", "--precision", "3", "-t", s.command, "-d", strconv.Itoa(s.size), "-r", strconv.Itoa(keys),
		"-c", strconv.Itoa(s.clients), "-P", strconv.Itoa(s.pipeline), "-n", strconv.Itoa(n),
	}
	if host, port, err := net.SplitHostPort(t.addr); t.network == "tcp" && err == nil {
		args = append(args, "-h", host, "-p", port)
	} else {
		args = append(args, "-s", t.addr)
	}
	if t.tls != nil {
		args = append(args, "--tls", "--cacert", t.cafile, "--sni", "localhost", "--tls-ciphersuites", suiteName)
	}
	if t.user != "" {
		args = append(args, "--user", t.user, "-a", t.password)
	}
	return args
}

// parseBenchmark reads what redis-benchmark --csv prints for one test: a line of
// names and a line of values.
func parseBenchmark(text string) (outcome, error) {
	// Notes, such as of a CONFIG GET that was refused, may come first.
	at := strings.Index(text, `"test",`)
	if at < 0 {
		return outcome{}, fmt.Errorf("redis-benchmark has printed no table: %q", text)
	}
	rows, err := csv.NewReader(strings.NewReader(text[at:])).ReadAll()
	if err != nil || len(rows) != 2 {
		return outcome{}, fmt.Errorf("redis-benchmark has printed %d lines; want 2: %q, %w", len(rows), text, err)
	}
	value := func(name string) float64 {
		for i, have := range rows[0] {
			if have == name {
				v, e := strconv.ParseFloat(rows[1][i], 64)
				if e != nil && err == nil {
					err = fmt.Errorf("redis-benchmark's %s: %w", name, e)
				}
				return v
			}
		}
		err = fmt.Errorf("redis-benchmark's table has no %s: %q", name, text)
		return 0
	}
	o := outcome{rate: value("rps"), p50: value("p50_latency_ms"), p99: value("p99_latency_ms")}
	return o, err
}
