package e2e

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"redisgate/internal/process"
	"redisgate/internal/redistest"
)

// cli runs redis-cli against redisgate and returns what it prints.
func cli(t *testing.T, p gate, args ...string) string {
	t.Helper()
	path := redistest.RequireTool(t, "redis-cli")
	host, port, _ := net.SplitHostPort(p.Addr)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	all := append([]string{"-h", host, "-p", port, "--tls", "--cacert", p.CAFile, "--no-auth-warning"}, args...)
	out, err := exec.CommandContext(ctx, path, all...).CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatalf("redis-cli %q: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

func TestRedisCli(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	p := start(t, rs.Socket(), "~data:* &* -@all +@read +@write +ping +multi +exec")
	app := []string{"--user", "app", "-a", "secret"}
	for _, test := range []struct {
		args []string
		want string
	}{
		{append(app, "PING"), "PONG"},
		{append(app, "SET", "data:1", "v"), "OK"},
		{append(app, "GET", "data:1"), `v`},
		{append(app, "GET", "other"), "NOPERM No permissions to access a key"},
		{append(app, "CONFIG", "GET", "dir"), "NOPERM User app has no permissions to run the 'config|get' command"},
		{append(app, "FLUSHALL"), "NOPERM User app has no permissions to run the 'flushall' command"},
		{[]string{"GET", "data:1"}, "NOAUTH Authentication required."},
		{[]string{"--user", "app", "-a", "wrong", "PING"}, "WRONGPASS invalid username-password pair or user is disabled."},
		{append(app, "-3", "PING"), "PONG"},
	} {
		if got := cli(t, p, test.args...); !strings.Contains(got, test.want) {
			t.Errorf("redis-cli %q = %q; want %q in it", test.args, got, test.want)
		}
	}
	for series, least := range map[string]float64{
		`redisgate_commands_total{command="get",verdict="allowed"}`:     1,
		`redisgate_commands_total{command="get",verdict="denied"}`:      2,
		`redisgate_denied_total{reason="key",user="app"}`:               1,
		`redisgate_denied_total{reason="command",user="app"}`:           1,
		`redisgate_denied_total{reason="keyless",user="app"}`:           1,
		`redisgate_connections_total{result="accepted"}`:                9,
		`redisgate_auth_total{result="ok"}`:                             7,
		`redisgate_auth_total{result="failed"}`:                         1,
		`redisgate_tls_handshakes_total{resumed="false",version="1.3"}`: 9,
		`redisgate_upstream_up`:                                         1,
	} {
		if got := p.metric(t, series); got < least {
			t.Errorf("%s = %v; want at least %v", series, got, least)
		}
	}
}

// TestRedisBenchmark runs it whole, without an error, and looks at how many
// connections Redis has meanwhile.
func TestRedisBenchmark(t *testing.T) {
	path := redistest.RequireTool(t, "redis-benchmark")
	rs := redistest.Start(t, redistest.Options{})
	p := start(t, rs.Socket(), "~* &* +@all")
	host, port, _ := net.SplitHostPort(p.Addr)
	for _, pipeline := range []string{"1", "16"} {
		cmd := exec.Command(path, "-h", host, "-p", port, "--tls", "--cacert", p.CAFile, "--user", "app", "-a", "secret",
			"-c", "50", "-n", fmt.Sprint(requests), "-t", "get,set,incr,lpush,sadd,hset,mset", "-q", "-P", pipeline)
		var out process.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		most := 0
	run:
		for {
			select {
			case err := <-done:
				if err != nil {
					t.Fatalf("redis-benchmark: %v\n%s", err, out.String())
				}
				break run
			case <-time.After(50 * time.Millisecond):
				most = max(most, strings.Count(rs.Do("CLIENT", "LIST").(string), "\n"))
			}
		}
		text := strings.ToLower(out.String())
		if strings.Contains(text, "err") || strings.Contains(text, "noperm") || strings.Contains(text, "noauth") {
			t.Errorf("redis-benchmark -P %s has errors:\n%s", pipeline, out.String())
		}
		if n := strings.Count(text, "requests per second"); n < 7 {
			t.Errorf("redis-benchmark -P %s ran %d tests; want 7\n%s", pipeline, n, out.String())
		}
		// One worker with one pipeline, one warm connection (redis-benchmark asks
		// for CONFIG), the control connection, and the test's own.
		if most > 4 {
			t.Errorf("Redis has had %d connections; want at most 4", most)
		}
	}
}
