package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"redisgate/internal/process"
	"redisgate/internal/redistest"
	"redisgate/resp"
)

// TestSecretsDoNotReachTheAuditLog sends what carries a password, permitted and
// refused, in a transaction and out of it, whole and in inline form.
func TestSecretsDoNotReachTheAuditLog(t *testing.T) {
	const password = "hunter2"
	rs := redistest.Start(t, redistest.Options{})
	rules := "~* &* +@all +config|set +migrate +module|load +debug +replicaof"
	g, path := auditGate(t, rs.Socket(), rules, everyAuditEvent+"keys = \"plain\"\n[[user]]\nname = \"none\"\nacl = \"on nopass -@all\"", nil)
	requests := []string{
		"AUTH " + password, "AUTH app " + password, "AUTH " + password + " x", "HELLO 3 AUTH app " + password, "HELLO 3 AUTH " + password + " x SETNAME n",
		"ACL SETUSER u on >" + password, "ACL SETUSER u <" + password, "ACL SETUSER u " + password, "ACL DRYRUN app AUTH " + password, "ACL GENPASS " + password,
		"CONFIG SET requirepass " + password, "CONFIG SET requirepass a " + password + " b", "CONFIG SET " + password + " 1", "CONFIG SET masterauth " + password + " masteruser " + password,
		"CONFIG SET tls-key-file-pass " + password, "MIGRATE 127.0.0.1 1 k 0 10 AUTH " + password, "MIGRATE 127.0.0.1 1 k 0 10 AUTH2 u " + password, "MIGRATE 127.0.0.1 1 \"\" 0 10 AUTH " + password + " KEYS k",
		"MODULE LOAD /nothing " + password, "DEBUG " + password, "SET k " + password, "EVAL " + password + " 0", "PUBLISH c " + password, "CLIENT SETNAME " + password,
		password, password + " x", "GET", "CONFIG " + password, "CLIENT KILL TYPE " + password + "!", "SHUTDOWN " + password, "FUNCTION LOAD " + password,
	}
	// What changes Redis's password is undone, or redisgate could not log in any more.
	undo := func() { rs.Do("CONFIG", "SET", "requirepass", "") }
	for _, how := range []func(string) string{strings.ToUpper, strings.ToLower} {
		for _, login := range []string{"", "AUTH none x", "AUTH app secret"} {
			for _, r := range requests {
				words := strings.Fields(r)
				for i, w := range words {
					if !strings.Contains(w, password) && i == 0 {
						words[i] = how(w)
					}
				}
				for _, form := range []string{"array", "inline", "transaction"} {
					nc, err := net.Dial("unix", g.Unix)
					if err != nil {
						t.Fatal(err)
					}
					var out []byte
					if login != "" {
						out = resp.AppendCommand(out, strings.Fields(login)...)
					}
					switch form {
					case "array":
						out = resp.AppendCommand(out, words...)
					case "inline":
						out = append(append(out, strings.Join(words, " ")...), "\r\n"...)
					case "transaction":
						out = resp.AppendCommand(resp.AppendCommand(resp.AppendCommand(out, "MULTI"), words...), "EXEC")
					}
					nc.SetDeadline(time.Now().Add(20 * time.Second))
					if _, err := nc.Write(resp.AppendCommand(out, "QUIT")); err != nil {
						t.Fatal(err)
					}
					io.Copy(io.Discard, nc)
					nc.Close()
					if strings.Contains(r, "requirepass") {
						conn, err := net.Dial("unix", rs.Socket())
						if err != nil {
							t.Fatal(err)
						}
						fmt.Fprintf(conn, "AUTH %s\r\nAUTH default %s\r\nCONFIG SET requirepass \"\"\r\nQUIT\r\n", password, "b")
						io.Copy(io.Discard, conn)
						conn.Close()
					}
				}
			}
		}
	}
	undo()
	last, err := net.Dial("unix", g.Unix)
	if err != nil {
		t.Fatal(err)
	}
	say(t, last, "AUTH app secret", "GET last-key")
	waitForAudit(t, func() []auditLine { return auditFile(t, path) }, auditLine{"command": "get", "keys": "[last-key]"})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if bytes.Contains(bytes.ToLower(line), []byte(password)) {
			t.Errorf("a password is in the audit log: %s", line)
		}
	}
	if n := bytes.Count(text, []byte("\n")); n < 1000 {
		t.Errorf("the audit log has %d lines; want one for each request", n)
	}
}

