package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// store is systemd's store of descriptors, as far as a service sees it.
type store struct {
	t     *testing.T
	words *net.UnixConn
	files []*os.File // by the order of arrival
	names []string
	said  []string // the rest
}

func newStore(t *testing.T) *store {
	words, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	s := &store{t: t, words: words}
	t.Cleanup(func() {
		words.Close()
		for _, f := range s.files {
			f.Close()
		}
	})
	return s
}

// untilReady hears what a process says until it is ready.
func (s *store) untilReady() {
	s.t.Helper()
	for s.said = nil; len(s.said) == 0 || s.said[len(s.said)-1] != "READY=1"; {
		s.words.SetReadDeadline(time.Now().Add(longWait))
		b, oob := make([]byte, 4096), make([]byte, 256)
		n, oobn, _, _, err := s.words.ReadMsgUnix(b, oob)
		if err != nil {
			s.t.Fatal(err)
		}
		name, isKept := strings.CutPrefix(string(b[:n]), "FDSTORE=1\nFDNAME=")
		if !isKept {
			s.said = append(s.said, string(b[:n]))
		}
		if oobn == 0 && !isKept {
			continue
		}
		messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
		if err != nil || len(messages) != 1 {
			s.t.Fatalf("%q comes with %d messages, %v; want 1", b[:n], len(messages), err)
		}
		fds, err := syscall.ParseUnixRights(&messages[0])
		if err != nil || len(fds) != 1 {
			s.t.Fatalf("%q comes with %d descriptors, %v; want 1", b[:n], len(fds), err)
		}
		if !isKept { // a barrier: that it is closed says that all before it was heard
			syscall.Close(fds[0])
			continue
		}
		s.files, s.names = append(s.files, os.NewFile(uintptr(fds[0]), name)), append(s.names, name)
	}
}

func (s *store) launch(conf string) *stint {
	s.t.Helper()
	cmd, out, exited := underSystemd(s.t, conf, s.files, "NOTIFY_SOCKET="+s.words.LocalAddr().String(), "LISTEN_FDNAMES="+strings.Join(s.names, ":"))
	s.untilReady()
	r := &stint{cmd, out, exited}
	r.waitFor(s.t, "Redis answers")
	return r
}

// TestSystemdKeepsTheSockets restarts a service that has no .socket unit: its sockets wait
// in systemd's store meanwhile.
func TestSystemdKeepsTheSockets(t *testing.T) {
	// An address that is nobody else's, so that the port may be a fixed one.
	pid := os.Getpid()
	addr := fmt.Sprintf("127.%d.%d.%d:6380", 1+pid>>16&0x3f, pid>>8&0xff, pid&0xff|1)
	p := newPlace(t, addr, "127.0.0.1:0", "drain_timeout = \"20s\"\nhandshake_timeout = \"30s\"\nauth_timeout = \"30s\"")
	s := newStore(t)
	now := s.launch(p.conf)
	if want := []string{"redisgate-kept-" + strings.ReplaceAll(addr, ":", "_"), "redisgate-kept-" + p.unix}; strings.Join(s.names, " ") != strings.Join(want, " ") {
		t.Fatalf("redisgate has systemd keep %q; want %q", s.names, want)
	}
	c := visits(2, p.byTLS, p.byUnix)
	for range 5 {
		before := c.served.Load()
		until(t, now.out.String, func() bool { return c.served.Load() > before+10 })
		now.cmd.Process.Signal(syscall.SIGTERM)
		now.end(t)
		now = s.launch(p.conf)
		if len(s.files) != 2 {
			t.Fatalf("systemd keeps %q after a restart; want the two of before", s.names)
		}
	}
	if failed, how := c.leave(); failed > 0 {
		t.Errorf("%d of %d visits failed: %s; want none", failed, c.served.Load(), how)
	}
	now.cmd.Process.Signal(syscall.SIGTERM)
	now.end(t)

	// A socket that is in the configuration no more is given back.
	write(t, p.conf, strings.Replace(read(t, p.conf), `, "unix://gate.sock"`, "", 1))
	now = s.launch(p.conf)
	var heard []string
	for _, word := range s.said {
		if !strings.HasPrefix(word, "STOPPING") {
			heard = append(heard, word)
		}
	}
	want := []string{"FDSTOREREMOVE=1\nFDNAME=redisgate-kept-" + p.unix, "BARRIER=1", "READY=1"}
	if strings.Join(heard, " ") != strings.Join(want, " ") {
		t.Errorf("redisgate says %q; want %q", heard, want)
	}
	if strings.Contains(now.out.String(), "level=ERROR") || strings.Contains(now.out.String(), "does not say") {
		t.Errorf("the log has\n%s", now.out)
	}
	if err := p.byTLS(); err != nil {
		t.Error(err)
	}
}
