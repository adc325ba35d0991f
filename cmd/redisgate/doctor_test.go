package main

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
)

const redisPassword = "redis-s-password-that-must-not-show"

// patient writes a configuration for a Redis, with two users.
func patient(t *testing.T, s *redistest.Server, upstream string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rg") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "redisgate.toml")
	for file, text := range map[string]string{"redis.password": redisPassword + "\n", "redisgate.toml": fmt.Sprintf(`[listen]
address = "unix://gate.sock"
[metrics]
address = ""
[upstream]
address = "unix://%s"
%s
[[user]]
name = "app"
acl = "on >apppw ~app:* &app:* -@all +@read +@write +@connection +@transaction +@pubsub -@dangerous"
[[user]]
name = "scripts"
acl = "on >x ~it's:* -@all +get +eval"
unsafe_scripts = true
`, s.Socket(), upstream)} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// line finds the line of the output that contains a text.
func line(t *testing.T, out, text string) string {
	t.Helper()
	for l := range strings.Lines(out) {
		if strings.Contains(l, text) {
			return strings.TrimSpace(l)
		}
	}
	t.Fatalf("there is no %q in\n%s", text, out)
	return ""
}

// TestDoctorLeadsToHealth does what doctor says until it finds nothing, and then uses
// the gate with the account that it has printed the line for.
func TestDoctorLeadsToHealth(t *testing.T) {
	redistest.RequireTool(t, "redis-cli")
	s := redistest.Start(t, redistest.Options{Password: redisPassword, Args: []string{"--timeout", "60", "--maxclients", "1000"}})
	path := patient(t, s, `password_file = "redis.password"`)
	t.Setenv(asProgram, "yes")
	shell := func(text string) {
		t.Helper()
		out, err := osexec.CommandContext(t.Context(), "sh", "-c", text).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != "OK" && !strings.HasSuffix(got, "\nOK") {
			t.Fatalf("%s = %v\n%s", text, err, out)
		}
	}
	r := invoke(t, "", "doctor", "--config", path)
	for _, want := range []string{"\nhigh      maxclients: ", "\nmedium    timeout: ", "\nmedium    account: ", "medium    default-user: ", `Scripts of users with unsafe_scripts ("scripts")`} {
		if r.code != 2 || r.stderr != "" || !strings.Contains("\n"+r.stdout, want) {
			t.Errorf("doctor = %d, %q; want 2 and %q in\n%s", r.code, r.stderr, want, r.stdout)
		}
	}
	for _, fix := range []string{" CONFIG SET maxclients ", " CONFIG SET timeout 0", "ACL SETUSER redisgate on "} {
		shell(strings.TrimPrefix(line(t, r.stdout, fix), "fix: "))
	}
	replace(t, path, `password_file = "redis.password"`, "username = \"redisgate\"\npassword_file = \"redis.password\"")
	s.Do("ACL", "SETUSER", "boss", "on", ">bosspw", "~*", "&*", "+@all")
	shell("REDISCLI_AUTH=bosspw redis-cli --user boss -s " + s.Socket() + " ACL SETUSER default off")
	boss := filepath.Join(filepath.Dir(path), "boss.password")
	if err := os.WriteFile(boss, []byte("bosspw"), 0o600); err != nil {
		t.Fatal(err)
	}

	// By its own account it sees little, and says so.
	r = invoke(t, "", "doctor", "--config", path)
	if r.code != 0 && os.Getuid() != 0 || !strings.Contains(r.stdout, "unseen    the settings (") || !strings.Contains(r.stdout, "could not be looked at") {
		t.Errorf("doctor by the least account = %d, %q; want what it could not see in\n%s", r.code, r.stderr, r.stdout)
	}
	r = invoke(t, "", "doctor", "--config", path, "--username", "boss", "--password-file", boss)
	if want := "\nno findings\n"; os.Getuid() == 0 { // as tests' servers then do
		if r.code != 2 || !strings.HasPrefix(r.stdout, "high      root: ") || !strings.HasSuffix(r.stdout, "\nfindings: 1\n") {
			t.Errorf("doctor = %d, %q; want 2 and root alone in\n%s", r.code, r.stderr, r.stdout)
		}
	} else if r.code != 0 || !strings.HasSuffix(r.stdout, want) {
		t.Errorf("doctor = %d, %q; want 0 and %q in\n%s", r.code, r.stderr, want, r.stdout)
	}
	if strings.Contains(r.stdout, redisPassword) || strings.Contains(r.stdout, "bosspw") || strings.Contains(r.stdout, "apppw") {
		t.Errorf("doctor shows a password:\n%s", r.stdout)
	}

	b := start(t, "serve", "--config", path)
	b.waitFor(t, b.stderr, "Redis answers")
	c := redistest.NewClient(t, &redis.Options{Network: "unix", Addr: filepath.Join(filepath.Dir(path), "gate.sock"), Username: "app", Password: "apppw"})
	if err := c.Set(t.Context(), "app:1", "v", 0).Err(); err != nil {
		t.Errorf("SET through the gate = %v", err)
	}
	if got, err := c.TxPipelined(t.Context(), func(p redis.Pipeliner) error { return p.Get(t.Context(), "app:1").Err() }); err != nil || len(got) != 1 {
		t.Errorf("MULTI through the gate = %v, %v", got, err)
	}
	scripts := redistest.NewClient(t, &redis.Options{Network: "unix", Addr: filepath.Join(filepath.Dir(path), "gate.sock"), Username: "scripts", Password: "x"})
	if got, err := scripts.Eval(t.Context(), "return redis.call('GET', KEYS[1])", []string{"it's:1"}).Result(); err != redis.Nil {
		t.Errorf("EVAL through the gate = %v, %v; want nil", got, err)
	}
	if b.stop() != 0 {
		t.Errorf("serve ended with an error:\n%s", b.stderr)
	}
}

func TestDoctorFindsAnOpenRedis(t *testing.T) {
	s := redistest.Start(t, redistest.Options{TCP: true, Args: []string{"--bind", "0.0.0.0", "--protected-mode", "no"}})
	r := invoke(t, "", "doctor", "--config", patient(t, s, ""))
	for _, want := range []string{" password: Redis lets in whoever connects", "high      protected-mode: ", " default-user: ", "fix: redis.conf: bind 127.0.0.1 -::1", "fix: redis.conf: requirepass", "user redisgate on #<sha256 hex> resetkeys ~app:* ~it's:* resetchannels &app:* -@all "} {
		if r.code != 2 || !strings.Contains(r.stdout, want) {
			t.Errorf("doctor = %d, %q; want 2 and %q in\n%s", r.code, r.stderr, want, r.stdout)
		}
	}
}

func TestDoctorThatCannotLook(t *testing.T) {
	s := redistest.Start(t, redistest.Options{Password: redisPassword})
	good, none := patient(t, s, `password_file = "redis.password"`), patient(t, s, "")
	wrong := filepath.Join(filepath.Dir(good), "wrong.password")
	if err := os.WriteFile(wrong, []byte("not-this-one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ args, want, hint string }{
		{"", "--config FILE is missing", "`redisgate init DIR` writes one"},
		{"--config " + none, "NOAUTH", "it wants a password: upstream.password_file"},
		{"--config " + good + " --password-file " + wrong, "WRONGPASS", "look at upstream.username and upstream.password_file, or at --username and --password-file"},
		{"--config " + good + " --password-file " + wrong + ".none", "--password-file: " + wrong + ".none: no such file", "name a file that holds the password"},
		{"--config " + good + " --username boss", "--username is without --password-file", "name the file with its password"},
		{"--config " + write(t, socketConfig+"[upstream]\naddress = \"unix:///nonexistent/redis.sock\"\n"+anyUser), "no such file", "is it running, and is this its address (upstream.address)?"},
		{"--config " + write(t, socketConfig), "there is no [[user]]", ""},
	} {
		r := invoke(t, "", append([]string{"doctor"}, strings.Fields(tc.args)...)...)
		if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, tc.want) || !strings.Contains(r.stderr, "hint: "+tc.hint) {
			t.Errorf("doctor %s = %d, %q, %q; want 1, an error %q and a hint %q", tc.args, r.code, r.stdout, r.stderr, tc.want, tc.hint)
		}
		if strings.Contains(r.stderr, "not-this-one") {
			t.Errorf("doctor shows a password: %s", r.stderr)
		}
	}
}

// What Redis says of itself must not turn the rest of a line, as a terminal shows it.
func TestDoctorShowsNoTextThatTurns(t *testing.T) {
	acl := filepath.Join(t.TempDir(), "users\u202e.acl")
	if err := os.WriteFile(acl, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := redistest.Start(t, redistest.Options{Args: []string{"--aclfile", acl}})
	r := invoke(t, "", "doctor", "--config", patient(t, s, ""))
	if l := line(t, r.stdout, "users?.acl"); strings.Contains(r.stdout, "\u202e") {
		t.Errorf("doctor repeats what turns text: %q", l)
	}
}
