package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestRefusedValues(t *testing.T) {
	user := func(extra string) string { return oneUser + extra }
	for _, tc := range []struct{ text, path, says string }{
		{"[listen]\naddress = []", "listen.address", "empty"},
		{"[listen]\naddress = \"6380\"", "listen.address", "not an address"},
		{"[listen]\naddress = \"127.0.0.1:redis\"", "listen.address", "no port number"},
		{"[listen]\naddress = \"127.0.0.1:65536\"", "listen.address", "no port number"},
		{"[listen]\naddress = \"127.0.0.1:06380\"", "listen.address", "no port number"},
		{"[listen]\naddress = \"redis.example:6380\"", "listen.address", "not an address of this machine"},
		{"[listen]\naddress = \"tcp://127.0.0.1:6380\"", "listen.address", "not an address"},
		{"[listen]\naddress = \"unix://\"", "listen.address", "names no socket"},
		{"[listen]\naddress = \"unix:///" + strings.Repeat("x", 120) + "\"", "listen.address", "too long"},
		{"[listen]\naddress = [\":1\", \":1\"]", "listen.address[1]", "twice"},
		{"[listen]\naddress = [\"0.0.0.0:1\", \"127.0.0.1:1\"]", "listen.address[1]", "only one can listen"},
		{"[listen]\naddress = [\"127.0.0.1:1\", \":1\"]", "listen.address[1]", "only one can listen"},
		{"[listen]\nmax_connections = 0", "listen.max_connections", "out of range"},
		{"[listen]\nworkers = -1", "listen.workers", "out of range"},
		{"[listen]\nhandshake_timeout = \"0s\"", "listen.handshake_timeout", "longer than 0"},
		{"[listen]\ndrain_timeout = \"0s\"", "listen.drain_timeout", "longer than 0"},
		{"[listen]\ndrain_delay = \"-1s\"", "listen.drain_delay", "is negative"},
		{"[listen]\nhandover = \"unix:///run/s\"", "listen.handover", "is not a path"},
		{"[listen]\nhandover = \"/run/\"", "listen.handover", "names no socket"},
		{"[listen]\nhandover = \"/run/s\"\naddress = \"unix:///run/s\"", "listen.handover", "where clients connect"},
		{"[listen]\nhandover = \"/run/s\"\n[upstream]\naddress = \"unix:///run/s\"", "listen.handover", "or Redis listens"},
		{"[listen]\nunix_mode = \"0066\"", "listen.unix_mode", "owner"},
		{"[tls]\ncert = \"\"", "tls.cert", "needs a certificate"},
		{"[tls]\nkey = \"\"", "tls.key", "needs a key"},
		{"[tls]\nmin_version = \"1.1\"", "tls.min_version", "not supported"},
		{"[tls]\nclient_auth = \"required\"\nclient_ca = \"x\"", "tls.client_auth", "not supported"},
		{"[tls]\nclient_auth = \"require\"", "tls.client_ca", "needs it"},
		{"[tls]\nclient_ca = \"x\"", "tls.client_auth", "no effect"},
		{"[tls]\ncrl = \"x\"", "tls.crl", "no effect"},
		{"[[tls.certificate]]\nkey = \"x\"", "tls.certificate[0].cert", "is missing"},
		{"[[tls.certificate]]\ncert = \"x\"", "tls.certificate[0].key", "is missing"},
		{"[[tls.certificate]]\ncert = \"x\"\nkey = \"x\"\nname = \"x\"", "tls.certificate[0].name", "unknown key"},
		{"[upstream]\nca = \"x\"", "upstream.ca", "no effect"},
		{"[upstream]\ncert = \"x\"", "upstream.cert", "no effect"},
		{"[upstream]\nkey = \"x\"", "upstream.key", "no effect"},
		{"[upstream]\nserver_name = \"x\"", "upstream.server_name", "no effect"},
		{"[upstream]\ntls = true\ncert = \"x\"", "upstream.key", "is missing"},
		{"[upstream]\ntls = true\nkey = \"x\"", "upstream.cert", "is missing"},
		{"[upstream]\ntls = true\naddress = \"unix:///x\"", "upstream.tls", "no TLS"},
		{"[upstream]\ntls = true\naddress = \"redis.example.com:6380\"", "upstream.address", "not on this machine"},
		{asksForCertificates + "crl = [\"a\", \"\"]", "tls.crl[1]", "names no file"},
		{asksForCertificates + "crl = 1", "tls.crl", "must be a string or a list of strings"},
		{oneUser + "certificates = [\"CN:app\"]", "user[0].certificates", "no client would be asked"},
		{asksForCertificates + oneUser + "require_certificate = true", "user[0].require_certificate", "no password would ever count"},
		{"[network]\nallow = []", "network.allow", "nobody"},
		{"[network]\nallow = [\"10.0.0.0/33\"]", "network.allow[0]", "not a network"},
		{"[network]\nallow = [\"10.0.0.5/8\"]", "network.allow[0]", "beyond its prefix"},
		{"[network]\ndeny = [\"fe80::1%eth0\"]", "network.deny[0]", "zone"},
		{"[network]\ndeny = [\"localhost\"]", "network.deny[0]", "not a network"},
		{"[listen]\nproxy_protocol_from = [\"lb.example\"]", "listen.proxy_protocol_from[0]", "not a network"},
		{"[listen]\nproxy_protocol_timeout = \"0s\"", "listen.proxy_protocol_timeout", "longer than 0"},
		{"[network]\ndeny_file = [\"a\", \"\"]", "network.deny_file[1]", "empty"},
		{"[network]\nallow = [\"::ffff:0:0/90\"]", "network.allow[0]", "mixes"},
		{"[auth]\nfree_attempts = 0", "auth.free_attempts", "out of range"},
		{"[auth]\nlockout = \"0s\"", "auth.lockout", "out of range"},
		{"[auth]\nlockout = \"25h\"", "auth.lockout", "out of range"},
		{"[network]\nadmin_from = [\"localhost\"]", "network.admin_from[0]", "not a network"},
		{"[upstream]\naddress = \"10.0.0.1:6379\"", "upstream.address", "not on this machine"},
		{"[upstream]\naddress = \"redis:6379\"", "upstream.address", "not on this machine"},
		{"[upstream]\naddress = \"0.0.0.0:6379\"", "upstream.address", "not on this machine"},
		{"[upstream]\naddress = \":6379\"", "upstream.address", "no host"},
		{"[upstream]\naddress = \"127.0.0.1:0\"", "upstream.address", "port 0"},
		{"[upstream]\npassword_file = \"a\"\npassword_env = \"B\"", "upstream.password_env", "password_file is set too"},
		{"[upstream]\npassword_env = \"hunter2!\"", "upstream.password_env", "not the name"},
		{"[upstream]\nusername = \"gate\"", "upstream.username", "no password"},
		{"[upstream]\nmax_shared = 0", "upstream.max_shared", "out of range"},
		{"[[user]]\nacl = \"on\"", "user[0].name", "missing"},
		{"[[user]]\nname = \"a b\"\nacl = \"on\"", "user[0].name", "space"},
		{"[[user]]\nname = \"a\"", "user[0].acl", "missing"},
		{"[acl]\nfile = \"users.acl\"\n" + oneUser, "user[0].acl", "acl.file is set"},
		{user(oneUser), "user[1].name", "already"},
		{user("password = \"hunter2\""), "user[0].password[0]", "not a hash"},
		{user("max_connections = -1"), "user[0].max_connections", "out of range"},
		{"[limits]\nconnections_per_user = -1", "limits.connections_per_user", "out of range"},
		{"[limits]\nconnections_per_address = -1", "limits.connections_per_address", "out of range"},
		{user("max_commands_per_second = -1"), "user[0].max_commands_per_second", "out of range"},
		{user("max_bytes_per_second = \"1B\""), "user[0].max_bytes_per_second", "out of range"},
		{"[limits]\ncommands_per_second_per_user = 1000000000", "limits.commands_per_second_per_user", "out of range"},
		{"[limits]\ncommands_per_second_per_address = -1", "limits.commands_per_second_per_address", "out of range"},
		{"[limits]\nbytes_per_second_per_user = 1023", "limits.bytes_per_second_per_user", "out of range"},
		{"[limits]\nbytes_per_second_per_address = 7", "limits.bytes_per_second_per_address", "out of range"},
		{"[limits]\nrate_exceeded = \"drop\"", "limits.rate_exceeded", "not supported"},
		{user("password = 7"), "user[0].password", "must be a string"},
		{user("password = ['a', 'b', 'c', 'd', 'e']"), "user[0].password", "at most 4"},
		{user("allow = [\"x\"]"), "user[0].allow[0]", "not a network"},
		{user("databases = [0, 1, 0]"), "user[0].databases[2]", "twice"},
		{user("databases = [0, -1]"), "user[0].databases[1]", "not a database number"},
		{"[limits]\nmax_command_bytes = 1", "limits.max_command_bytes", "out of range"},
		{"[limits]\nmax_argument_bytes = \"2GB\"", "limits.max_argument_bytes", "more than limits.max_command_bytes"},
		{"[limits]\nmemory = \"4MB\"", "limits.output_buffer", "more than limits.memory"},
		{"[limits]\nmax_arguments = 1", "limits.max_arguments", "out of range"},
		{"[metrics]\naddress = \"unix:///m.sock\"", "metrics.address", "TCP only"},
		{"[metrics]\naddress = \"9121\"", "metrics.address", "not an address"},
		{"[metrics]\naddress = \"127.0.0.1:6380\"", "metrics.address", "in listen.address too"},
		{"[metrics]\naddress = \":6380\"", "metrics.address", "in listen.address too"},
		{"[metrics]\naddress = \"127.0.0.1:6379\"", "metrics.address", "says that Redis is"},
		{"[upstream]\naddress = \"127.0.0.1:6380\"", "upstream.address", "redisgate itself listens"},
		{"[upstream]\naddress = \"localhost:6380\"", "upstream.address", "redisgate itself listens"},
		{"[listen]\naddress = \"0.0.0.0:6379\"", "upstream.address", "redisgate itself listens"},
		{"[listen]\naddress = \"unix:///r.sock\"\n[upstream]\naddress = \"unix:///r.sock\"", "upstream.address", "redisgate itself listens"},
		{"[network]\nallow = [\"0.0.0.0\"]", "network.allow[0]", "not a network"},
		{"[network]\nallow = [\"*\"]", "network.allow[0]", "not a network"},
		{"user = [\"app\"]", "user[0]", "must be a table"},
		{"[log]\nlevel = \"verbose\"", "log.level", "not supported"},
		{"[log]\nformat = \"JSON\"", "log.format", "not supported"},
	} {
		ps := problemsOf(t, tc.text)
		found := false
		for _, p := range ps {
			if p.Hint == "" {
				t.Errorf("Parse(%q) = %v; want a hint", tc.text, p)
			}
			found = found || p.Path == tc.path && strings.Contains(p.Text, tc.says)
		}
		if !found {
			t.Errorf("Parse(%q) = %v; want a problem at %s with %q", tc.text, ps, tc.path, tc.says)
		}
		if strings.Contains(ps.Error(), "hunter2") {
			t.Errorf("Parse(%q) = %v, which shows what may be a password", tc.text, ps)
		}
	}
}