// TestTheAuditLogIsRotated grows it beyond its size, and then moves it as logrotate
// does.
func TestTheAuditLogIsRotated(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	g, path := auditGate(t, rs.Socket(), "~* +@all", everyAuditEvent+"max_size = \"1MB\"\nkeep = 2", nil)
	write := func(n int) {
		nc := g.dial(t)
		var out []byte
		for range n {
			out = resp.AppendCommand(out, "GET", "k")
		}
		out = resp.AppendCommand(append(resp.AppendCommand(nil, "AUTH", "app", "secret"), out...), "QUIT")
		go nc.Write(out)
		nc.SetDeadline(time.Now().Add(60 * time.Second))
		if _, err := io.Copy(io.Discard, nc); err != nil {
			t.Fatal(err)
		}
	}
	exists := func(name string) bool { _, err := os.Stat(name); return err == nil }
	for end := time.Now().Add(60 * time.Second); !exists(path + ".2"); {
		if write(1000); time.Now().After(end) {
			t.Fatal("the file is not put aside")
		}
	}
	for _, name := range []string{path, path + ".1", path + ".2"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 || info.Size() > 1<<20 {
			t.Errorf("%s has mode %v and %d bytes, %v; want 0600 and at most 1 MB", name, info.Mode(), info.Size(), err)
		}
		auditFile(t, name) // whole lines
	}
	if exists(path + ".3") {
		t.Error("three files are kept; want two")
	}
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(g.Pid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); !exists(path); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("SIGHUP does not open the file anew")
		}
	}
	write(1)
	waitForAudit(t, func() []auditLine { return auditFile(t, path) }, auditLine{"command": "get"})
}

// pipeOf starts a gate whose audit log is its standard output, a pipe. read gives what
// has come out of it; before it is called the first time nobody reads.
func pipeOf(t *testing.T, extra string) (g gate, read func() []auditLine) {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	rs := redistest.Start(t, redistest.Options{})
	var got process.Buffer
	begin := sync.OnceFunc(func() { go io.Copy(&got, in) })
	t.Cleanup(begin) // before the gate is stopped, for it writes all that waits
	g, _ = auditGate(t, rs.Socket(), "~* +@all -flushall", strings.Replace(extra, "PATH", "path = \"-\"", 1), func(o *process.Options) {
		o.Stdout = out
		o.Extra = strings.Replace(o.Extra, "path = \"audit.log\"\n", "", 1)
	})
	t.Cleanup(begin)
	out.Close()
	return g, func() []auditLine {
		begin()
		text := got.String()
		return parseAudit(t, text[:strings.LastIndexByte(text, '\n')+1])
	}
}

