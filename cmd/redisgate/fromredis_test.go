package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
	"redisgate/tlsconf"
)

// shortDir is a directory whose path leaves room for a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// redisUsers are users of a Redis, as administrators make them there.
var redisUsers = map[string]string{
	"app":       "on >apppw >apppw2 ~app:* &app:* -@all +@read +@write +@connection +@transaction +@pubsub -@dangerous",
	"halves":    "on >halvespw %R~ro:* %W~wo:* %RW~rw:* resetchannels -@all +get +set +getdel +copy +select|0",
	"selectors": "on >selectorspw ~a:* -@all +get (~b:* +set) (%R~c:* &c:* +@read +publish)",
	"open":      "on nopass ~open:* -@all +get",
	"gone":      "off >gonepw ~* &* +@all",
	"ops":       "on >opspw ~* &* +@all",
	"nearly":    "on >nearlypw ~* &* +@all -flushall -debug",
	"scripts":   "on >scriptspw ~s:* -@all +get +eval",
	`q"'\u$(x)`: `on >quotepw ~it's:"\*" &$(x) -@all +get`,
}

func withUsers(t *testing.T, s *redistest.Server) {
	t.Helper()
	for name, rules := range redisUsers {
		args := []any{"ACL", "SETUSER", name}
		for w := range strings.FieldsSeq(strings.NewReplacer("(", "\x00(", ")", ")\x00").Replace(rules)) {
			args = append(args, w)
		}
		// Words of a selector belong together.
		var joined []any
		open := ""
		for _, a := range args {
			w := strings.ReplaceAll(a.(string), "\x00", "")
			switch {
			case name != `q"'\u$(x)` && strings.HasPrefix(w, "("), open != "":
				open = strings.TrimSpace(open + " " + w)
				if strings.HasSuffix(open, ")") {
					joined, open = append(joined, open), ""
				}
			default:
				joined = append(joined, w)
			}
		}
		s.Do(joined...)
	}
}

// questions are requests whose verdicts are compared.
var questions = [][]string{
	{"GET", "app:1"},
	{"SET", "app:1", "v"},
	{"GET", "other"},
	{"SET", "other", "v"},
	{"MSET", "app:1", "v", "other", "v"},
	{"GET", "ro:1"},
	{"SET", "ro:1", "v"},
	{"GET", "wo:1"},
	{"SET", "wo:1", "v"},
	{"GETDEL", "rw:1"},
	{"GETDEL", "ro:1"},
	{"COPY", "ro:1", "wo:1"},
	{"COPY", "wo:1", "ro:1"},
	{"SET", "app:1", "v", "GET"},
	{"SET", "wo:1", "v", "GET"},
	{"GET", "a:1"},
	{"SET", "a:1", "v"},
	{"GET", "b:1"},
	{"SET", "b:1", "v"},
	{"STRLEN", "c:1"},
	{"GET", "c:1"},
	{"SET", "c:1", "v"},
	{"PUBLISH", "app:1", "m"},
	{"PUBLISH", "c:1", "m"},
	{"PUBLISH", "x", "m"},
	{"SUBSCRIBE", "app:1"},
	{"PSUBSCRIBE", "app:*"},
	{"PSUBSCRIBE", "*"},
	{"GET", "open:1"},
	{"GET", `it's:"*"`},
	{"GET", "it's:x"},
	{"SUNIONSTORE", "app:1", "app:2", "other"},
	{"SELECT", "0"},
	{"SELECT", "1"},
	{"PING"},
	{"ECHO", "x"},
	{"KEYS", "*"},
	{"SCAN", "0"},
	{"DBSIZE"},
	{"RANDOMKEY"},
	{"FLUSHALL"},
	{"FLUSHDB"},
	{"INFO"},
	{"CONFIG", "GET", "port"},
	{"ACL", "LIST"},
	{"CLIENT", "LIST"},
	{"CLIENT", "ID"},
	{"COMMAND", "COUNT"},
	{"EVAL", "return 1", "0"},
	{"DEBUG", "SLEEP", "0"},
	{"CONFIG", "SET", "maxmemory", "0"},
	{"SHUTDOWN"},
	{"MONITOR"},
	{"MIGRATE", "h", "1", "app:1", "0", "1"},
	{"SORT", "app:1"},
	{"SAVE"},
	{"MULTI"},
	{"WATCH", "app:1"},
	{"OBJECT", "ENCODING", "app:1"},
}

