package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"redisgate/internal/redistest"
)

// newRoot is an empty system for dpkg, with the users root and redis.
func newRoot(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir+"/var/lib/dpkg/status", "")
	write(t, dir+"/etc/passwd", "root:x:0:0::/root:/bin/sh\nredis:x:101:101::/var/lib/redis:/usr/sbin/nologin\n")
	write(t, dir+"/etc/group", "root:x:0:\nredis:x:101:\n")
	for _, sub := range []string{"info", "updates"} {
		if err := os.MkdirAll(dir+"/var/lib/dpkg/"+sub, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestThePackageInstalls builds the package, installs it into a directory, configures it
// as the documentation says, upgrades it, and removes it.
func TestThePackageInstalls(t *testing.T) {
	redistest.RequireTool(t, "dpkg")
	if os.Geteuid() != 0 {
		redistest.Skip(t, "dpkg installs as root only")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	root := newRoot(t)
	install := func(version string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "redisgate.deb")
		build := exec.CommandContext(t.Context(), "go", "tool", "-modfile=tools/nfpm/go.mod", "nfpm", "package",
			"--config", "configs/package/nfpm.yaml", "--packager", "deb", "--target", file)
		build.Dir = "../.."
		build.Env = append(os.Environ(), "ARCH="+runtime.GOARCH, "VERSION="+version, "BINARY="+path)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("nfpm = %v\n%s", err, out)
		}
		// What it depends on is in the system that runs the scripts, not in root.
		dpkg(t, root, "--force-depends", "--install", file)
	}
	install("1.0")

	config := root + "/etc/redisgate/redisgate.toml"
	gid := regexp.MustCompile(`(?m)^redisgate:[^:]*:(\d+):`).FindStringSubmatch(read(t, root+"/etc/group"))
	if gid == nil {
		t.Fatalf("there is no group redisgate in\n%s", read(t, root+"/etc/group"))
	}
	for name, want := range map[string]string{
		root + "/usr/bin/redisgate": "755 0 0", root + "/usr/lib/systemd/system/redisgate.service": "644 0 0",
		root + "/usr/share/man/man1/redisgate.1": "644 0 0", filepath.Dir(config): "750 0 " + gid[1], config: "640 0 " + gid[1],
	} {
		if got := says(t, "stat", "-c", "%a %u %g", name); got != want {
			t.Errorf("%s has mode, user and group %s; want %s", name, got, want)
		}
	}
	if passwd := read(t, root+"/etc/passwd"); !regexp.MustCompile(`(?m)^redisgate:.*nologin$`).MatchString(passwd) {
		t.Errorf("redisgate is no user, or one who can log in:\n%s", passwd)
	}
	if group := read(t, root+"/etc/group"); !regexp.MustCompile(`(?m)^redis:.*:redisgate$`).MatchString(group) {
		t.Errorf("redisgate is not in the group redis:\n%s", group)
	}

	gate := root + "/usr/bin/redisgate"
	if got := says(t, gate, "version"); !strings.HasPrefix(got, "redisgate ") {
		t.Errorf("redisgate version = %q", got)
	}
	out, err := exec.CommandContext(t.Context(), gate, "check", "--config", config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "tls.cert") || strings.Contains(string(out), "user") {
		t.Errorf("check of the configuration as installed = %v; want that a certificate is missing, and no more\n%s", err, out)
	}
	made := filepath.Join(t.TempDir(), "made")
	says(t, gate, "init", "--name", "redis.example.com", made)
	for _, name := range []string{"server.crt", "server.key"} {
		says(t, "install", "-m", "0640", "-g", gid[1], filepath.Join(made, name), filepath.Dir(config))
	}
	text := strings.Replace(read(t, config), `acl = "off ~app:*`, `acl = "on #64ba009cceac4ab8b3c877ae1b6b010e8fc5a15ab567238e3a6107cd4dfe147d ~app:*`, 1)
	if err := os.WriteFile(config, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	says(t, gate, "check", "--config", config)

	install("1.1")
	if read(t, config) != text {
		t.Error("an upgrade has changed the configuration")
	}
	if got := says(t, "stat", "-c", "%a %g", config); got != "640 "+gid[1] {
		t.Errorf("after an upgrade the configuration has mode and group %s; want 640 %s", got, gid[1])
	}
	dpkg(t, root, "--remove", "redisgate")
	if _, err := os.Stat(gate); !os.IsNotExist(err) || read(t, config) != text {
		t.Errorf("removed, the program is there (%v) or the configuration is gone", err)
	}
	dpkg(t, root, "--purge", "redisgate")
	if _, err := os.Stat(config); !os.IsNotExist(err) {
		t.Errorf("purged, the configuration is still there (%v)", err)
	}
}

// dpkg runs it in root, whose scripts run outside of it: it has no shell.
func dpkg(t *testing.T, root string, args ...string) {
	t.Helper()
	all := append([]string{"--root=" + root, "--force-script-chrootless"}, args...)
	if out, err := exec.CommandContext(t.Context(), "dpkg", all...).CombinedOutput(); err != nil {
		t.Fatalf("dpkg %q = %v\n%s", args, err, out)
	}
}