func TestHintsOfAddressesFitTheirPlace(t *testing.T) {
	for _, tc := range []struct{ text, hint string }{
		{"[metrics]\naddress = \"localhost\"", `write "localhost:9121" or "" to switch metrics off`},
		{"[metrics]\naddress = \"9121\"", `write "127.0.0.1:9121" or "" to switch metrics off`},
		{"[metrics]\naddress = \"/run/m.sock\"", `write "127.0.0.1:9121" or "" to switch metrics off`},
		{"[metrics]\naddress = \"unix:///run/m.sock\"", `write "127.0.0.1:9121" or "" to switch metrics off`},
		{"[metrics]\naddress = \"gate:9121\"", `write "127.0.0.1:9121" or "" to switch metrics off`},
		{"[upstream]\naddress = \"127.0.0.1\"", `write "127.0.0.1:6379" or "unix:///run/redis/redis.sock"`},
		{"[upstream]\naddress = \"redis://127.0.0.1:6390/0\"", `write "127.0.0.1:6390" or "unix:///run/redis/redis.sock"`},
		{"[upstream]\naddress = \"redis://:hunter2@127.0.0.1:6390/0\"", `write "127.0.0.1:6379" or "unix:///run/redis/redis.sock"`},
		{"[upstream]\naddress = \"hunter2@127.0.0.1:6390\"", `write "127.0.0.1:6379" or "unix:///run/redis/redis.sock"`},
		{"[upstream]\naddress = \"::1\"", `write "[::1]:6379" or "unix:///run/redis/redis.sock"`},
		{"[upstream]\naddress = \"/tmp/r.sock\"", `write "unix:///tmp/r.sock" or "unix:///run/redis/redis.sock"`},
		{"[upstream]\naddress = \"unix:/tmp/r.sock\"", `write "unix:///tmp/r.sock" or "unix:///run/redis/redis.sock"`},
		{"[listen]\naddress = \"6390\"", `write "127.0.0.1:6390", ":6380" for all addresses of this machine, or "unix:///run/redisgate/redisgate.sock"`},
		{"[listen]\naddress = \"gate:6380\"", `write "127.0.0.1:6380", ":6380" for all addresses of this machine, or "unix:///run/redisgate/redisgate.sock"`},
	} {
		ps := problemsOf(t, tc.text)
		if len(ps) != 1 || ps[0].Hint != tc.hint {
			t.Errorf("Parse(%q) = %+v; want the hint %q", tc.text, ps, tc.hint)
		}
		if strings.Contains(ps.Error(), "hunter2") {
			t.Errorf("Parse(%q) = %v, which shows a password", tc.text, ps)
		}
	}
}