// stricter says where redisgate refuses what Redis permits, which init has said.
func stricter(user string, q []string) bool {
	switch strings.Join(q[:min(2, len(q))], " ") {
	case "DEBUG SLEEP", "CONFIG SET", "MIGRATE h":
		return true
	}
	switch q[0] {
	case "SHUTDOWN", "MONITOR": // reserved
		return true
	case "EVAL", "KEYS", "SCAN", "DBSIZE", "RANDOMKEY": // scripts, and what tells of all keys
		return user != "ops"
	case "ACL":
		return user != "ops"
	}
	return false
}

func dryRun(t *testing.T, c *redis.Client, user string, q []string) bool {
	t.Helper()
	args := []any{"ACL", "DRYRUN", user}
	for _, w := range q {
		args = append(args, w)
	}
	reply, err := c.Do(t.Context(), args...).Text()
	if err != nil {
		t.Fatalf("ACL DRYRUN %s %q = %v", user, q, err)
	}
	return reply == "OK"
}

// moved runs init --from-redis and makes the account that it suggests.
func moved(t *testing.T, dir string, args ...string) (path, stdout string) {
	t.Helper()
	gate := filepath.Join(dir, "gate")
	r := invoke(t, "", append(append([]string{"init", "--from-redis"}, args...), gate)...)
	if r.code != 0 {
		t.Fatalf("init = %d, %q; want 0", r.code, r.stderr)
	}
	out, err := osexec.CommandContext(t.Context(), "sh", "-c", line(t, r.stdout, " < ")).CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "OK" {
		t.Fatalf("%s = %v\n%s", line(t, r.stdout, " < "), err, out)
	}
	path = filepath.Join(gate, "redisgate.toml")
	if c := invoke(t, "", "check", "--config", path); c.code != 0 {
		t.Fatalf("check after init = %d, %s%s", c.code, c.stdout, c.stderr)
	}
	replace(t, path, `address = "127.0.0.1:6380"`, `address = "unix://gate.sock"`)
	replace(t, path, `address = "127.0.0.1:9121"`, `address = ""`)
	return path, r.stdout
}

// through returns a client of the gate that serves that configuration.
func through(t *testing.T, path, user, password string) *redis.Client {
	t.Helper()
	return redistest.NewClient(t, &redis.Options{Network: "unix", Addr: filepath.Join(filepath.Dir(path), "gate.sock"), Username: user, Password: password})
}

// TestUsersOfRedisKeepTheirRights serves what init has made of a Redis and asks both.
func TestUsersOfRedisKeepTheirRights(t *testing.T) {
	redistest.RequireTool(t, "redis-cli")
	s := redistest.Start(t, redistest.Options{Password: redisPassword})
	withUsers(t, s)
	dir := shortDir(t)
	password := filepath.Join(dir, "default.password")
	put(t, password, []byte(redisPassword+"\n"))
	path, said := moved(t, dir, "unix://"+s.Socket(), "--password-file", password)

	b := start(t, "serve", "--config", path)
	b.waitFor(t, b.stderr, "Redis answers")
	ops := through(t, path, "ops", "opspw")
	compared := 0
	for user := range redisUsers {
		for _, q := range questions {
			here, there := dryRun(t, ops, user, q), dryRun(t, s.Client(), user, q)
			if here != there && (here || !stricter(user, q)) {
				t.Errorf("%q of %s is allowed: %v in redisgate, %v in Redis", q, user, here, there)
			}
			compared++
		}
	}
	if compared < 9*50 {
		t.Errorf("%d verdicts were compared; want more", compared)
	}
	for _, tc := range []struct {
		user, password string
		want           string // error, or empty
	}{
		{"app", "apppw", ""},
		{"app", "apppw2", ""},
		{"default", redisPassword, ""},
		{"selectors", "selectorspw", "NOPERM"},
		{`q"'\u$(x)`, "quotepw", "NOPERM"},
		{"app", "wrong", "WRONGPASS"},
		{"open", "anything", "WRONGPASS"},
		{"gone", "gonepw", "WRONGPASS"},
	} {
		err := through(t, path, tc.user, tc.password).Get(t.Context(), "app:1").Err()
		if tc.want == "" && err != redis.Nil || tc.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.want)) {
			t.Errorf("GET as %s by %q = %v; want %q", tc.user, tc.password, err, tc.want)
		}
	}
	for _, want := range []string{
		"\nUsers carried over: 10 of 10\n", `note: "gone": off in Redis`, `note: "open": needs no password`, `"nearly"`,
		`note: "app", "nearly", "scripts": may run scripts`, `note: "default", "ops": may do everything`, "an account", "Redis listens",
	} {
		if (want == "an account" || want == "Redis listens") == strings.Contains(said, want) { // it has no port
			t.Errorf("init does not say %q, or should not:\n%s", want, said)
		}
	}
	if b.stop() != 0 {
		t.Errorf("serve ended with an error:\n%s", b.stderr)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name())
		if want := os.FileMode(0o600); info.Mode() != want && e.Name() != "ca.crt" {
			t.Errorf("%s has mode %v; want %v", e.Name(), info.Mode(), want)
		}
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), e.Name()))
		if err != nil || strings.Contains(string(text), redisPassword) || strings.Contains(said, redisPassword) {
			t.Errorf("%s (%v) or the output shows the password that init was given", e.Name(), err)
		}
	}
	if want := []string{"account.redis", "ca.crt", "ca.key", "redis.password", "redisgate.toml", "server.crt", "server.key", "users.acl"}; !slices.Equal(names, want) {
		t.Errorf("init wrote %q; want %q", names, want)
	}
}

