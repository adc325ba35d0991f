package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/internal/redistest"
)

// replicaRules is what a replica's account needs.
const replicaRules = "on >secret -@all +psync +replconf +ping"

// TestMonitor listens with redis-cli's own MONITOR, which is granted by name.
func TestMonitor(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	g := gatetest.Start(t, gatetest.Options{Upstream: rs.Socket(), Users: map[string]string{
		"app": "on >secret ~* &* +@all", "ear": "on >secret -@all +monitor",
	}})
	m, c := newPart(g.Dial(t)), newPart(g.Dial(t))
	m.do(t, "AUTH", "ear", "secret")
	c.do(t, "AUTH", "app", "secret")
	m.do(t, "MONITOR")
	for i := range 100 {
		c.do(t, "SET", fmt.Sprintf("key:%d", i), "v\r\n")
	}
	form := regexp.MustCompile(`^\d+\.\d+ \[0 unix:\S+\] "SET" "key:(\d+)" "v\\r\\n"$`)
	for i := 0; i < 100; {
		v, text, closed := m.read()
		if closed {
			t.Fatalf("after %d lines: %s", i, text)
		}
		if g := form.FindStringSubmatch(v.text); g != nil {
			if g[1] != fmt.Sprint(i) {
				t.Fatalf("%s; want key:%d", text, i)
			}
			i++
		}
	}
	m.send("SET", "k", "v")
	for {
		v, text, closed := m.read()
		if closed {
			t.Fatal(text)
		}
		if v.kind == '-' {
			if want := `-"NOPERM User x has no permissions to run the 'set' command"`; text != want {
				t.Errorf("SET = %s; want %s", text, want)
			}
			break
		}
	}
	m.send("QUIT")
	for {
		if _, text, closed := m.read(); closed {
			if text != "(closed)" {
				t.Error(text)
			}
			break
		}
	}
	waitUntil(t, "Redis has no monitor", func() bool {
		return !strings.Contains(rs.Do("CLIENT", "LIST").(string), "cmd=monitor")
	})
}

// TestReplicaBehindTheGate has a real Redis replicate another one through the gate,
// over TLS, with a full and a partial resynchronisation, from memory and from disk.
func TestReplicaBehindTheGate(t *testing.T) {
	for _, diskless := range []string{"yes", "no"} {
		t.Run("diskless="+diskless, func(t *testing.T) {
			master := redistest.Start(t, redistest.Options{Args: []string{"--enable-debug-command", "yes", "--repl-diskless-sync", diskless, "--repl-diskless-sync-delay", "0"}})
			g := gatetest.Start(t, gatetest.Options{Upstream: master.Socket(), Users: map[string]string{
				"app": "on >secret ~* &* +@all", "replica": replicaRules,
			}})
			c := newPart(g.Dial(t))
			c.do(t, "AUTH", "app", "secret")
			for i := range 50 {
				c.do(t, "SET", fmt.Sprintf("before:%d", i), strings.Repeat("\x00\r\n*$", 10_000))
			}
			_, port, _ := strings.Cut(g.TCP, ":")
			replica := redistest.Start(t, redistest.Options{TLS: certificate(t, g), Args: []string{
				"--enable-debug-command", "yes",
				"--tls-replication", "yes", "--masteruser", "replica", "--masterauth", "secret", "--replicaof", "127.0.0.1", port,
			}})
			same := func() bool {
				return replica.Do("DEBUG", "DIGEST") == master.Do("DEBUG", "DIGEST") && replica.Do("DBSIZE") == master.Do("DBSIZE")
			}
			waitUntil(t, "the replica has all", same)
			for i := range 200 {
				c.do(t, "SET", fmt.Sprintf("after:%d", i), strings.Repeat("x", 100*i))
			}
			waitUntil(t, "the replica follows", same)
			if n := c.do(t, "CLIENT", "KILL", "TYPE", "replica").text; n != "1" {
				t.Errorf("CLIENT KILL TYPE replica = %s; want 1", n)
			}
			c.do(t, "SET", "k", "v")
			waitUntil(t, "the replica comes back", func() bool {
				return same() && strings.Contains(master.Do("INFO", "stats").(string), "sync_partial_ok:1\r\n")
			})
		})
	}
}

// certificate writes a server certificate of the gate's authority, and the authority's.
func certificate(t *testing.T, g *gatetest.Gate) *redistest.TLS {
	t.Helper()
	now := time.Now()
	issued, err := g.CA.Server(nil, now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	key, err := issued.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := &redistest.TLS{Cert: filepath.Join(dir, "server.crt"), Key: filepath.Join(dir, "server.key"), CA: g.CAFile}
	for path, data := range map[string][]byte{files.Cert: issued.CertPEM(), files.Key: key} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// waitUntil waits for something to become true.
func waitUntil(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to be that %s", what)
		}
	}
}