func TestAcceptedValues(t *testing.T) {
	for _, text := range []string{
		"[listen]\naddress = \":6380\"",
		"[listen]\naddress = \"localhost:6380\"",
		"[listen]\naddress = [\"127.0.0.1:0\", \"127.0.0.1:0\"]",
		"[listen]\naddress = \"unix:///run/rg.sock\"\n[tls]\ncert = \"\"\nkey = \"\"",
		"[listen]\nidle_timeout = \"0s\"",
		"[tls]\nclient_auth = \"optional\"\nclient_ca = \"ca.pem\"",
		asksForCertificates + "crl = \"a.crl\"",
		"[[tls.certificate]]\ncert = \"x\"\nkey = \"y\"\nocsp_staple = \"z\"",
		"[upstream]\ntls = true\nunsafe_remote = true\naddress = \"redis.example.com:6380\"\nca = \"a\"\ncert = \"b\"\nkey = \"c\"\nserver_name = \"d\"",
		asksForCertificates + "crl = [\"a.crl\", \"b.crl\"]",
		asksForCertificates + oneUser + "certificates = [\"CN:app\"]\nrequire_certificate = true",
		"[network]\nallow = [\"0.0.0.0/0\", \"::/0\", \"192.0.2.7\"]",
		"[upstream]\naddress = \"localhost:6379\"",
		"[upstream]\naddress = \"[::1]:6379\"",
		"[upstream]\naddress = \"127.8.9.1:6379\"",
		"[upstream]\naddress = \"redis.internal:6379\"\nunsafe_remote = true",
		"[upstream]\nusername = \"gate\"\npassword_env = \"REDIS_PASSWORD\"",
		"[metrics]\naddress = \"\"",
		"[listen]\naddress = \"127.0.0.1:0\"\n[metrics]\naddress = \"127.0.0.1:0\"",
		"[listen]\naddress = \"[::1]:6379\"",
		"[listen]\naddress = \"10.0.0.1:6379\"",
		"[listen]\naddress = \"0.0.0.0:6379\"\n[upstream]\naddress = \"[::1]:6379\"",
		"[metrics]\naddress = \"0.0.0.0:9121\"",
		"[limits]\nmemory = 268435456",
	} {
		if _, err := Parse("r.toml", []byte(text)); err != nil {
			t.Errorf("Parse(%q) = %v; want no error", text, err)
		}
	}
}

