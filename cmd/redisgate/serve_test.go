package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisgate/config"
	"redisgate/internal/redistest"
)

// trusting returns a client's TLS that knows the authority in a file.
func trusting(t *testing.T, ca string) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", ca)
	}
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// addresses reads where serve listens from the line that serve logs.
func addresses(t *testing.T, log string) (clients, metrics string) {
	t.Helper()
	m := regexp.MustCompile(`msg=listening .*address=\[(\S+)\] .*metrics=(\S+)`).FindStringSubmatch(log)
	if m == nil {
		t.Fatalf("serve logged no addresses:\n%s", log)
	}
	return m[1], m[2]
}

func TestServeRunsWhatInitWrote(t *testing.T) {
	dir, password := initialised(t)
	path := filepath.Join(dir, "redisgate.toml")
	upstream, err := os.ReadFile(filepath.Join(dir, "redis.password"))
	if err != nil {
		t.Fatal(err)
	}
	s := redistest.Start(t, redistest.Options{Password: strings.TrimSpace(string(upstream))})
	replace(t, path, "unix://"+filepath.Join(dir, "redis.sock"), "unix://"+s.Socket())
	replace(t, path, `"127.0.0.1:6380"`, `"127.0.0.1:0"`)
	replace(t, path, `"127.0.0.1:9121"`, `"127.0.0.1:0"`)

	b := start(t, "serve", "--config", path)
	log := b.waitFor(t, b.stderr, "Redis answers")
	clients, metrics := addresses(t, log)

	ctx := t.Context()
	c := redistest.NewClient(t, &redis.Options{
		Addr: clients, Username: "app", Password: password, TLSConfig: trusting(t, filepath.Join(dir, "ca.crt")), MaxRetries: -1,
	})
	if err := c.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Errorf("SET = %v; want no error", err)
	}
	if got, err := c.Get(ctx, "k").Result(); err != nil || got != "v" {
		t.Errorf("GET = %q, %v; want \"v\"", got, err)
	}
	if err := c.FlushAll(ctx).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM ") {
		t.Errorf("FLUSHALL = %v; want NOPERM", err)
	}
	if code, body := fetch(t, "http://"+metrics+"/readyz"); code != 200 {
		t.Errorf("/readyz = %d %q; want 200", code, body)
	}
	if r := invoke(t, "", "health", "--address", metrics); r.code != 0 {
		t.Errorf("health = %d, %q; want 0", r.code, r.stderr)
	}
	_, page := fetch(t, "http://"+metrics+"/metrics")
	for _, want := range []string{
		`redisgate_commands_total{command="set",verdict="allowed"} 1`,
		`redisgate_commands_total{command="flushall",verdict="denied"} 1`,
		`redisgate_denied_total{reason="command",user="app"} 1`,
		`redisgate_upstream_up 1`,
		`redisgate_tls_certificate_expiry_timestamp_seconds{file="` + filepath.Join(dir, "server.crt") + `"}`,
	} {
		if !strings.Contains(page, "\n"+want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}

	s.Kill9()
	b.waitFor(t, b.stderr, "Redis does not answer")
	if r := invoke(t, "", "health", "--address", metrics); r.code != 1 || !strings.Contains(r.stderr, "not ready (503 Service Unavailable): Redis does not answer") {
		t.Errorf("health without Redis = %d, %q; want 1 and why", r.code, r.stderr)
	}
	_ = c.Close()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	b.waitFor(t, b.stderr, "msg=stopped")
	if code := b.stop(); code != 0 {
		t.Errorf("serve ended with %d; want 0", code)
	}
	for _, secret := range []string{password, strings.TrimSpace(string(upstream))} {
		if strings.Contains(b.stderr.String()+b.stdout.String(), secret) {
			t.Errorf("serve wrote the secret %q", secret)
		}
	}
}

