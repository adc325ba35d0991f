package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"redisgate/audit"
	"redisgate/internal/redistest"
	"redisgate/metrics"
	"redisgate/proxy"
)

func TestCheckSaysWhatAnAuditLogLacks(t *testing.T) {
	for text, want := range map[string]string{
		"path = \"none/audit.log\"":            "audit.path",
		"path = \".\"":                         "is not a regular file",
		"key_secret_file = \"none\"":           "audit.key_secret_file",
		"key_secret_env = \"NO_SUCH_SECRET\"":  "audit.key_secret_env",
		"path = \"redisgate.toml/audit.log\"":  "not a directory",
		"path = \"syslog:///none/log.sock\"":   "audit.path",
		"path = \"audit.log\"":                 "",
		"path = \"-\"\nevents = [\"command\"]": "",
	} {
		path := write(t, socketConfig+anyUser+"[audit]\n"+text+"\n")
		r := invoke(t, "", "check", "--config", path)
		if (r.code == 0) != (want == "") || !strings.Contains(r.stderr, want) {
			t.Errorf("check of [audit] %q = %d\n%s; want %q", text, r.code, r.stderr, want)
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "audit.log")); !os.IsNotExist(err) {
			t.Errorf("check of %q has made the file: %v", text, err)
		}
	}
}

// TestEventsHaveOneForm holds the two types to each other; that they convert is the
// compiler's business.
func TestEventsHaveOneForm(t *testing.T) {
	e := proxy.AuditEvent{Class: proxy.AuditAdmin, User: "app", Generation: 7}
	if got := (*audit.Event)(&e); got.Class != audit.Admin || got.User != "app" || got.Generation != 7 {
		t.Errorf("an event becomes %+v", got)
	}
}

// TestTheAuditLogOfAGateChanges switches it on and elsewhere while a gate runs.
func TestTheAuditLogOfAGateChanges(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	dir := t.TempDir()
	path := filepath.Join(dir, "redisgate.toml")
	text := "[listen]\naddress = \"unix://" + filepath.Join(dir, "gate.sock") + "\"\n[upstream]\naddress = \"unix://" + rs.Socket() + "\"\n[metrics]\naddress = \"\"\n" + anyUser
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := loadAndBuild(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	g, stop := runGate(t, b)
	defer stop()
	if g.audit.Wants() != 0 {
		t.Errorf("Wants() = %b; want nothing, since audit.path is empty", g.audit.Wants())
	}
	o := b.audit
	o.Path, o.Events = filepath.Join(dir, "audit.log"), 1<<audit.Config|1<<audit.Connection
	if err := g.reconfigureAudit(o); err != nil {
		t.Fatal(err)
	}
	g.audit.config("reloaded", "", 2)
	r := dialUnix(t, filepath.Join(dir, "gate.sock"))
	defer r.Close()
	wait := func(want string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			text, err := os.ReadFile(o.Path)
			if err == nil && strings.Contains(string(text), want) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the audit log has %q, %v; want %q", text, err, want)
			}
		}
	}
	wait(`"event":"config","verdict":"reloaded","generation":2`)
	wait(`"event":"connection","client":1,"address":"unix","verdict":"opened"`)
	o.Path = filepath.Join(dir, "none", "audit.log")
	if err := g.reconfigureAudit(o); err == nil {
		t.Error("an audit log that cannot be opened is put in force")
	}
}

// runGate runs a gate until stop is called.
func runGate(t *testing.T, b *built) (g *gate, stop func()) {
	t.Helper()
	listeners, metricsAt, err := listenAll(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if g, err = newGate(b, listeners, metricsAt, metrics.Build{}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.run(ctx, context.Background()) }()
	return g, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the gate ends with %v", err)
		}
	}
}

func dialUnix(t *testing.T, path string) net.Conn {
	t.Helper()
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	return nc
}