const asksForCertificates = "[tls]\nclient_auth = \"optional\"\nclient_ca = \"ca.pem\"\n"

func TestAnAuditLogThatWouldNotWorkIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"events = [\"auths\"]":                            "audit.events[0]",
		"events = [\"auth\", \"denied\", \"auth\"]":       "audit.events[2]",
		"path = \"-\"\nevents = []":                       "audit.events",
		"path = \"syslog://here\"":                        "audit.path",
		"keys = \"sha256\"":                               "audit.keys",
		"on_full = \"wait\"":                              "audit.on_full",
		"key_secret_env = \"not a name\"":                 "audit.key_secret_env",
		"key_secret_env = \"A\"\nkey_secret_file = \"b\"": "audit.key_secret_env",
		"keys = \"plain\"\nkey_secret_env = \"A\"":        "audit.key_secret_env",
		"keys = \"none\"\nkey_secret_file = \"a\"":        "audit.key_secret_file",
		"max_size = \"1KB\"":                              "audit.max_size",
		"keep = 0":                                        "audit.keep",
		"queue = 1":                                       "audit.queue",
	} {
		ps := problemsOf(t, "[audit]\n"+text)
		if len(ps) != 1 || ps[0].Path != want || ps[0].Hint == "" {
			t.Errorf("Parse(%q) = %v; want one problem of %s, with a hint", text, ps, want)
		}
		if strings.Contains(ps.Error(), "not a name") {
			t.Errorf("Parse(%q) repeats what may be the secret: %v", text, ps)
		}
	}
}

