package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"redisgate/config"
)

// socketConfig needs no certificate: it listens on a unix socket only.
const socketConfig = `[listen]
address = "unix://gate.sock"
`

// anyUser is what every configuration needs.
const anyUser = "[[user]]\nname = \"any\"\nacl = \"on >pw\"\n"

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "redisgate.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheckListsAllErrorsWithTheirPlaceAndHint(t *testing.T) {
	path := write(t, `[listen]
adress = "127.0.0.1:6380"

[tls]
cert = "missing.crt"
key = "missing.key"

[network]
deny = ["10.0.0.1/8"]

[upstream]
password_file = "missing.password"

[[user]]
name = "app"
acl = "on >hunter2 ~* +@raed"

[[user]]
name = "ops"
acl = "on nopass +get|foo|bar"
databases = [0, -1]
`)
	r := invoke(t, "", "check", "--config", path)
	if r.code != 1 || r.stdout != "" {
		t.Fatalf("check = %d, %q; want 1 and nothing on standard output", r.code, r.stdout)
	}
	dir := filepath.Dir(path)
	for _, want := range []string{
		path + ":2: listen.adress: unknown key",
		"hint: did you mean listen.address?",
		path + ":5: tls.cert: ",
		filepath.Join(dir, "missing.crt"),
		path + ":6: tls.key: ",
		path + ":9: network.deny[0]: ",
		path + ":12: upstream.password_file: ",
		path + ":16: user[0].acl: ",
		path + ":20: user[1].acl: ",
		path + ":21: user[1].databases[1]: -1 is not a database number",
	} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("check did not say %q:\n%s", want, r.stderr)
		}
	}
	if strings.Contains(r.stderr, "hunter2") {
		t.Errorf("check shows a password:\n%s", r.stderr)
	}
	for line := range strings.Lines(r.stderr) {
		if !strings.HasPrefix(line, "redisgate: error: ") && !strings.HasPrefix(line, "hint: ") {
			t.Errorf("check wrote %q; want errors and hints only", line)
		}
	}
}

// checked returns what check says about a file, errors and hints.
func checked(t *testing.T, text string) []string {
	t.Helper()
	path := write(t, text)
	r := invoke(t, "", "check", "--config", path)
	if r.code != 1 || r.stdout != "" {
		t.Fatalf("check of\n%s= %d, %q, %q; want 1 and errors", text, r.code, r.stdout, r.stderr)
	}
	lines := strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.ReplaceAll(strings.TrimPrefix(line, "redisgate: error: "+path), filepath.Dir(path), "DIR")
	}
	return lines
}

