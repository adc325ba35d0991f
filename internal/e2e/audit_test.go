package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/internal/process"
	"redisgate/internal/redistest"
	"redisgate/resp"
)

// auditLine is a line of the audit log.
type auditLine map[string]any

// matches says that the line has these values.
func (l auditLine) matches(want auditLine) bool {
	for k, v := range want {
		if fmt.Sprint(l[k]) != fmt.Sprint(v) {
			return false
		}
	}
	return true
}

// parseAudit reads lines, of which the last may be half written.
func parseAudit(t testing.TB, text string) []auditLine {
	t.Helper()
	var out []auditLine
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		var l auditLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("the audit log has the line %q: %v", line, err)
		}
		out = append(out, l)
	}
	return out
}

func auditFile(t testing.TB, path string) []auditLine {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return parseAudit(t, string(text))
}

// waitForAudit waits until read gives a line like want.
func waitForAudit(t testing.TB, read func() []auditLine, want auditLine) auditLine {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		lines := read()
		if i := slices.IndexFunc(lines, func(l auditLine) bool { return l.matches(want) }); i >= 0 {
			return lines[i]
		}
		if time.Now().After(end) {
			t.Fatalf("the audit log has no line like %v; it has\n%v", want, lines)
		}
	}
}

// auditGate runs a gate that audits to audit.log in its directory. extra is more of
// [audit] and what follows it.
func auditGate(t testing.TB, redis, rules, extra string, change func(*process.Options)) (gate, string) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	o := process.Options{Binary: path, Dir: t.TempDir(), Redis: redis, Rules: rules, Extra: "[audit]\npath = \"audit.log\"\n" + extra}
	if change != nil {
		change(&o)
	}
	p, err := process.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return gate{p}, filepath.Join(o.Dir, "audit.log")
}

// say sends requests, each in words, and returns all replies; QUIT is added.
func say(t testing.TB, nc net.Conn, requests ...string) string {
	t.Helper()
	var out []byte
	for _, r := range append(requests, "QUIT") {
		out = resp.AppendCommand(out, strings.Fields(r)...)
	}
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := nc.Write(out); err != nil {
		t.Fatal(err)
	}
	reply, err := io.ReadAll(nc)
	if err != nil {
		t.Fatal(err)
	}
	return string(reply)
}

// auditField is a row of the table of fields in docs/AUDIT.md.
type auditField struct {
	of         string
	in, always []string
}

var everyEvent = []string{"auth", "denied", "admin", "config", "connection", "command"}

// auditSchema reads docs/AUDIT.md: the fields, and the verdicts of each event.
func auditSchema(t testing.TB) (map[string]auditField, map[string][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "AUDIT.md"))
	if err != nil {
		t.Fatal(err)
	}
	events := func(s string) []string {
		switch s {
		case "all":
			return everyEvent
		case "-":
			return nil
		}
		return strings.Split(s, ", ")
	}
	fields, verdicts := map[string]auditField{}, map[string][]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (string|number|list of strings) \\| ([a-z, ]+) \\| ([a-z, -]+) \\| .+ \\|$").FindAllStringSubmatch(string(text), -1) {
		fields[m[1]] = auditField{m[2], events(m[3]), events(m[4])}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| [^|]+ \\| (`[a-z`, ]+`) \\|$").FindAllStringSubmatch(string(text), -1) {
		verdicts[m[1]] = strings.Split(strings.ReplaceAll(m[2], "`", ""), ", ")
	}
	if len(fields) < 20 || len(verdicts) != len(everyEvent) {
		t.Fatalf("docs/AUDIT.md has %d fields and the verdicts of %d events", len(fields), len(verdicts))
	}
	return fields, verdicts
}

func typeOf(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case float64:
		return "number"
	case []any:
		for _, e := range v {
			if _, ok := e.(string); !ok {
				return "list of something else"
			}
		}
		return "list of strings"
	}
	return fmt.Sprintf("%T", v)
}

// checkAudit holds lines to the document, and notes the fields that they have.
func checkAudit(t *testing.T, lines []auditLine, seen map[string]bool) {
	t.Helper()
	fields, verdicts := auditSchema(t)
	for _, l := range lines {
		event := fmt.Sprint(l["event"])
		for name, v := range l {
			f, ok := fields[name]
			switch {
			case !ok:
				t.Errorf("the field %s is not documented: %v", name, l)
			case !slices.Contains(f.in, event):
				t.Errorf("the field %s is not documented for %s: %v", name, event, l)
			case typeOf(v) != f.of:
				t.Errorf("the field %s is a %s; want a %s: %v", name, typeOf(v), f.of, l)
			}
			seen[name] = true
		}
		for name, f := range fields {
			if _, ok := l[name]; !ok && slices.Contains(f.always, event) && (l["repeats"] == nil || name != "client") {
				t.Errorf("the field %s, which %s always has, is missing: %v", name, event, l)
			}
		}
		if !slices.Contains(verdicts[event], fmt.Sprint(l["verdict"])) {
			t.Errorf("the verdict %v of %s is not documented: %v", l["verdict"], event, l)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000000Z", fmt.Sprint(l["time"])); err != nil {
			t.Errorf("%v", err)
		}
		seen[event+" "+fmt.Sprint(l["verdict"])] = true
	}
}

