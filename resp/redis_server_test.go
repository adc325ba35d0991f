package resp

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A redisServer is a real redis-server of the test's own, on a unix socket.
type redisServer struct {
	t      *testing.T
	socket string
}

func startRedis(t *testing.T, options ...string) *redisServer {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("needs redis-server 7 or newer in PATH to compare with (Debian: apt-get install redis-server)")
	}
	dir, err := os.MkdirTemp("", "resp") // t.TempDir can be too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "redis.sock")
	cmd := exec.Command(program, append([]string{
		"--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", dir, "--logfile", filepath.Join(dir, "log"),
	}, options...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("unix", socket)
		if err == nil {
			_ = c.Close()
			return &redisServer{t, socket}
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("redis-server does not listen: %v\n%s", err, log)
		}
	}
}

// talk sends in on a connection of its own, half-closes it, and returns the
// replies up to the server's close. Redis answers all it has read before it
// notices the end.
func (s *redisServer) talk(in []byte) []string {
	s.t.Helper()
	c, err := net.Dial("unix", s.socket)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = c.Write(in) // fails if the server has closed, as it may
		_ = c.(*net.UnixConn).CloseWrite()
	}()
	out, err := io.ReadAll(c)
	<-sent
	// A close with unread input resets the connection behind the last reply.
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		s.t.Fatalf("reading the answer to %.200q: %v", in, err)
	}
	var f Framer
	replies, rest, err := frame(&f, out, pieces(9, 1000))
	if err != nil || rest != 0 {
		s.t.Fatalf("framing the answer %q to %.200q: %v, %d bytes over", out, in, err, rest)
	}
	return replies
}