// A Redis without passwords has nobody who could log in to redisgate: there is a first
// user then, and default stays off unless somebody asks for it.
func TestFromARedisWithoutPasswords(t *testing.T) {
	redistest.RequireTool(t, "redis-cli")
	s := redistest.Start(t, redistest.Options{TCP: true, Args: []string{"--rename-command", "FLUSHALL", "", "--rename-command", "CONFIG", "hidden"}})
	dir := shortDir(t)
	path, said := moved(t, dir, s.Addr())
	for _, want := range []string{"one more, \"app\"", "--keep-nopass leaves", "Redis does not know CONFIG, FLUSHALL: rename-command", "the settings"} {
		if !strings.Contains(said, want) {
			t.Errorf("init does not say %q:\n%s", want, said)
		}
	}
	b := start(t, "serve", "--config", path)
	b.waitFor(t, b.stderr, "Redis answers")
	if err := through(t, path, "app", line(t, said, strings.TrimSpace(said[strings.Index(said, "this once:\n\n")+len("this once:\n\n"):][:34]))).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Errorf("SET as the first user = %v", err)
	}
	if err := through(t, path, "", "").Get(t.Context(), "k").Err(); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
		t.Errorf("GET without AUTH = %v; want NOAUTH", err)
	}
	b.stop()

	open := filepath.Join(dir, "open")
	if r := invoke(t, "", "init", "--from-redis", s.Addr(), "--keep-nopass", open); r.code != 0 || !strings.Contains(r.stdout, "whoever gets through") {
		t.Errorf("init --keep-nopass = %d, %s%s", r.code, r.stdout, r.stderr)
	}
	if acl, err := os.ReadFile(filepath.Join(open, "users.acl")); err != nil || !strings.HasPrefix(string(acl), "user default on nopass ") {
		t.Errorf("users.acl = %q, %v; want default, on", acl, err)
	}
}

