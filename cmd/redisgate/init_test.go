package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"redisgate/config"
)

// initialised runs init and returns its directory and the first user's password.
func initialised(t *testing.T) (dir, password string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "gate")
	r := invoke(t, "", "init", dir)
	if r.code != 0 {
		t.Fatalf("init = %d, %q; want 0", r.code, r.stderr)
	}
	m := regexp.MustCompile(`(?m)^  ([a-z2-7]{32})$`).FindStringSubmatch(r.stdout)
	if m == nil {
		t.Fatalf("init printed no password:\n%s", r.stdout)
	}
	return dir, m[1]
}

func TestInitWritesASetUpThatCheckAccepts(t *testing.T) {
	dir, password := initialised(t)
	r := invoke(t, "", "check", "--config", filepath.Join(dir, "redisgate.toml"))
	if r.code != 0 || !strings.Contains(r.stdout, "redisgate.toml: ok; users: 1;") {
		t.Fatalf("check after init = %d, %s%s; want 0 and ok", r.code, r.stdout, r.stderr)
	}
	b, err := loadAndBuild(filepath.Join(dir, "redisgate.toml"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	here := netip.MustParseAddr("127.0.0.1")
	if _, _, ok := b.users.Authenticate(here, nil, []byte("app"), []byte(password)); !ok {
		t.Error("the password that init has shown is not the first user's")
	}
	if _, _, ok := b.users.Authenticate(here, nil, []byte("app"), []byte("wrong")); ok {
		t.Error("the first user logs in with a wrong password")
	}
	if e := b.cfg.Upstream.Endpoint(); !e.Unix() || e.Address != filepath.Join(dir, "redis.sock") {
		t.Errorf("upstream is %v; want a unix socket in %s", e, dir)
	}
	redis, err := b.cfg.Upstream.ReadPassword()
	if err != nil || redis == "" {
		t.Errorf("ReadPassword() = %q, %v; want a password", redis, err)
	}
	conf, err := os.ReadFile(filepath.Join(dir, "redis.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"dir " + dir, "port 0", "unixsocket " + filepath.Join(dir, "redis.sock"), "requirepass " + redis} {
		if !strings.Contains(string(conf), "\n"+line+"\n") {
			t.Errorf("redis.conf has no line %q", line)
		}
	}
}

func TestInitWritesPrivateFilesAndShowsThePasswordOnlyOnce(t *testing.T) {
	old := syscall.Umask(0o077) // what is to be handed out is, whatever the umask
	dir, password := initialised(t)
	syscall.Umask(old)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		want := os.FileMode(0o600)
		if e.Name() == "ca.crt" { // clients get it
			want = 0o644
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v; want %v", e.Name(), info.Mode(), want)
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), password) {
			t.Errorf("%s contains the first user's password", e.Name())
		}
	}
	want := []string{"ca.crt", "ca.key", "redis.conf", "redis.password", "redisgate.toml", "server.crt", "server.key"}
	if !slices.Equal(names, want) {
		t.Errorf("init wrote %v; want %v", names, want)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v, %v; want 0700", info.Mode(), err)
	}
}

func TestInitNeverOverwrites(t *testing.T) {
	for _, name := range []string{"redisgate.toml", "server.key", "ca.crt", "redis.conf"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		r := invoke(t, "", "init", dir)
		if r.code != 1 || !strings.Contains(r.stderr, name) || !strings.Contains(r.stderr, "hint: ") {
			t.Errorf("init over %s = %d, %q; want 1, its name and a hint", name, r.code, r.stderr)
		}
		data, err := os.ReadFile(path)
		if err != nil || string(data) != "mine" {
			t.Errorf("after init %s is %q, %v; want it untouched", name, data, err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("init left %v beside %s; want nothing", entries, name)
		}
	}
}

func TestInitSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ args, err, hint string }{
		{"init,", "init takes one directory", "for example"},
		{"init," + dir + "/file", "not a directory", "may write to"},
		{"init," + dir + "/file/gate", "not a directory", "may write to"},
		{"init," + dir + "/new\nline", "cannot stand in a configuration", "plain text"},
		{"init,--name,not a host," + dir + "/x", `"not a host" is neither a host name nor an address`, "such as redis.example.com"},
		{"init,--nmae,x," + dir + "/x", "unknown flag: --nmae", "--name?"},
	} {
		r := invoke(t, "", strings.Split(tc.args, ",")...)
		first, hint, _ := strings.Cut(r.stderr, "\n")
		if r.code != 1 || !strings.Contains(first, tc.err) || !strings.HasPrefix(hint, "hint: ") || !strings.Contains(hint, tc.hint) {
			t.Errorf("redisgate %q = %d, %q; want 1, %q and a hint of %q", tc.args, r.code, r.stderr, tc.err, tc.hint)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("init left %v; want nothing", entries)
	}
}

func TestInitFollowsNoLink(t *testing.T) {
	dir, target := t.TempDir(), filepath.Join(t.TempDir(), "target")
	if err := os.Symlink(target, filepath.Join(dir, "server.key")); err != nil {
		t.Fatal(err)
	}
	if r := invoke(t, "", "init", dir); r.code != 1 {
		t.Errorf("init over a link = %d; want 1", r.code)
	}
	if _, err := os.Lstat(target); !os.IsNotExist(err) {
		t.Errorf("init wrote through a link (%v)", err)
	}
}

func TestInitTakesBackWhatItWroteOnAnError(t *testing.T) {
	dir := t.TempDir()
	err := writeNew(dir, []file{{"a", private, nil}, {"missing/b", public, nil}})
	if err == nil {
		t.Fatal("writeNew into a missing directory = nil; want an error")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("writeNew left %v after an error; want nothing", entries)
	}
}

func TestFirstConfigHasEveryKeyOfTheExample(t *testing.T) {
	text, err := firstConfig("unix:///run/redis.sock", "#"+strings.Repeat("0", 64))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse("redisgate.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Users[0].ACL.Text(); !strings.HasPrefix(got, "on #000") {
		t.Errorf("the first user's acl = %q; want it on, with the hash", cfg.Users[0].ACL)
	}
	if strings.Contains(text, "change me") {
		t.Error("the example's password is still spoken of")
	}
}

func TestALongDirectoryGetsAnotherSocket(t *testing.T) {
	if got := socketIn("/" + strings.Repeat("x", 200)); got != "unix:///run/redis/redis.sock" {
		t.Errorf("socketIn(long) = %q; want one that fits", got)
	}
	const said = "Redis's socket is /run/redis/redis.sock, since"
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	if r := invoke(t, "", "init", long); r.code != 0 || !strings.Contains(r.stdout, said) {
		t.Errorf("init of a long directory = %d and does not say where the socket is:\n%s", r.code, r.stdout)
	}
	short, err := os.MkdirTemp("/tmp", "init") // t.TempDir is long on some systems
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(short)
	if r := invoke(t, "", "init", short); r.code != 0 || strings.Contains(r.stdout, said) {
		t.Errorf("init of a short directory = %d:\n%s", r.code, r.stdout)
	}
}