func TestPathsOfAnAuditLogAreFilesOrNot(t *testing.T) {
	for path, want := range map[string]string{
		"": "", "-": "-", "syslog": "syslog", "syslog:///run/log": "syslog:///run/log", "audit.log": "/etc/audit.log", "./syslog": "/etc/syslog", "/a": "/a",
	} {
		c, err := Parse("/etc/r.toml", []byte(oneUser+"[audit]\npath = "+strconv.Quote(path)))
		if err != nil || c.Audit.Path != want {
			t.Errorf("audit.path = %q is %q, %v; want %q", path, c.Audit.Path, err, want)
		}
	}
}

func TestASecretForHashesIsRead(t *testing.T) {
	const long = "0123456789abcdef"
	t.Setenv("AUDIT_LONG", long)
	t.Setenv("AUDIT_SHORT", "hunter2")
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte(long+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		a    Audit
		want string
		bad  bool
	}{
		{Audit{}, "", false},
		{Audit{KeySecretEnv: "AUDIT_LONG"}, long, false},
		{Audit{KeySecretFile: file}, long, false},
		{Audit{KeySecretEnv: "AUDIT_SHORT"}, "", true},
		{Audit{KeySecretEnv: "AUDIT_MISSING"}, "", true},
		{Audit{KeySecretFile: dir}, "", true},
	} {
		got, err := tt.a.ReadSecret()
		if got != tt.want || (err != nil) != tt.bad || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("ReadSecret() of %+v = %q, %v; want %q, error %v", tt.a, got, err, tt.want, tt.bad)
		}
	}
}

func TestRulesPrintWithoutSecrets(t *testing.T) {
	r := Rules("on >hunter2 #0123abcd <old2 ~data:* &ev:* +@read -get hunter3 RESETKEYS (~a +get)")
	for _, s := range []string{r.String(), fmt.Sprintf("%v", r), fmt.Sprintf("%q", r), fmt.Sprintf("%#v", r), fmt.Sprintf("%+v", User{ACL: r})} {
		for _, secret := range []string{"hunter", "0123abcd", "old2"} {
			if strings.Contains(s, secret) {
				t.Errorf("%q shows %q", s, secret)
			}
		}
	}
	if got, want := r.String(), "on >[redacted] #[redacted] <[redacted] ~data:* &ev:* +@read -get [redacted] RESETKEYS (~a +get)"; got != want {
		t.Errorf("String() = %q; want %q", got, want)
	}
}

func TestSizesAndDurations(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "512": 512, "512B": 512, "1KB": 1024, "1kb": 1024, "64MB": 64 << 20, "64 MB": 64 << 20, "1GB": 1 << 30, "2TB": 2 << 40,
	} {
		var s Size
		if err := s.fromTOML(text); err != nil || s != want {
			t.Errorf("Size %q = %d, %v; want %d", text, s, err, want)
		}
	}
	for s, want := range map[Size]string{0: "0", 512: "512B", 1024: "1KB", 1025: "1025B", 64 << 20: "64MB", 1 << 30: "1GB"} {
		if got := s.String(); got != want {
			t.Errorf("Size(%d).String() = %q; want %q", int64(s), got, want)
		}
	}
	for _, text := range []string{"", "MB", "-1MB", "+1", "0x10", "1_000", "10k", "1M", "9223372036854775808"} {
		var s Size
		if err := s.fromTOML(text); err == nil {
			t.Errorf("Size %q = %d; want an error", text, s)
		}
	}
}