// converse sends a request and returns the first line of the reply.
func converse(t *testing.T, nc net.Conn, in *bufio.Reader, words ...string) string {
	t.Helper()
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := nc.Write(resp.AppendCommand(nil, words...)); err != nil {
		t.Fatal(err)
	}
	line, err := in.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestAFullAuditLogRefusesIfToldTo(t *testing.T) {
	g, read := pipeOf(t, "PATH\nevents = [\"auth\", \"command\", \"denied\"]\non_full = \"refuse\"\nqueue = 100\n")
	nc := g.dial(t)
	in := bufio.NewReader(nc)
	if r := converse(t, nc, in, "AUTH", "app", "secret"); r != "+OK\r\n" {
		t.Fatalf("AUTH = %q", r)
	}
	const full = "-ERR redisgate: the audit log is full; the command was not run\r\n"
	done := 0
	for end := time.Now().Add(60 * time.Second); ; done++ {
		r := converse(t, nc, in, "INCR", "n")
		if r == full {
			break
		}
		if r != fmt.Sprintf(":%d\r\n", done+1) || time.Now().After(end) {
			t.Fatalf("INCR = %q after %d; want that it is refused some time", r, done)
		}
	}
	// A log-in has a queue of its own, which is filled by log-ins.
	for end := time.Now().Add(60 * time.Second); ; {
		if r := converse(t, nc, in, "AUTH", "app", "secret"); r == full {
			break
		} else if r != "+OK\r\n" || time.Now().After(end) {
			t.Fatalf("AUTH = %q; want that it is refused some time", r)
		}
	}
	if r := converse(t, nc, in, "FLUSHALL"); !strings.HasPrefix(r, "-NOPERM") {
		t.Errorf("FLUSHALL = %q; want that it is refused for its own reason", r)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		read()
		r := converse(t, nc, in, "INCR", "n")
		if r == fmt.Sprintf(":%d\r\n", done+1) {
			break
		}
		if r != full || time.Now().After(end) {
			t.Fatalf("INCR = %q when the log is read again; want %d: what was refused has not run", r, done+1)
		}
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		n := 0
		for _, l := range read() {
			if l["command"] == "incr" && l["verdict"] == "allowed" {
				n++
			}
		}
		if n == done+1 {
			break
		}
		if n > done+1 || time.Now().After(end) {
			t.Fatalf("%d INCR are in the audit log; want the %d that have run", n, done+1)
		}
	}
	if g.metric(t, `redisgate_audit_dropped_total{class="command"}`) == 0 {
		t.Error("what was refused is not counted")
	}
}

// TestAFloodOfRefusalsLosesNoAdministratorsEvent fills the queue of refusals while
// nobody reads, and clients notice nothing.
func TestAFloodOfRefusalsLosesNoAdministratorsEvent(t *testing.T) {
	g, read := pipeOf(t, "PATH\nevents = [\"denied\", \"admin\", \"command\"]\nqueue = 100\n")
	nc := g.dial(t)
	in := bufio.NewReader(nc)
	if r := converse(t, nc, in, "AUTH", "app", "secret"); r != "+OK\r\n" {
		t.Fatalf("AUTH = %q", r)
	}
	dropped := func(class string) float64 { return g.metric(t, `redisgate_audit_dropped_total{class="`+class+`"}`) }
	for end := time.Now().Add(60 * time.Second); dropped("command") == 0 || dropped("denied") == 0; {
		for range 200 {
			if r := converse(t, nc, in, "FLUSHALL"); !strings.HasPrefix(r, "-NOPERM") {
				t.Fatalf("FLUSHALL = %q; want that it is refused", r)
			}
			if r := converse(t, nc, in, "GET", "k"); r != "$-1\r\n" {
				t.Fatalf("GET = %q; want the reply", r)
			}
		}
		if time.Now().After(end) {
			t.Fatal("nothing is dropped although nobody reads")
		}
	}
	if r := converse(t, nc, in, "FLUSHDB"); r != "+OK\r\n" {
		t.Fatalf("FLUSHDB = %q", r)
	}
	waitForAudit(t, read, auditLine{"event": "admin", "command": "flushdb", "verdict": "allowed"})
	if n := dropped("admin"); n != 0 {
		t.Errorf("%v events of administrators were dropped; want none", n)
	}
}

// TestRepeatedRefusalsAreGrouped sends many, and adds the lines up.
func TestRepeatedRefusalsAreGrouped(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	g, path := auditGate(t, rs.Socket(), "~* +@all -flushall", "", nil)
	nc, err := tls.Dial("tcp", g.Addr, g.TLS())
	if err != nil {
		t.Fatal(err)
	}
	const n = 500
	requests := []string{"AUTH app secret"}
	for range n {
		requests = append(requests, "FLUSHALL")
	}
	say(t, nc, requests...)
	read := func() []auditLine { return auditFile(t, path) }
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		sum, lines := 0.0, 0
		for _, l := range read() {
			if l["event"] != "denied" {
				continue
			}
			lines++
			if repeats, ok := l["repeats"].(float64); ok {
				sum += repeats
			} else {
				sum++
			}
		}
		if sum == n {
			if lines > n/10 {
				t.Errorf("%d refusals are %d lines; want few", n, lines)
			}
			break
		}
		if sum > n || time.Now().After(end) {
			t.Fatalf("%v refusals are in the audit log; want %d", sum, n)
		}
	}
	checkAudit(t, read(), map[string]bool{})
}
