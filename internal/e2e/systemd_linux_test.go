package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"redisgate/internal/child"
	"redisgate/internal/process"
	"redisgate/internal/redistest"
)

const systemdConfigs = "../../configs/systemd"

// TestUnitsAreWhatSystemdTakes has systemd read the units, with the binary where it is.
func TestUnitsAreWhatSystemdTakes(t *testing.T) {
	analyze := redistest.RequireTool(t, "systemd-analyze")
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"redisgate.service", "redisgate.socket"} {
		write(t, filepath.Join(dir, name), strings.ReplaceAll(read(t, filepath.Join(systemdConfigs, name)), "/usr/bin/redisgate", path))
	}
	service, socket := filepath.Join(dir, "redisgate.service"), filepath.Join(dir, "redisgate.socket")
	out := says(t, analyze, "verify", "--man=no", service, socket)
	if _, version, _ := strings.Cut(says(t, analyze, "--version"), "systemd "); leading(version) < 253 {
		// The unit says so, and what comes before it in the unit holds.
		out = regexp.MustCompile(`^\S*redisgate\.service:\d+: Failed to parse service type, ignoring: notify-reload\n?$`).ReplaceAllString(out, "")
	}
	if out != "" {
		t.Errorf("systemd-analyze verify says\n%s", out)
	}
	wrong := filepath.Join(dir, "wrong.service")
	write(t, wrong, strings.Replace(read(t, service), "ProtectHome=", "ProtectHomes=", 1))
	if out := says(t, analyze, "verify", "--man=no", wrong); !strings.Contains(out, "ProtectHomes") {
		t.Errorf("systemd-analyze verify of a unit with a wrong key says %q", out)
	}

	out = says(t, analyze, "security", "--offline=true", "--no-pager", service)
	m := regexp.MustCompile(`Overall exposure level for redisgate\.service: ([\d.]+)`).FindStringSubmatch(out)
	documented := regexp.MustCompile(`an exposure level of ([\d.]+)`).FindStringSubmatch(read(t, "../../docs/OPERATIONS.md"))
	if m == nil || documented == nil {
		t.Fatalf("no exposure level in the documentation, or in\n%s", out)
	}
	got, _ := strconv.ParseFloat(m[1], 64)
	if want, _ := strconv.ParseFloat(documented[1], 64); got <= 0 || got > want {
		t.Errorf("the exposure level is %v; want the documented %v or less\n%s", got, want, out)
	}
}

// leading is the number at the beginning of a text.
func leading(text string) int {
	n, _ := strconv.Atoi(regexp.MustCompile(`^\d*`).FindString(text))
	return n
}

// underSystemd starts redisgate with listening sockets and a socket for its words, as
// systemd does. environ comes on top.
func underSystemd(t *testing.T, conf string, sockets []*os.File, environ ...string) (cmd *exec.Cmd, out *process.Buffer, exited chan error) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	// LISTEN_PID is that of the process itself, which the shell becomes.
	cmd = exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" serve --config "$1"`, path, conf)
	cmd.ExtraFiles = sockets
	cmd.Env = append(os.Environ(), append(environ, "LISTEN_FDS="+strconv.Itoa(len(sockets)))...)
	out = &process.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := child.Start(cmd); err != nil {
		t.Fatal(err)
	}
	exited = make(chan error, 1)
	go func() {
		exited <- cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("redisgate: %s", out)
		}
	})
	return cmd, out, exited
}

// socketFor is a listening socket as systemd has it: open before redisgate is.
func socketFor(t *testing.T, network, address string) (addr string, file *os.File) {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	if u, ok := ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	if file, err = ln.(interface{ File() (*os.File, error) }).File(); err != nil {
		t.Fatal(err)
	}
	addr = ln.Addr().String()
	ln.Close() // file goes on listening
	t.Cleanup(func() { file.Close() })
	return addr, file
}

func configFor(t *testing.T, dir, listen, metrics, redis string) string {
	t.Helper()
	cert, err := process.NewCertificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "redisgate.toml")
	write(t, name, fmt.Sprintf(`
[listen]
address = %s
drain_timeout = "3s"
[tls]
cert = %q
key = %q
[upstream]
address = "unix://%s"
[metrics]
address = %q
[[user]]
name = "app"
acl = "on nopass ~* +@all"
`, listen, cert.CertFile, cert.KeyFile, redis, metrics))
	return name
}