func TestFromARedisWithTLS(t *testing.T) {
	redistest.RequireTool(t, "redis-cli")
	dir := shortDir(t)
	ca, err := tlsconf.NewAuthority("test CA", time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Server([]string{"localhost"}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	client, err := ca.Client("redisgate", time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	issue(t, dir, "redis", server)
	issue(t, dir, "client", client)
	at := func(name string) string { return filepath.Join(dir, name) }
	put(t, at("redis-ca.crt"), ca.CertPEM())
	s := redistest.Start(t, redistest.Options{Password: "pw", TLS: &redistest.TLS{Cert: at("redis.crt"), Key: at("redis.key"), CA: at("redis-ca.crt")}})
	s.Do("CONFIG", "SET", "tls-auth-clients", "yes")
	t.Setenv("REDISCLI_AUTH", "pw")
	path, said := moved(t, dir, "rediss://"+s.TLSAddr(), "--ca", at("redis-ca.crt"), "--cert", at("client.crt"), "--key", at("client.key"))
	if !strings.Contains(said, "Redis asks clients for certificates") || !strings.Contains(said, "note: Redis listens on tls-port") {
		t.Errorf("init does not say what Redis asks clients for:\n%s", said)
	}
	b := start(t, "serve", "--config", path)
	b.waitFor(t, b.stderr, "Redis answers")
	if err := through(t, path, "", "pw").Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Errorf("SET with the password alone = %v", err)
	}
	b.stop()

	for args, hint := range map[string]string{
		"rediss://" + s.TLSAddr(): "is the authority that signed its certificate in --ca?",
		s.TLSAddr():               "One with TLS is rediss://",
		"rediss://" + s.TLSAddr() + " --ca " + at("redis-ca.crt"): "needs --cert and --key",
	} {
		r := invoke(t, "", append(append([]string{"init", "--from-redis"}, strings.Fields(args)...), at("none"))...)
		if r.code != 1 || !strings.Contains(r.stderr, hint) {
			t.Errorf("init --from-redis %s = %d, %q; want 1 and %q", args, r.code, r.stderr, hint)
		}
	}
}

// TestInitThatCannotAsk leaves nothing behind.
func TestInitThatCannotAsk(t *testing.T) {
	s := redistest.Start(t, redistest.Options{TCP: true, Password: "pw"})
	s.Do("ACL", "SETUSER", "small", "on", ">smallpw", "+ping")
	dir := shortDir(t)
	for name, text := range map[string]string{"wrong": "not-this-one", "small": "smallpw", "good": "pw"} {
		put(t, filepath.Join(dir, name), []byte(text))
	}
	gate := filepath.Join(dir, "gate")
	for _, tc := range []struct{ args, want, hint string }{
		{s.Addr(), "NOAUTH", "--password-file FILE, or the environment variable REDISCLI_AUTH"},
		{s.Addr() + " --password-file " + dir + "/wrong", "WRONGPASS", "look at --username and --password-file"},
		{s.Addr() + " --password-file " + dir + "/none", "no such file", "name a file that holds the password"},
		{s.Addr() + " --username small", "--username is without a password", "--password-file FILE"},
		{s.Addr() + " --username small --password-file " + dir + "/small", "NOPERM", "+acl|list"},
		{"unix:///nonexistent/redis.sock", "no such file", "is a Redis running there"},
		{answering(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), "unexpected type", "is a Redis running there"},
		{answering(t, ""), "timeout", "is a Redis running there"}, // it never answers
		{answering(t, "+PONG\r\n+OK\r\n"), "more than it was asked for", "is a Redis running there"},
		{answering(t, "-ERR \x1b[2Jx\u202e\r\n"), "ERR ?[2Jx?\n", "look at --username"},
		{"192.0.2.1:6379", "is not on this machine", "--unsafe-remote"},
		{"6379", "is not an address", "for example --from-redis 127.0.0.1:6379"},
		{"redis://user:secret@127.0.0.1:6379", "without a user and a password", "--username"},
		{"rediss://unix:///x", "is a", ""},
		{":6379", "names no host", "for example"},
		{s.Addr() + " --ca x", "are for a Redis with TLS", "rediss://" + s.Addr()},
		{"rediss://" + s.Addr() + " --cert x", "go together", "name both"},
	} {
		if tc.want == "is a" {
			tc.want = "a unix socket has no TLS"
		}
		r := invoke(t, "", append(append([]string{"init", "--from-redis"}, strings.Fields(tc.args)...), gate)...)
		if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, tc.want) || !strings.Contains(r.stderr, "hint: ") || !strings.Contains(r.stderr, tc.hint) {
			t.Errorf("init --from-redis %s = %d, %q, %q; want 1, %q and a hint %q", tc.args, r.code, r.stdout, r.stderr, tc.want, tc.hint)
		}
		if strings.Contains(r.stderr, "secret") || strings.Contains(r.stderr, "not-this-one") {
			t.Errorf("init shows a password: %s", r.stderr)
		}
		if _, err := os.Stat(gate); !os.IsNotExist(err) {
			t.Fatalf("init --from-redis %s has left a directory (%v)", tc.args, err)
		}
	}
	for _, flag := range []string{"--username=x", "--password-file=x", "--ca=x", "--cert=x", "--key=x", "--unsafe-remote", "--keep-nopass"} {
		if r := invoke(t, "", "init", flag, gate); r.code != 1 || !strings.Contains(r.stderr, "is of no use without --from-redis") {
			t.Errorf("init %s = %d, %q; want 1", flag, r.code, r.stderr)
		}
	}
	put(t, filepath.Join(dir, "users.acl"), []byte("mine"))
	r := invoke(t, "", "init", "--from-redis", s.Addr(), "--password-file", filepath.Join(dir, "good"), dir)
	if text, err := os.ReadFile(filepath.Join(dir, "users.acl")); r.code != 1 || !strings.Contains(r.stderr, "has already: users.acl") || err != nil || string(text) != "mine" {
		t.Errorf("init over users.acl = %d, %q; the file = %q, %v", r.code, r.stderr, text, err)
	}
}

// answering is the address of one that says that to whoever connects.
func answering(t *testing.T, text string) string {
	t.Helper()
	return serving(t, func(c net.Conn) {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			_, _ = c.Write([]byte(text))
			_, _ = bufio.NewReader(c).ReadString(0) // until it goes
		}
	})
}