func TestCheckSaysEachThingOnceAndWhatToDo(t *testing.T) {
	const hashHint = "hint: `redisgate hash-password` makes the #hash of a password"
	const ruleHint = "hint: a #hash or a >password, key patterns as ~data:*, channels as &events:*, commands as +get or -keys, categories as +@read"
	user := func(acl string) string { return socketConfig + "[[user]]\nname = \"a\"\nacl = \"" + acl + "\"\n" }
	for _, tc := range []struct {
		text string
		want []string
	}{
		{socketConfig, []string{
			": user: there is no [[user]]: nobody could log in",
			"hint: write [[user]] with a name and an acl, or name an ACL file in acl.file; `redisgate hash-password` makes the #hash for it",
		}},
		{"[[users]]\n" + socketConfig, []string{":1: users: unknown key", "hint: did you mean user?"}},
		{socketConfig + "[[user]]\nname = \"a b\"\nacl = \"on >hunter2 +@raed\"\n", []string{
			`:4: user[0].name: "a b" contains a space or a control character`, "hint: choose a name of letters, digits, '.', '_' and '-'",
			`:5: user[0].acl: word 3, "+@raed": Unknown command or category name in ACL`, "hint: did you mean +@read?",
		}},
		{user("+gte"), []string{`:5: user[0].acl: word 1, "+gte": Unknown command or category name in ACL`, "hint: did you mean +get?"}},
		{user("-conifg|get"), []string{`:5: user[0].acl: word 1, "-conifg|get": Unknown command or category name in ACL`, "hint: did you mean -config|get?"}},
		{user("+frobnicate"), []string{`:5: user[0].acl: word 1, "+frobnicate": Unknown command or category name in ACL`, "hint: commands are written as +get, subcommands as +config|get"}},
		{user("on hunter2"), []string{":5: user[0].acl: word 2: Syntax error", ruleHint}},
		{user("on >hunter2 hunter2 +get"), []string{":5: user[0].acl: word 3: Syntax error", ruleHint}},
		{user("on >hunter2 +get data:*"), []string{":5: user[0].acl: word 4: Syntax error", ruleHint}},
		{user("on #hunter2"), []string{
			":5: user[0].acl: word 2: The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters", hashHint,
		}},
		{user("on (+get >hunter2)"), []string{":5: user[0].acl: word 3: Syntax error", ruleHint}},
		{user("on (+get hunter2)"), []string{":5: user[0].acl: word 3: Syntax error", ruleHint}},
		{user("on (hunter2 +get"), []string{":5: user[0].acl: a selector is not closed", "hint: write ')' at its end: (+get ~data:*)"}},
		{user("on >hunter2 ~* ~x"), []string{
			`:5: user[0].acl: word 4, "~x": Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns`,
			"hint: remove the pattern, or what allows everything before it",
		}},
		{socketConfig + "[upstream]\npassword_file = \"missing\"\n" + anyUser, []string{
			":4: upstream.password_file: DIR/missing: no such file or directory",
			"hint: write Redis's password there, mode 0600; relative paths start from the configuration file's directory",
		}},
		{socketConfig + "[upstream]\npassword_file = \".\"\n" + anyUser, []string{
			":4: upstream.password_file: DIR: is a directory", "hint: name a file that holds Redis's password and nothing else",
		}},
	} {
		if got := checked(t, tc.text); !slices.Equal(got, tc.want) {
			t.Errorf("check of\n%ssaid\n%s\nwant\n%s", tc.text, strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
		}
	}
}

func TestCheckSaysWhatIsWrongWithClientCertificatesOnce(t *testing.T) {
	dir, _ := initialised(t)
	pair := "[tls]\ncert = \"" + filepath.Join(dir, "server.crt") + "\"\nkey = \"" + filepath.Join(dir, "server.key") + "\"\n"
	for _, tc := range []struct{ keys, want string }{
		{"client_ca = \"missing\"\nclient_auth = \"require\"\n", ":4: tls.client_ca: DIR/missing: no such file or directory"},
		{"client_ca = \"missing\"\n", `:1: tls.client_auth: is "none", so tls.client_ca would have no effect`},
		{"client_auth = \"require\"\n", `:1: tls.client_ca: tls.client_auth = "require" needs it`},
		{"client_ca = \".\"\nclient_auth = \"optional\"\n", ":4: tls.client_ca: DIR: is a directory"},
	} {
		if got := checked(t, pair+tc.keys+anyUser); len(got) != 2 || got[0] != tc.want || !strings.HasPrefix(got[1], "hint: ") {
			t.Errorf("check with %q said\n%s\nwant %s, once, and a hint", tc.keys, strings.Join(got, "\n"), tc.want)
		}
	}
}

func TestServeRefusesWhatCheckRefuses(t *testing.T) {
	path := write(t, socketConfig+"[[user]]\nname = \"app\"\nacl = \"bogus\"\n")
	check, serve := invoke(t, "", "check", "--config", path), invoke(t, "", "serve", "--config", path)
	if serve.code != 1 || serve.stderr != check.stderr || serve.stderr == "" {
		t.Errorf("serve = %d, %q; want 1 and what check says, %q", serve.code, serve.stderr, check.stderr)
	}
}

func TestBuildCompilesUsersAndNetworks(t *testing.T) {
	b, err := loadAndBuild(write(t, socketConfig+`
idle_timeout = "5m"
[network]
allow = ["10.0.0.0/8", "2001:db8::/32"]
deny = ["10.1.0.0/16"]
[limits]
memory = "32MB"
[[user]]
name = "app"
acl = "on >pw ~* +@all"
allow = ["10.2.0.0/16"]
databases = [3, 1]
`), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if b.tls != nil {
		t.Error("a configuration without a TCP listener has TLS; want none")
	}
	if !b.allow.Contains(netip.MustParseAddr("10.9.9.9")) || b.allow.Contains(netip.MustParseAddr("127.0.0.1")) {
		t.Error("allow is not the configured list")
	}
	if !b.deny.Contains(netip.MustParseAddr("10.1.2.3")) {
		t.Error("deny is not the configured list")
	}
	inside, outside := netip.MustParseAddr("10.2.0.1"), netip.MustParseAddr("10.3.0.1")
	u, _, ok := b.users.Authenticate(inside, nil, []byte("app"), []byte("pw"))
	if !ok || len(u.Databases) != 2 || u.Databases[0] != 3 {
		t.Errorf("Authenticate inside of allow = %v, %v; want app with databases 3 and 1", u, ok)
	}
	if _, _, ok := b.users.Authenticate(outside, nil, []byte("app"), []byte("pw")); ok {
		t.Error("app logs in from outside of its allow")
	}
	if b.limits.Memory != 32<<20 || b.limits.IdleTimeout != 5*time.Minute || b.limits.ArgumentBytes != 512<<20 {
		t.Errorf("limits = %+v; want 32 MB, 5 minutes, 512 MB", b.limits)
	}
}

func TestAUserWithoutAllowMayComeFromEverywhere(t *testing.T) {
	b, err := loadAndBuild(write(t, socketConfig+"[[user]]\nname = \"app\"\nacl = \"on >pw\"\n"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := b.users.Authenticate(netip.Addr{}, nil, []byte("app"), []byte("pw")); !ok {
		t.Error("a user without allow cannot log in over a unix socket")
	}
}

func TestBuildTakesThePasswordFromTheEnvironment(t *testing.T) {
	path := write(t, socketConfig+"[upstream]\npassword_env = \"REDISGATE_TEST_UPSTREAM\"\n"+anyUser)
	if _, err := loadAndBuild(path, time.Now()); err == nil || !strings.Contains(err.Error(), "upstream.password_env") {
		t.Errorf("build without the variable = %v; want an error at upstream.password_env", err)
	}
	t.Setenv("REDISGATE_TEST_UPSTREAM", "pw")
	b, err := loadAndBuild(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.dialer.Password(); err != nil || got != "pw" {
		t.Errorf("the dialer's password = %q, %v; want \"pw\"", got, err)
	}
}

func TestNotesSayWhatMayNotBeMeant(t *testing.T) {
	path := write(t, socketConfig+`
[network]
allow = ["0.0.0.0/0"]
[upstream]
address = "10.0.0.1:6379"
unsafe_remote = true
[metrics]
address = "0.0.0.0:9121"
[[user]]
name = "open"
acl = "on nopass"
[[user]]
name = "closed"
acl = "off >x"
[[user]]
name = "mute"
acl = "on ~*"
[[user]]
name = "scripts"
acl = "on >x +eval"
unsafe_scripts = true
`)
	r := invoke(t, "", "check", "--config", path)
	if r.code != 0 {
		t.Fatalf("check = %d, %q; want 0", r.code, r.stderr)
	}
	for _, want := range []string{
		`no user "default"`, "everybody gets as far as", "not on this machine", "no password for Redis", "open to the network",
		`user "open" needs no password`, `user "closed" is off`, `user "mute" has no password`, `user "scripts" may run scripts`,
		"user[3].acl has a password as it is",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("check did not note %q:\n%s", want, r.stdout)
		}
	}
	b, err := loadAndBuild(write(t, socketConfig+"[upstream]\npassword_file = \"redisgate.toml\"\n[[user]]\nname = \"default\"\nacl = \"on #"+strings.Repeat("ab", 32)+"\"\n"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if len(b.notes) != 0 {
		t.Errorf("notes of a plain configuration = %q; want none", b.notes)
	}
}

func TestFilesThatOthersCanReadAreNoted(t *testing.T) {
	path := write(t, socketConfig+"[upstream]\npassword_file = \"pw\"\n"+anyUser)
	secret := filepath.Join(filepath.Dir(path), "pw")
	for mode, want := range map[os.FileMode]bool{0o600: false, 0o640: false, 0o644: true} {
		_ = os.Remove(secret)
		if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(secret, mode); err != nil {
			t.Fatal(err)
		}
		b, err := loadAndBuild(path, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(b.notes, "\n"), "every user of this machine can read"); got != want {
			t.Errorf("mode %v is noted: %v; want %v", mode, got, want)
		}
	}
}

// What everybody can change is said, and is an error where a change is in force by itself.
func TestFilesThatOthersCanChange(t *testing.T) {
	path := write(t, socketConfig+"[network]\nallow_file = \"allow.txt\"\n"+anyUser)
	list := filepath.Join(filepath.Dir(path), "allow.txt")
	put(t, list, []byte("127.0.0.0/8\n"))
	for _, file := range []string{path, list} {
		check := func() result { return invoke(t, "", "check", "--config", path) }
		said := "every user of this machine can change " + file
		if r := check(); r.code != 0 || strings.Contains(r.stdout, said) {
			t.Errorf("check = %d, %q; want 0 and nothing of changes", r.code, r.stdout)
		}
		if err := os.Chmod(file, 0o666); err != nil {
			t.Fatal(err)
		}
		if r := check(); r.code != 0 || !strings.Contains(r.stdout, said) {
			t.Errorf("check = %d, %q; want 0 and %q", r.code, r.stdout, said)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		put(t, path, append(text, "[reload]\nwatch = true\n"...))
		if err := os.Chmod(file, 0o666); err != nil {
			t.Fatal(err)
		}
		if r := check(); r.code != 1 || !strings.Contains(r.stderr, "reload.watch: "+said) {
			t.Errorf("check with reload.watch = %d, %q; want 1 and %q", r.code, r.stderr, said)
		}
		put(t, path, text)
		for _, f := range []string{path, list} {
			if err := os.Chmod(f, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestTheShippedExamplesCompile(t *testing.T) {
	dir, _ := initialised(t)
	for _, name := range []string{"redisgate.toml", "minimal.toml"} {
		cfg, err := config.Load(filepath.Join("..", "..", "configs", name))
		if err != nil {
			t.Fatal(err)
		}
		cfg.TLS.Cert, cfg.TLS.Key = filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
		if _, err := build(cfg, time.Now()); err != nil {
			t.Errorf("build of %s = %v; want no error", name, err)
		}
	}
}
