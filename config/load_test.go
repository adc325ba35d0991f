package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const oneUser = "[[user]]\nname = \"app\"\nacl = \"on nopass ~* +@all\"\n"

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("/etc/redisgate/redisgate.toml", []byte(text))
	if err != nil {
		t.Fatalf("Parse(%q) = %v; want no error", text, err)
	}
	return c
}

func problemsOf(t *testing.T, text string) Problems {
	t.Helper()
	_, err := Parse("r.toml", []byte(text))
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatalf("Parse(%q) = %v; want Problems", text, err)
	}
	return ps
}

func TestAnEmptyFileIsTheDefaults(t *testing.T) {
	got, want := fields(mustParse(t, "")), fields(Default())
	for path, w := range want {
		switch path {
		case "tls.cert", "tls.key":
			w = "/etc/redisgate/" + w.(string)
		}
		if !same(got[path], w) {
			t.Errorf("%s = %v; want %v", path, got[path], w)
		}
	}
}

func TestDefaultsAreOfTheirOwn(t *testing.T) {
	a := Default()
	a.Network.Allow[0] = "0.0.0.0/0"
	a.Listen.Address[0] = ":1"
	if b := Default(); b.Network.Allow[0] == "0.0.0.0/0" || b.Listen.Address[0] == ":1" {
		t.Errorf("a change to one Default() shows in the next: %v, %v", b.Network.Allow, b.Listen.Address)
	}
}

func TestEveryKeyCanBeSet(t *testing.T) {
	c := mustParse(t, `
[listen]
address = ["0.0.0.0:6380", "unix://run/rg.sock", "[::1]:6381"]
max_connections = 7
handshake_timeout = "1s"
auth_timeout = "2s"
idle_timeout = "1h"
proxy_protocol_from = ["10.0.0.1"]
proxy_protocol_timeout = "500ms"
unix_mode = "0660"
request_timeout = "3s"
workers = 2
drain_timeout = "4s"
drain_delay = "5s"
handover = "run/next.sock"
[tls]
cert = "a.crt"
key = "/abs/a.key"
min_version = "1.3"
client_ca = "ca.pem"
client_auth = "require"
crl = ""
[network]
allow = ["10.0.0.0/8", "192.0.2.1"]
allow_file = "office.txt"
deny = ["10.1.0.0/16"]
deny_file = ["bad.txt", "/abs/worse.txt"]
admin_from = []
[upstream]
address = "unix:///run/redis.sock"
username = "gate"
password_file = "secret"
password_env = ""
unsafe_remote = true
connect_timeout = "5s"
max_shared = 3
max_dedicated = 4
max_dedicated_per_user = 2
[[user]]
name = "app"
acl = "on >pw ~data:*"
password = '$argon2id$v=19$m=1'
allow = ["10.2.0.0/16"]
databases = [3, 4]
require_certificate = false
unsafe_scripts = true
max_connections = 11
max_commands_per_second = 14
max_bytes_per_second = "15KB"
certificates = []
[acl]
file = ""
[auth]
free_attempts = 9
lockout = "7s"
[limits]
connections_per_user = 12
connections_per_address = 13
commands_per_second_per_user = 16
commands_per_second_per_address = 17
bytes_per_second_per_user = "18KB"
bytes_per_second_per_address = "19KB"
rate_exceeded = "error"
max_command_bytes = "2GB"
max_argument_bytes = "1GB"
max_buffered_command_bytes = 1048576
max_arguments = 100
output_buffer = "1MB"
output_timeout = "6s"
memory = "64MB"
[metrics]
address = ""
[audit]
path = ""
events = ["auth", "denied", "admin", "connection"]
[log]
level = "debug"
format = "json"
`)
	want := map[string]any{
		"listen.address":                         Addresses{"0.0.0.0:6380", "unix:///etc/redisgate/run/rg.sock", "[::1]:6381"},
		"listen.max_connections":                 7,
		"listen.handshake_timeout":               Duration(time.Second),
		"listen.idle_timeout":                    Duration(time.Hour),
		"listen.unix_mode":                       Mode(0o660),
		"listen.workers":                         2,
		"listen.drain_timeout":                   Duration(4 * time.Second),
		"listen.drain_delay":                     Duration(5 * time.Second),
		"listen.handover":                        "/etc/redisgate/run/next.sock",
		"network.allow_file":                     Addresses{"/etc/redisgate/office.txt"},
		"network.deny_file":                      Addresses{"/etc/redisgate/bad.txt", "/abs/worse.txt"},
		"tls.cert":                               "/etc/redisgate/a.crt",
		"tls.key":                                "/abs/a.key",
		"tls.client_ca":                          "/etc/redisgate/ca.pem",
		"tls.client_auth":                        "require",
		"network.allow":                          []string{"10.0.0.0/8", "192.0.2.1"},
		"upstream.address":                       "unix:///run/redis.sock",
		"upstream.password_file":                 "/etc/redisgate/secret",
		"upstream.unsafe_remote":                 true,
		"user.databases":                         []int{3, 4},
		"user.password":                          Hashes{"$argon2id$v=19$m=1"},
		"user.max_connections":                   11,
		"user.max_commands_per_second":           14,
		"user.max_bytes_per_second":              Size(15 << 10),
		"limits.commands_per_second_per_user":    16,
		"limits.commands_per_second_per_address": 17,
		"limits.bytes_per_second_per_user":       Size(18 << 10),
		"limits.bytes_per_second_per_address":    Size(19 << 10),
		"limits.rate_exceeded":                   "error",
		"limits.connections_per_user":            12,
		"limits.connections_per_address":         13,
		"user.unsafe_scripts":                    true,
		"auth.free_attempts":                     9,
		"auth.lockout":                           Duration(7 * time.Second),
		"limits.max_command_bytes":               Size(2 << 30),
		"limits.max_argument_bytes":              Size(1 << 30),
		"limits.output_buffer":                   Size(1 << 20),
		"metrics.address":                        "",
		"log.format":                             "json",
		"upstream.max_shared":                    3,
		"limits.memory":                          Size(64 << 20),
		"upstream.connect_timeout":               Duration(5 * time.Second),
		"listen.proxy_protocol_from":             []string{"10.0.0.1"},
		"listen.proxy_protocol_timeout":          Duration(500 * time.Millisecond),
	}
	got := fields(c)
	for path, w := range want {
		if !same(got[path], w) {
			t.Errorf("%s = %v; want %v", path, got[path], w)
		}
	}
	if got, want := c.Users[0].ACL.Text(), "on >pw ~data:*"; got != want {
		t.Errorf("user[0].acl = %q; want %q", got, want)
	}
	ends := c.Listen.Endpoints()
	if len(ends) != 3 || ends[1] != (Endpoint{"unix", "/etc/redisgate/run/rg.sock"}) {
		t.Errorf("Endpoints() = %v; want three, the second a socket", ends)
	}
}