func TestServeOnAUnixSocketAloneNeedsNoCertificate(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	dir, err := os.MkdirTemp("", "rg") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := write(t, "[listen]\naddress = \"unix://"+dir+"/gate.sock\"\n[upstream]\naddress = \"unix://"+s.Socket()+
		"\"\n[metrics]\naddress = \"\"\n[[user]]\nname = \"default\"\nacl = \"on nopass ~* &* +@all\"\n")
	b := start(t, "serve", "--config", path)
	b.waitFor(t, b.stderr, "Redis answers")
	c := redistest.NewClient(t, &redis.Options{Network: "unix", Addr: dir + "/gate.sock", MaxRetries: -1})
	if got, err := c.Ping(context.Background()).Result(); err != nil || got != "PONG" {
		t.Errorf("PING = %q, %v; want PONG", got, err)
	}
	_ = c.Close()
	if code := b.stop(); code != 0 {
		t.Errorf("serve ended with %d; want 0:\n%s", code, b.stderr)
	}
	if _, err := os.Stat(dir + "/gate.sock"); !os.IsNotExist(err) {
		t.Errorf("the socket is still there after the end (%v)", err)
	}
}

func TestServeSaysWhenItCannotListen(t *testing.T) {
	path := write(t, "[listen]\naddress = \"unix:///nowhere/at/all/gate.sock\"\n[metrics]\naddress = \"\"\n"+anyUser)
	want := "redisgate: error: " + path + ":2: listen.address: cannot listen on /nowhere/at/all/gate.sock: no such file or directory\nhint: make the directory first\n"
	if r := invoke(t, "", "serve", "--config", path); r.code != 1 || r.stderr != want {
		t.Errorf("serve = %d, %q; want 1, %q", r.code, r.stderr, want)
	}
}

// poke connects, sends text, and returns at the end of the answer.
func poke(t *testing.T, address, text string) {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(nc, text)
	_, _ = io.Copy(io.Discard, nc)
}

// TestTheLogInJSONIsNothingElse makes trouble of all kinds that anything below
// might write about.
func TestTheLogInJSONIsNothingElse(t *testing.T) {
	s := redistest.Start(t, redistest.Options{})
	dir, _ := initialised(t)
	path := filepath.Join(dir, "redisgate.toml")
	replace(t, path, "unix://"+filepath.Join(dir, "redis.sock"), "unix://"+s.Socket())
	replace(t, path, "\npassword_file = \"redis.password\"", "\npassword_file = \"\"")
	replace(t, path, `"127.0.0.1:6380"`, `"127.0.0.1:0"`)
	replace(t, path, `"127.0.0.1:9121"`, `"127.0.0.1:0"`)
	replace(t, path, `format = "text"`, `format = "json"`)
	replace(t, path, `level = "info"`, `level = "debug"`)

	b := start(t, "serve", "--config", path)
	text := b.waitFor(t, b.stderr, "Redis answers")
	m := regexp.MustCompile(`"address":\["([^"]+)"\],.*"metrics":"([^"]+)"`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("serve logged no addresses:\n%s", text)
	}
	poke(t, m[1], "PING\r\n")
	poke(t, m[1], "\x16\x03\x01\x00\x05hello")
	poke(t, m[2], "\x16\x03\x01\x00\x05hello\r\n\r\n")
	poke(t, m[2], "GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
	stdlog.Print("from a library")
	b.waitFor(t, b.stderr, "from a library")
	s.Kill9()
	b.waitFor(t, b.stderr, "Redis does not answer")
	if code := b.stop(); code != 0 {
		t.Errorf("serve ended with %d; want 0", code)
	}
	for line := range strings.Lines(b.stderr.String()) {
		var entry struct{ Time, Level, Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Time == "" || entry.Level == "" || entry.Msg == "" {
			t.Errorf("serve wrote %q, which is no entry of a log in JSON (%v)", line, err)
		}
	}
}

func TestAnErrorAfterTheStartIsInTheLogInJSON(t *testing.T) {
	for format, want := range map[string]string{"text": "redisgate: error: broken\n", "json": `"error":"broken"`} {
		var out bytes.Buffer
		c := config.Log{Level: "info", Format: format}
		printError(&out, logged(c, newLog(&out, c), errors.New("broken")))
		if got := out.String(); !strings.Contains(got, want) || strings.Count(got, "\n") != 1 {
			t.Errorf("an error with format %s gives %q; want one line with %q", format, got, want)
		}
	}
}