func TestReadPassword(t *testing.T) {
	dir := t.TempDir()
	file := func(text string) string {
		path := filepath.Join(dir, "secret")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for text, want := range map[string]string{"pw": "pw", "pw\n": "pw", "pw\r\n": "pw", " p w \n": " p w ", "pw\n\n": "pw\n"} {
		if got, err := (Upstream{PasswordFile: file(text)}).ReadPassword(); err != nil || got != want {
			t.Errorf("ReadPassword of %q = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, u := range []Upstream{
		{PasswordFile: file("\n")},
		{PasswordFile: filepath.Join(dir, "missing")},
		{PasswordFile: file(strings.Repeat("x", maxPasswordFile+1))},
		{PasswordEnv: "REDISGATE_TEST_UNSET"},
	} {
		if got, err := u.ReadPassword(); err == nil {
			t.Errorf("ReadPassword of %+v = %d bytes; want an error", u, len(got))
		}
	}
	t.Setenv("REDISGATE_TEST_PASSWORD", "pw")
	if got, err := (Upstream{PasswordEnv: "REDISGATE_TEST_PASSWORD"}).ReadPassword(); err != nil || got != "pw" {
		t.Errorf("ReadPassword from the environment = %q, %v; want \"pw\"", got, err)
	}
	if got, err := (Upstream{}).ReadPassword(); err != nil || got != "" {
		t.Errorf("ReadPassword of nothing = %q, %v; want \"\"", got, err)
	}
}

func TestProblemsWithThePasswordSayTheFileOnceAndWhatToDo(t *testing.T) {
	dir := t.TempDir()
	empty, locked, missing := filepath.Join(dir, "empty"), filepath.Join(dir, "locked"), filepath.Join(dir, "missing")
	for path, mode := range map[string]os.FileMode{empty: 0o600, locked: 0} {
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct{ file, text, hint string }{
		{empty, empty + ": is empty", "remove password_file"},
		{missing, missing + ": no such file or directory", "relative paths"},
		{dir, dir + ": is a directory", "name a file"},
		{"", "the environment variable that it names is not set, or is empty", "use password_file"},
	}
	if os.Getuid() != 0 {
		cases = append(cases, struct{ file, text, hint string }{locked, locked + ": permission denied", "able to read"})
	}
	for _, tc := range cases {
		c := Default()
		c.Upstream.PasswordFile, c.Upstream.PasswordEnv = tc.file, "REDISGATE_TEST_UNSET"
		_, err := c.Upstream.ReadPassword()
		if err == nil {
			t.Errorf("ReadPassword of %q = nil; want an error", tc.file)
			continue
		}
		if p := c.PasswordProblem(err); p.Text != tc.text || !strings.Contains(p.Hint, tc.hint) {
			t.Errorf("PasswordProblem(%v) = %+v; want %q with a hint of %q", err, p, tc.text, tc.hint)
		}
	}
}

func TestProblemsCover(t *testing.T) {
	ps := Problems{{Path: "user[1].acl"}, {Path: "tls"}, {Path: "users", Meant: "user[2].name"}, {}}
	for path, want := range map[string]bool{
		"user[1].acl": true, "user[1]": true, "user[1].acl[0]": true, "user[10].acl": false, "user[1].name": false, "tls.cert": true, "tlsx": false,
		"user[2]": true, "user[2].name": true, "user[2].acl": false, "listen": false,
	} {
		if got := ps.Covers(path); got != want {
			t.Errorf("Covers(%q) = %v; want %v", path, got, want)
		}
	}
}

func TestValidateWithoutAFile(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Errorf("Default().Validate() = %v; want nil", err)
	}
	c := Default()
	c.Network.Allow = nil
	var ps Problems
	if err := c.Validate(); !errors.As(err, &ps) || len(ps) != 1 || ps[0].Error() != "network.allow: is empty: nobody could connect" {
		t.Errorf("Validate() = %v; want one problem, about network.allow", err)
	}
}