func TestUnknownKeysAreErrorsWithAHint(t *testing.T) {
	for _, tc := range []struct{ text, path, hint string }{
		{"[listen]\nadress = \":1\"", "listen.adress", "did you mean listen.address?"},
		{"[listen]\nAddress = \":1\"", "listen.Address", "did you mean listen.address?"},
		{"[listen]\nmax-connections = 1", "listen.max-connections", "did you mean listen.max_connections?"},
		{"[Listen]\n", "Listen", "did you mean listen?"},
		{"[[users]]\n", "users", "did you mean user?"},
		{"[[user]]\nname=\"a\"\nacl=\"on\"\nunsafe_script=true", "user[0].unsafe_script", "did you mean user[0].unsafe_scripts?"},
		{"[limits]\nmemroy = 1", "limits.memroy", "did you mean limits.memory?"},
		{"handshake_timeout = \"1s\"", "handshake_timeout", "handshake_timeout belongs under [listen]"},
		{"[tls]\nfrobnicate = 1", "tls.frobnicate", "known here: cert, certificate, cipher_suites, client_auth, client_ca, crl, curves, key, min_version, ocsp_staple"},
		{"\"a.b\" = 1", `"a.b"`, "the tables are [acl], [audit], [auth], [limits], [listen], [log], [metrics], [network], [reload], [tls], [upstream], [user]"},
		{"[upstream]\npassword = \"hunter2\"", "upstream.password", "write it into a file of mode 0600, and the file's name into upstream.password_file"},
		{"[listen]\nport = 6380", "listen.port", `the port is part of listen.address: "127.0.0.1:6380"`},
		{oneUser + "rules = \"on >hunter2\"", "user[0].rules", "a user's rules stand in its acl"},
		{"[[user]]\nname = \"a\"\nalc = \"on >hunter2\"", "user[0].alc", "did you mean user[0].acl?"},
		{"[[user]]\nnam = \"a\"\nacl = \"on\"", "user[0].nam", "did you mean user[0].name?"},
	} {
		ps := problemsOf(t, tc.text)
		if len(ps) != 1 || ps[0].Path != tc.path || ps[0].Hint != tc.hint || ps[0].Text != "unknown key" {
			t.Errorf("Parse(%q) = %+v; want path %q, hint %q", tc.text, ps, tc.path, tc.hint)
		}
	}
}

