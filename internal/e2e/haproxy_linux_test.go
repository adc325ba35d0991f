package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"redisgate/internal/process"
	"redisgate/internal/redistest"
	"redisgate/resp"
)

// requireDaemon finds a program that may stand where a user's PATH does not lead.
func requireDaemon(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath("/usr/sbin/" + name); err == nil {
		return path
	}
	return redistest.RequireTool(t, name)
}

// haproxy runs HAProxy in front of addr, with more words on its server line, and
// returns where it listens.
func haproxy(t *testing.T, addr, words string) string {
	t.Helper()
	path := requireDaemon(t, "haproxy")
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	conf := filepath.Join(t.TempDir(), "haproxy.cfg")
	text := fmt.Sprintf(`
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 20s
    timeout server 20s
listen redis
    bind fd@3
    server gate %s %s
`, addr, words)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-db", "-f", conf)
	cmd.ExtraFiles = []*os.File{file}
	var out process.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("haproxy: %s", out.String())
		}
	})
	return ln.Addr().String()
}

// TestHAProxy lets clients in by the address that HAProxy says, and by no other.
func TestHAProxy(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	rs := redistest.Start(t, redistest.Options{})
	p, err := process.Start(process.Options{
		Binary: path, Dir: t.TempDir(), Redis: rs.Socket(), Rules: "~* +@all",
		Listen: `proxy_protocol_from = ["127.0.0.1"]`,
		Extra:  "[network]\nallow = [\"127.0.0.5\"]",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	g := gate{p}
	for _, words := range []string{"send-proxy", "send-proxy-v2"} {
		t.Run(words, func(t *testing.T) {
			front := haproxy(t, p.Addr, words)
			dial := func(source string) (net.Conn, error) {
				d := tls.Dialer{NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: 10 * time.Second}, Config: p.TLS()}
				return d.DialContext(t.Context(), "tcp", front)
			}
			denied := g.metric(t, `redisgate_connections_total{result="denied_address"}`)
			if nc, err := dial("127.0.0.6"); err == nil {
				nc.Close()
				t.Error("a client whose address is not admitted gets as far as TLS")
			}
			if n := g.metric(t, `redisgate_connections_total{result="denied_address"}`) - denied; n != 1 {
				t.Errorf("%v connections were denied by their address; want 1", n)
			}
			nc, err := dial("127.0.0.5")
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(20 * time.Second))
			request := resp.AppendCommand(resp.AppendCommand(resp.AppendCommand(nil, "AUTH", "app", "secret"), "CLIENT", "INFO"), "QUIT")
			if _, err := nc.Write(request); err != nil {
				t.Fatal(err)
			}
			reply, err := io.ReadAll(nc)
			if want := " addr=" + nc.LocalAddr().String() + " "; err != nil || !strings.Contains(string(reply), want) {
				t.Errorf("CLIENT INFO = %q, %v; want %q in it", reply, err, want)
			}
		})
	}
}