const everyAuditEvent = `events = ["auth", "denied", "admin", "config", "connection", "command"]` + "\n"

func TestAuditLinesAreAsDocumented(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	people := `
[[user]]
name = "few"
acl = "on >secret ~few:* -@all +@read +@connection +set +mget +publish +flushall +info -info"
[[user]]
name = "service"
acl = "on ~* &* +@all"
certificates = ["CN:service-7"]
[[user]]
name = "one"
acl = "on >secret ~* +@all"
max_connections = 1
`
	g, path := auditGate(t, rs.Socket(), "~* &* +@all +config|set", everyAuditEvent+"keys = \"plain\"\n"+people, func(o *process.Options) {
		o.TLS = "client_auth = \"optional\"\nclient_ca = \"ca.crt\"\n"
	})
	read := func() []auditLine { return auditFile(t, path) }
	wait := func(want auditLine) auditLine { t.Helper(); return waitForAudit(t, read, want) }
	wait(auditLine{"event": "config", "verdict": "started", "generation": 1})

	nc := g.dial(t)
	from := nc.LocalAddr().String()
	say(t, nc, "SET early 1", "AUTH few wrong", "AUTH nobody wrong", "AUTH few secret",
		"SET few:1 v", "SET other v", "MGET few:1 few:2 other:3", "INFO", "NONSENSE a", "GET", "FLUSHALL", "PUBLISH c hello", "EVAL x 0", "RESET", "AUTH app secret",
		"CONFIG SET maxmemory-samples 5", "ACL SETUSER made on >hunter2 ~*", "MULTI", "SET few:1 w", "FLUSHDB ASYNC", "EXEC", "MULTI", "CLIENT KILL ID 999", "DISCARD", "MGET "+strings.Repeat("k ", 20))
	base := auditLine{"address": from, "tls": "1.3"}
	for _, want := range []auditLine{
		{"event": "connection", "verdict": "opened"},
		{"event": "denied", "command": "set", "reason": "unauthenticated", "keys": nil, "user": nil, "database": 0},
		{"event": "auth", "verdict": "failed", "user": "few", "method": "password"},
		{"event": "auth", "verdict": "failed", "user": "unknown", "method": "password"},
		{"event": "auth", "verdict": "ok", "user": "few", "method": "password"},
		{"event": "command", "verdict": "allowed", "user": "few", "command": "set", "keys": "[few:1]", "rule": "+set", "arguments": nil},
		{"event": "denied", "user": "few", "command": "set", "reason": "key", "keys": "[other]", "rule": nil},
		{"event": "denied", "user": "few", "command": "mget", "reason": "key", "keys": "[few:1 few:2 other:3]"},
		{"event": "denied", "user": "few", "command": "info", "reason": "command", "rule": "-info"},
		{"event": "denied", "user": "few", "command": "unknown", "reason": "unknown", "arguments": nil, "keys": nil},
		{"event": "denied", "user": "few", "command": "get", "reason": "syntax"},
		{"event": "denied", "user": "few", "command": "flushall", "reason": "keyless"},
		{"event": "denied", "user": "few", "command": "publish", "reason": "channel"},
		{"event": "denied", "user": "few", "command": "eval", "reason": "command", "arguments": nil},
		{"event": "auth", "verdict": "changed", "reason": "reset", "user": nil},
		{"event": "auth", "verdict": "ok", "user": "app"},
		{"event": "admin", "verdict": "allowed", "user": "app", "command": "config|set", "arguments": "[maxmemory-samples (redacted)]", "rule": "+config|set"},
		{"event": "admin", "verdict": "allowed", "user": "app", "command": "acl|setuser", "arguments": "[made (redacted)]", "rule": "+@all"},
		{"event": "command", "verdict": "allowed", "command": "multi"},
		{"event": "command", "verdict": "queued", "command": "set", "keys": "[few:1]"},
		{"event": "admin", "verdict": "queued", "command": "flushdb", "arguments": "[ASYNC]"},
		{"event": "admin", "verdict": "allowed", "command": "exec"},
		{"event": "admin", "verdict": "queued", "command": "client|kill", "arguments": "[ID 999]"},
		{"event": "admin", "verdict": "allowed", "command": "discard"},
		{"event": "command", "command": "mget", "keys_cut": 4},
		{"event": "connection", "verdict": "closed", "reason": "quit", "user": "app"},
	} {
		for k, v := range base {
			want[k] = v
		}
		wait(want)
	}
	// A command has a duration that is not more than the time that has passed.
	if l := wait(auditLine{"event": "connection", "verdict": "closed", "address": from}); l["duration_us"].(float64) <= 0 {
		t.Errorf("the connection was open for %v microseconds", l["duration_us"])
	}

	// By certificate, and by TLS 1.2.
	conf := g.TLS()
	certificate := gatetest.Client(t, g.CA, gatetest.Named("service-7"))
	conf.Certificates, conf.MaxVersion = []tls.Certificate{*certificate}, tls.VersionTLS12
	by, err := tls.Dial("tcp", g.Addr, conf)
	if err != nil {
		t.Fatal(err)
	}
	say(t, by, "GET few:1", "AUTH few wrong", "SELECT 3", "GET few:1")
	wait(auditLine{"event": "auth", "verdict": "ok", "method": "certificate", "user": "service", "certificate": "CN:service-7", "tls": "1.2"})
	wait(auditLine{"event": "command", "command": "get", "user": "service", "certificate": "CN:service-7", "database": 3})

	// Over the unix socket, which has no address, and as a user who has all connections.
	plain := func() net.Conn {
		nc, err := net.Dial("unix", g.Unix)
		if err != nil {
			t.Fatal(err)
		}
		return nc
	}
	first := plain()
	defer first.Close()
	fmt.Fprintf(first, "AUTH one secret\r\n")
	if line, err := bufio.NewReader(first).ReadString('\n'); line != "+OK\r\n" {
		t.Fatalf("AUTH = %q, %v", line, err)
	}
	say(t, plain(), "AUTH one secret")
	wait(auditLine{"event": "auth", "verdict": "failed", "user": "one", "reason": "connections", "address": "unix", "tls": nil})

	// What has no session.
	raw, err := net.Dial("tcp", g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(raw, "GET / HTTP/1.1\r\n\r\n")
	io.Copy(io.Discard, raw)
	raw.Close()
	wait(auditLine{"event": "connection", "verdict": "refused", "reason": "handshake", "address": raw.LocalAddr(), "client": nil})

	seen := map[string]bool{}
	checkAudit(t, read(), seen)
	behindBalancer(t, rs, seen)
	fields, _ := auditSchema(t)
	for name := range fields {
		if !seen[name] && name != "repeats" { // which has a test of its own
			t.Errorf("no line has the field %s", name)
		}
	}
	if text, err := os.ReadFile(path); err != nil || bytes.Contains(text, []byte("hunter2")) || bytes.Contains(text, []byte("secret")) {
		t.Errorf("a password is in the audit log (%v):\n%s", err, text)
	}
}

// behindBalancer looks at lines of clients that come through a load balancer.
func behindBalancer(t *testing.T, rs *redistest.Server, seen map[string]bool) {
	t.Helper()
	g, path := auditGate(t, rs.Socket(), "~* +@all", everyAuditEvent+"[network]\nallow = [\"192.0.2.0/24\"]", func(o *process.Options) {
		o.Listen = "proxy_protocol_from = [\"127.0.0.1\"]\nproxy_protocol_timeout = \"1s\""
	})
	read := func() []auditLine { return auditFile(t, path) }
	through := func(header string) net.Conn {
		nc, err := net.Dial("tcp", g.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		fmt.Fprint(nc, header)
		return nc
	}
	good := through("PROXY TCP4 192.0.2.7 192.0.2.1 4711 6380\r\n")
	say(t, tls.Client(good, g.TLS()), "AUTH app secret", "PING")
	waitForAudit(t, read, auditLine{"event": "command", "command": "ping", "user": "app", "address": "192.0.2.7:4711", "balancer": good.LocalAddr()})
	denied := through("PROXY TCP4 198.51.100.7 192.0.2.1 4711 6380\r\n")
	waitForAudit(t, read, auditLine{"event": "connection", "verdict": "refused", "reason": "address", "address": "198.51.100.7:4711", "balancer": denied.LocalAddr()})
	wrong := through("GET / HTTP/1.1\r\n")
	waitForAudit(t, read, auditLine{"event": "connection", "verdict": "refused", "reason": "proxy_header", "address": nil, "balancer": wrong.LocalAddr()})
	checkAudit(t, read(), seen)
}
