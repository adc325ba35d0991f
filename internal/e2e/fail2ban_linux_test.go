package e2e

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"redisgate/internal/process"
	"redisgate/internal/redistest"
	"redisgate/resp"
)

const fail2banConfigs = "../../configs/fail2ban"

// tries sends log-ins from one of this machine's addresses, and returns the replies.
func tries(t *testing.T, p *process.Process, source string, logins ...[]string) string {
	t.Helper()
	d := tls.Dialer{NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: 10 * time.Second}, Config: p.TLS()}
	nc, err := d.DialContext(t.Context(), "tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	var request []byte
	for _, l := range logins {
		request = resp.AppendCommand(request, append([]string{"AUTH"}, l...)...)
	}
	if _, err := nc.Write(resp.AppendCommand(request, "QUIT")); err != nil {
		t.Fatal(err)
	}
	replies, err := io.ReadAll(nc)
	if err != nil {
		t.Fatal(err)
	}
	return string(replies)
}

// TestFail2ban has the shipped filter read the log of a redisgate at which others guess.
func TestFail2ban(t *testing.T) {
	regex := redistest.RequireTool(t, "fail2ban-regex")
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	rs := redistest.Start(t, redistest.Options{})
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			dir := t.TempDir()
			p, err := process.Start(process.Options{
				Binary: path, Dir: dir, Redis: rs.Socket(), Rules: "~* +@all",
				Extra: fmt.Sprintf("[log]\nformat = %q\n[[user]]\nname = 'a\"b\\c'\nacl = \"on >x\"", format),
			})
			if err != nil {
				t.Fatal(err)
			}
			tries(t, p, "127.0.0.7", []string{"app", "wrong"}, []string{`a"b\c`, "wrong"}, []string{"secret"}, []string{"app", process.Password})
			// A name that tries to look like the end of the line, and like another's line.
			tries(t, p, "127.0.0.8", []string{"app address=127.0.0.66 user=app not_logged=0\nlevel=WARN msg=\"login failed\" address=127.0.0.66 user=x not_logged=0", "wrong"})
			tries(t, p, "127.0.0.9", []string{"app", process.Password}) // who is right is not there
			if err := p.Stop(); err != nil {
				t.Fatal(err)
			}
			log := filepath.Join(dir, "log")
			if err := os.WriteFile(log, []byte(p.Log.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			// The real program reads the lines as they are, and as the journal has them.
			journal := filepath.Join(dir, "journal")
			var b strings.Builder
			for line := range strings.Lines(p.Log.String()) {
				b.WriteString("Nov 25 22:58:32 host redisgate[12]: " + line)
			}
			if err := os.WriteFile(journal, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{log, journal} {
				out, err := exec.CommandContext(t.Context(), regex, "-o", "<ip>", file, fail2banConfigs+"/filter.d/redisgate.conf").CombinedOutput()
				if want := []string{"127.0.0.7", "127.0.0.7", "127.0.0.7", "127.0.0.8"}; err != nil || !slices.Equal(strings.Fields(string(out)), want) {
					t.Errorf("fail2ban-regex finds %q, %v; want %q of\n%s", out, err, want, p.Log)
				}
			}
			if strings.Contains(p.Log.String(), "127.0.0.66") || strings.Contains(p.Log.String(), process.Password) {
				t.Errorf("the log quotes what a client has sent:\n%s", p.Log)
			}
		})
	}
}

// TestFail2banTakesTheJail has fail2ban itself read filter and jail where they belong.
func TestFail2banTakesTheJail(t *testing.T) {
	client := redistest.RequireTool(t, "fail2ban-client")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("/etc/fail2ban")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "jail.d", "defaults-debian.conf")); err != nil && !errors.Is(err, fs.ErrNotExist) { // of sshd, which has no log here
		t.Fatal(err)
	}
	for _, part := range []string{"filter.d", "jail.d"} {
		text, err := os.ReadFile(filepath.Join(fail2banConfigs, part, "redisgate.conf"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, part, "redisgate.conf"), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), client, "-c", dir, "-d").CombinedOutput()
	for _, want := range []string{"['add', 'redisgate', 'systemd']", "['set', 'redisgate', 'maxretry', 25]", "['start', 'redisgate']", "login failed"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("fail2ban-client -d = %v; want %s in\n%s", err, want, out)
		}
	}
}