// TestUnderSystemd lets clients connect before redisgate runs, and reads what it says of
// itself.
func TestUnderSystemd(t *testing.T) {
	cli := redistest.RequireTool(t, "redis-cli")
	rs := redistest.Start(t, redistest.Options{})
	dir, err := os.MkdirTemp("", "unit-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	words, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer words.Close()
	next := func() string {
		words.SetReadDeadline(time.Now().Add(30 * time.Second))
		b := make([]byte, 4096)
		n, err := words.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	addr, tcp := socketFor(t, "tcp", "127.0.0.1:0")
	path, unix := socketFor(t, "unix", filepath.Join(dir, "gate.sock"))
	metrics, web := socketFor(t, "tcp", "127.0.0.1:0")
	conf := configFor(t, dir, fmt.Sprintf(`[%q, "127.0.0.1:0", "unix://%s"]`, addr, path), metrics, rs.Socket())
	early, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("a client that comes before redisgate: %v", err)
	}
	defer early.Close()
	if _, err := early.Write([]byte("AUTH app any\r\nPING\r\nQUIT\r\n")); err != nil {
		t.Fatal(err)
	}

	cmd, out, exited := underSystemd(t, conf, []*os.File{tcp, unix, web}, "NOTIFY_SOCKET="+words.LocalAddr().String(), "WATCHDOG_USEC=300000")
	if got := next(); got != "READY=1" {
		t.Errorf("the first word is %q; want READY=1", got)
	}
	for range 3 {
		if got := next(); got != "WATCHDOG=1" {
			t.Errorf("the next word is %q; want WATCHDOG=1", got)
		}
	}
	until(t, out.String, func() bool { return strings.Contains(out.String(), "Redis answers") })
	_, port, _ := net.SplitHostPort(addr)
	// A reload begins and ends with a word of its own, be it successful or not.
	for _, wrong := range []string{"", "nonsense\n"} {
		write(t, conf, read(t, conf)+wrong)
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`^RELOADING=1\nMONOTONIC_USEC=[1-9]\d+$`, `^READY=1$`} {
			got := next()
			for got == "WATCHDOG=1" {
				got = next()
			}
			if !regexp.MustCompile(want).MatchString(got) {
				t.Errorf("around a reload the word is %q; want %s", got, want)
			}
		}
	}
	until(t, out.String, func() bool {
		return strings.Contains(out.String(), "generation=2") && strings.Contains(out.String(), "the old one stays in force")
	})
	if got := says(t, cli, "--tls", "--cacert", filepath.Join(dir, "ca.crt"), "-p", port, "--user", "app", "-a", "x", "--no-auth-warning", "PING"); got != "PONG" {
		t.Errorf("PING by the socket of systemd = %q; want PONG", got)
	}
	early.SetReadDeadline(time.Now().Add(20 * time.Second))
	reply := make([]byte, 64)
	if n, err := early.Read(reply); err != nil || !strings.HasPrefix(string(reply[:n]), "+OK") && !strings.HasPrefix(string(reply[:n]), "-ERR redisgate: Redis is unreachable") {
		t.Errorf("the early client is answered %q, %v", reply[:n], err)
	}
	at := gate{&process.Process{Metrics: "http://" + metrics + "/metrics"}}
	if n := at.metric(t, "redisgate_upstream_up"); n != 1 {
		t.Errorf("redisgate_upstream_up by the socket of systemd = %v; want 1", n)
	}

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for got := next(); ; got = next() {
		if got == "WATCHDOG=1" {
			continue
		}
		if want := "STOPPING=1\nEXTEND_TIMEOUT_USEC=8000000"; got != want {
			t.Errorf("the last word is %q; want %q", got, want)
		}
		break
	}
	if err := <-exited; err != nil {
		t.Errorf("redisgate ends with %v; want 0", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the socket's file is gone, which is systemd's: %v", err)
	}
}

// TestSocketsThatNobodyServesAreAnError looks at units that do not fit the configuration.
func TestSocketsThatNobodyServesAreAnError(t *testing.T) {
	dir := t.TempDir()
	conf := configFor(t, dir, `"127.0.0.1:0"`, "", "/nowhere")
	addr, other := socketFor(t, "tcp", "127.0.0.1:0")
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	udp, err := packets.(*net.UDPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for _, test := range []struct {
		socket *os.File
		want   string
	}{
		{other, fmt.Sprintf(`systemd listens on ["%s"], which is in neither listen.address nor metrics.address`, addr)},
		{udp, `the socket "LISTEN_FD_3" of systemd cannot be served`},
	} {
		_, out, exited := underSystemd(t, conf, []*os.File{test.socket})
		if err := <-exited; err == nil || !strings.Contains(out.String(), test.want) || !strings.Contains(out.String(), "\nhint: ") {
			t.Errorf("redisgate ends with %v and %q; want an error, %q and a hint", err, out, test.want)
		}
	}
}
