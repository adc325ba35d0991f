package main

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"redisgate/internal/process"
)

// What changes between the moment at which a file was read and that from which it is
// watched, which a hand-over puts off, is noticed as any change is.
func TestChangesBeforeFilesAreWatchedAreNoticed(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	cert, err := process.NewCertificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	text := `[listen]
address = "127.0.0.1:0"
[tls]
cert = "server.crt"
key = "server.key"
[metrics]
address = ""
[upstream]
address = "127.0.0.1:1"
tls = true
ca = "ca.crt"
cert = "server.crt"
key = "server.key"
[network]
deny_file = "deny.txt"
[reload]
watch = true
` + powerful
	for name, change := range map[string]func(){
		"nothing":       func() {},
		"TLS":           func() { renew(t, dir, cert) },
		"the networks":  func() { put(t, at("deny.txt"), []byte("192.0.2.2\n")) },
		"configuration": func() { put(t, at("redisgate.toml"), []byte(text+"# more\n")) },
	} {
		t.Run(name, func(t *testing.T) {
			put(t, at("redisgate.toml"), []byte(text))
			put(t, at("deny.txt"), []byte("192.0.2.1\n"))
			b, err := loadAndBuild(at("redisgate.toml"), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			change()
			listeners, _, err := listenAll(b.cfg)
			if err != nil {
				t.Fatal(err)
			}
			g, err := newGate(b, listeners, nil, describe(nil), newLog(newSyncBuffer(), b.cfg.Log))
			if err != nil {
				t.Fatal(err)
			}
			g.tls.look(time.Now())
			g.reloads.sources.look(time.Now())
			var read uint64
			for _, l := range []interface{ Reloads() (ok, failed uint64) }{b.clients, b.toRedis} {
				ok, _ := l.Reloads()
				read += ok
			}
			got := fmt.Sprint(read, " ", len(g.reloads.asked))
			want := map[string]string{"nothing": "0 0", "TLS": "2 0"}[name]
			if want == "" {
				want = "0 1"
			}
			if got != want {
				t.Errorf("TLS files are read again %s times and the configuration is asked for; want %s", got, want)
			}
			ended, end := context.WithCancel(t.Context())
			end()
			if err := g.run(ended, ended); err != nil {
				t.Error(err)
			}
		})
	}
}

// renew writes another certificate of the same authority.
func renew(t *testing.T, dir string, cert *process.Certificate) {
	t.Helper()
	server, err := cert.CA.Server(nil, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	issue(t, dir, "server", server)
}