func serving(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

// TestAHostileRedisStaysInItsPlace answers ACL LIST with what should break out of files,
// shells and terminals.
func TestAHostileRedisStaysInItsPlace(t *testing.T) {
	const hash = " on #9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 "
	lines := []string{
		"user default" + hash + "~x:* -@all +get",
		"user \x1b[31m\x07red" + hash + "~\x1b]0;title\x07\x01\xff &\"'\\x -@all +get",
		"user a\"\\u0000='''" + hash + "~`touch\x7fx`$(x) -@all +get",
		"user '; touch x #" + hash + "-@all",
		"user redisgate" + hash + "-@all",
		"user long" + strings.Repeat("g", 5000) + hash + "-@all",
		"user \u202e\u2028evil" + hash + "-@all",
		"user nl\nuser root" + hash + "~* &* +@all",
	}
	var list strings.Builder
	fmt.Fprintf(&list, "*%d\r\n", len(lines))
	for _, l := range lines {
		fmt.Fprintf(&list, "$%d\r\n%s\r\n", len(l), l)
	}
	hostile := "$7\r\n\x1b[2Jx\r\n\r\n"
	addr := serving(t, func(c net.Conn) {
		chunk := make([]byte, 4096) // one request at a time
		for {
			n, err := c.Read(chunk)
			if err != nil {
				return
			}
			answer := "*2\r\n" + hostile + hostile // the settings, as far as it says
			switch words := strings.Split(string(chunk[:n]), "\r\n"); words[2] {
			case "PING":
				answer = "+PONG\r\n"
			case "ACL":
				answer = list.String()
			case "INFO":
				answer = "$22\r\nredis_version:\x1b[2J\r\nx\r\n"
			case "COMMAND":
				answer = "-NOPERM \x1b[2J no\r\n"
			}
			if _, err := c.Write([]byte(answer)); err != nil {
				return
			}
		}
	})
	dir := shortDir(t)
	gate := filepath.Join(dir, "gate")
	r := invoke(t, "", "init", "--from-redis", addr, gate)
	if r.code != 0 {
		t.Fatalf("init = %d, %q", r.code, r.stderr)
	}
	for _, c := range r.stdout + r.stderr {
		if c != '\n' && (unicode.IsControl(c) || c == '\u202e' || c == '\u2028') {
			t.Fatalf("init prints %q:\n%q", c, r.stdout)
		}
	}
	if len(r.stdout) > 8000 {
		t.Errorf("init prints %d bytes", len(r.stdout))
	}
	if c := invoke(t, "", "check", "--config", filepath.Join(gate, "redisgate.toml")); c.code != 0 {
		t.Errorf("check = %d, %s%s", c.code, c.stdout, c.stderr)
	}
	acl, err := os.ReadFile(filepath.Join(gate, "users.acl"))
	if err != nil || strings.Contains(string(acl), "\nuser root") {
		t.Errorf("users.acl = %q, %v; want no line of Redis's own making", acl, err)
	}
	toml, err := os.ReadFile(filepath.Join(gate, "redisgate.toml"))
	if err != nil || !strings.Contains(string(toml), `username = "redisgate-2"`) || strings.Contains(string(toml), "evil") {
		t.Errorf("redisgate.toml (%v) has not the account of a name that is free, or names of Redis's", err)
	}

	// A real Redis takes the account, with patterns that need quotes.
	s := redistest.Start(t, redistest.Options{})
	out, err := osexec.CommandContext(t.Context(), "sh", "-c", "redis-cli -s "+s.Socket()+" < "+filepath.Join(gate, "account.redis")).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "OK" {
		t.Errorf("redis-cli < account.redis = %v\n%s", err, out)
	}
	if got := s.Do("ACL", "USERS"); fmt.Sprint(got) != "[default redisgate-2]" {
		t.Errorf("ACL USERS = %v; want one more", got)
	}
}

// TestWordsForRedisCLI asks the real one what it makes of them.
func TestWordsForRedisCLI(t *testing.T) {
	redistest.RequireTool(t, "redis-cli")
	s := redistest.Start(t, redistest.Options{})
	for _, word := range []string{"plain", "", "a b", `it's "\n" \x41`, "\x00\x01\xff\n\r\t", "~ä*", "#x", "$(x)`y`"} {
		cmd := osexec.CommandContext(t.Context(), "redis-cli", "-s", s.Socket())
		cmd.Stdin = strings.NewReader("SET k " + cliWord(word) + "\n")
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "OK" {
			t.Errorf("SET k %s = %v, %s", cliWord(word), err, out)
		}
		if got := s.Do("GET", "k"); got != word {
			t.Errorf("redis-cli makes %q of %s; want %q", got, cliWord(word), word)
		}
	}
}