func TestAllProblemsAreListedAtOnceWithTheirLines(t *testing.T) {
	ps := problemsOf(t, `# comment
[listen]
adress = "x"
max_connections = "many"

[network]
allow = []
deny = [ "10.0.0.1/8",
  "nonsense" ]

[[user]]
name = "a"
acl = "on"

[[user]]
name = "a"
acl = """
on
"""
databases = [-1]
`)
	var got []string
	for _, p := range ps {
		got = append(got, fmt.Sprintf("%s:%d %s", p.File, p.Line, p.Path))
	}
	want := []string{
		"r.toml:3 listen.adress",
		"r.toml:4 listen.max_connections",
		"r.toml:7 network.allow",
		"r.toml:8 network.deny[0]",
		"r.toml:8 network.deny[1]",
		"r.toml:16 user[1].name",
		"r.toml:20 user[1].databases[0]",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("problems at\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestValuesOfAWrongTypeAreRefused(t *testing.T) {
	for _, text := range []string{
		"[listen]\naddress = 1",
		"[listen]\naddress = [1]",
		"[listen]\nidle_timeout = 10",
		"[listen]\nidle_timeout = \"10\"",
		"[listen]\nidle_timeout = \"-1s\"",
		"[listen]\nunix_mode = 600",
		"[listen]\nunix_mode = \"0999\"",
		"[listen]\nunix_mode = \"07777\"",
		"[listen]\nmax_connections = 1.5",
		"[upstream]\nunsafe_remote = \"yes\"",
		"[network]\nallow = \"10.0.0.0/8\"",
		"[network]\nallow = [1]",
		"[limits]\nmemory = \"64 apples\"",
		"[limits]\nmemory = \"1.5GB\"",
		"[limits]\nmemory = -1",
		"[limits]\nmemory = true",
		"[limits]\nmemory = \"9000000TB\"",
		"[limits]\nmemory = \"99999999999999999999\"",
		"listen = 1",
		"user = 1",
		"user = [1]",
		"[user]\nname = \"a\"",
		"[[listen]]\naddress = \":1\"",
		"[[user]]\nname = 1\nacl = \"on\"",
		"[[user]]\nname = \"a\"\nacl = [\"on\"]",
		"[[user]]\nname = \"a\"\nacl = \"on\"\ndatabases = [\"0\"]",
	} {
		if ps := problemsOf(t, text); len(ps) != 1 || ps[0].Hint == "" {
			t.Errorf("Parse(%q) = %+v; want one problem with a hint", text, ps)
		}
	}
}

func TestInlineUsersAreUsers(t *testing.T) {
	c := mustParse(t, `user = [{name = "a", acl = "on"}, {name = "b", acl = "on"}]`)
	if len(c.Users) != 2 || c.Users[1].Name != "b" {
		t.Errorf("Users = %v; want a and b", c.Users)
	}
}

func TestSyntaxErrorsSayWhereAndHideRules(t *testing.T) {
	for text, line := range map[string]int{
		"[listen\n": 1,
		"\n\n= 3":   3,
		"[listen]\naddress = \"a\"\naddress = \"b\"\n":      3,
		"[[user]]\nacl = hunter2\n":                         2,
		"[[user]]\nacl = \"on >hunter2\" hunter2 \"x\"\n":   2,
		"[[user]]\nname = \"a\"\nacl = \"on >hunter2\n\"\n": 3,
	} {
		ps := problemsOf(t, text)
		if len(ps) != 1 || ps[0].Line != line || ps[0].File != "r.toml" {
			t.Errorf("Parse(%q) = %+v; want one problem in line %d", text, ps, line)
		}
		if strings.Contains(ps.Error()+ps[0].Hint, "hunter2") {
			t.Errorf("Parse(%q) = %q, which shows a password", text, ps.Error())
		}
	}
}

func TestSyntaxErrorsHaveAHintThatFits(t *testing.T) {
	for text, want := range map[string][2]string{
		"[listen\naddress = \":1\"":                  {"name of a table is not closed", "between brackets"},
		"[[user]\nname = \"a\"":                      {"name of a table is not closed", "[[user]]"},
		"[user]\nname = \"a\"\n[user]\n":             {"Key 'user' has already been defined", "[[user]]"},
		"[listen]\naddress = \"a\"\naddress = \"b\"": {"Key 'listen.address' has already been defined", "stands once"},
		"a = hunter2":                                {"no value", "double quotes"},
		"acl = 12hunter2":                            {"goes on", "a quote at both ends"},
		"a = \"on >hunter2":                          {"not closed", "quote"},
		"a = 'hunter2\n":                             {"not closed", "quote"},
		"a = \"\\d\"":                                {"unknown escape", `write \\`},
		"a = [1 2]":                                  {"comma", "lists"},
		"a = {b = 1 c = 2}":                          {"comma", "braces"},
		"hunter2":                                    {"not key = value", "one on each line"},
		"= 1":                                        {"not key = value", "one on each line"},
		"acl = 0xhunter2":                            {"no number", "double quotes"},
		"acl = 1979-13-13":                           {"no date", "double quotes"},
		"a = 99999999999999999999":                   {"too large", "largest"},
		"\xff\xfe[\x00l\x00]\x00":                    {"not UTF-8", "UTF-8"},
		"root:$y$hunter2:20000:0::::":                {"not key = value", "one on each line"},
	} {
		ps := problemsOf(t, text)
		if len(ps) != 1 || !strings.Contains(ps[0].Text, want[0]) || !strings.Contains(ps[0].Hint, want[1]) {
			t.Errorf("Parse(%q) = %+v; want %q with a hint of %q", text, ps, want[0], want[1])
		}
		if s := fmt.Sprint(ps); strings.Contains(s, "hunter2") {
			t.Errorf("Parse(%q) = %s, which shows what may be a password", text, s)
		}
	}
}

func TestWithAnACLFileUsersHaveNoRules(t *testing.T) {
	c := mustParse(t, "[acl]\nfile = \"users.acl\"\n[[user]]\nname = \"app\"\ndatabases = [1]\n")
	if c.ACL.File != "/etc/redisgate/users.acl" || len(c.Users) != 1 || c.Users[0].ACL.Text() != "" {
		t.Errorf("acl.file = %q, users %v; want /etc/redisgate/users.acl and one user without rules", c.ACL.File, c.Users)
	}
}

func TestProblemsOfSeveralFilesAreSortedByFile(t *testing.T) {
	ps := Problems{{File: "b", Line: 7}, {File: "a", Line: 1}, {File: "b", Line: 2}, {File: "a"}, {File: "b"}}
	ps.Sort()
	if got, want := fmt.Sprint(ps), "b: \nb:2: \nb:7: \na: \na:1: "; got != want {
		t.Errorf("Sort() = %q; want %q", got, want)
	}
}

func TestLoadReadsAFileAndResolvesAgainstItsDirectory(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "redisgate.toml")
	if err := os.WriteFile(path, []byte(oneUser), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "server.crt"); c.TLS.Cert != want {
		t.Errorf("tls.cert = %q; want %q", c.TLS.Cert, want)
	}
	if c.File() != path {
		t.Errorf("File() = %q; want %q", c.File(), path)
	}
	if _, err := Load(filepath.Join(dir, "missing.toml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load of a missing file = %v; want one that is os.ErrNotExist", err)
	}
	if _, err := os.Stat("/dev/zero"); err == nil {
		if _, err := Load("/dev/zero"); err == nil || !strings.Contains(err.Error(), "larger than 16MB") {
			t.Errorf("Load(/dev/zero) = %v; want a refusal of its size", err)
		}
	}
}
