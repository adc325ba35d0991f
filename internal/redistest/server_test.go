package redistest

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestStartListensOnSocketAndPort(t *testing.T) {
	s := Start(t, Options{TCP: true, Password: "pw", Args: []string{"--maxclients", "33"}})
	ctx := context.Background()
	if err := s.Client().Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatalf("SET over the socket = %v; want no error", err)
	}
	c := NewClient(t, &redis.Options{Addr: s.Addr(), Password: "pw"})
	if got, err := c.Get(ctx, "k").Result(); err != nil || got != "v" {
		t.Errorf("GET over TCP = %q, %v; want \"v\"", got, err)
	}
	got, err := c.ConfigGet(ctx, "maxclients").Result()
	if err != nil || got["maxclients"] != "33" {
		t.Errorf("CONFIG GET maxclients = %v, %v; want 33", got, err)
	}
	if err := NewClient(t, &redis.Options{Addr: s.Addr(), MaxRetries: -1}).Ping(ctx).Err(); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("PING without the password = %v; want NOAUTH", err)
	}
}

func TestRestartKeepsTheAddressesAndLosesTheData(t *testing.T) {
	s := Start(t, Options{TCP: true})
	socket, addr, pid := s.Socket(), s.Addr(), s.Pid()
	s.Do("SET", "k", "v")
	for range 3 {
		s.Kill9()
		if got := s.Pid(); got != 0 {
			t.Errorf("Pid() = %d after Kill9; want 0", got)
		}
		s.Restart()
		if s.Socket() != socket || s.Addr() != addr || s.Pid() == pid {
			t.Errorf("after Restart %s, %s, %d; want the same addresses and another process than %s, %s, %d",
				s.Socket(), s.Addr(), s.Pid(), socket, addr, pid)
		}
		if got := s.Do("GET", "k"); got != nil {
			t.Errorf("GET k = %v after Restart; want nil", got)
		}
	}
	if got := NewClient(t, &redis.Options{Addr: addr}).Ping(context.Background()).Val(); got != "PONG" {
		t.Errorf("PING over TCP after Restart = %q; want PONG", got)
	}
}

func TestServersGetDifferentPorts(t *testing.T) {
	seen := map[string]bool{}
	for range 4 {
		s := Start(t, Options{TCP: true})
		if seen[s.Addr()] {
			t.Errorf("%s was given out twice", s.Addr())
		}
		seen[s.Addr()] = true
	}
}

func TestTheEndOfATestLeavesNothing(t *testing.T) {
	var s *Server
	var dir string
	t.Run("inner", func(t *testing.T) {
		s = Start(t, Options{})
		dir = s.Dir()
	})
	if s == nil {
		Skip(t, "the server was not started")
	}
	if got := s.Pid(); got != 0 {
		t.Errorf("Pid() = %d after the test; want 0", got)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("Stat(%q) = %v after the test; want that it is gone", dir, err)
	}
}

func TestMajorVersion(t *testing.T) {
	for out, want := range map[string]int{
		"Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d": 7,
		"Valkey server v=8.1.0 sha=0 malloc=libc bits=64":                               8,
		"Redis server v=10.0.0 sha=0":                                                   10,
	} {
		if got, ok := majorVersion(out); !ok || got != want {
			t.Errorf("majorVersion(%q) = %d, %v; want %d", out, got, ok, want)
		}
	}
	for _, out := range []string{"", "Redis server v=x.1", "Redis server version 2.4"} {
		if got, ok := majorVersion(out); ok {
			t.Errorf("majorVersion(%q) = %d, true; want false", out, got)
		}
	}
}

func TestRequireToolSkipsWithTheFixedPrefix(t *testing.T) {
	rec := &recorder{TB: t}
	func() {
		defer func() { _ = recover() }()
		RequireTool(rec, "no-such-program-anywhere")
	}()
	if want := SkipPrefix + "no-such-program-anywhere is not installed"; rec.reason != want {
		t.Errorf("RequireTool skipped with %q; want %q", rec.reason, want)
	}
}

// recorder notes the reason of a skip instead of skipping.
type recorder struct {
	testing.TB
	reason string
}

func (r *recorder) Skip(args ...any) {
	r.reason, _ = args[0].(string)
	panic("skipped")
}
