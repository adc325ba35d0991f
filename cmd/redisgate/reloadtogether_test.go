package main

import (
	"bufio"
	"crypto/tls"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"redisgate/internal/redistest"
)

// stopped has a Redis neither answer nor let go of anything until resume or the end of the
// test.
func stopped(t *testing.T, rs *redistest.Server) (resume func()) {
	t.Helper()
	pid := rs.Pid()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	resume = func() { _ = syscall.Kill(pid, syscall.SIGCONT) }
	t.Cleanup(resume)
	return resume
}

// blocks begins a command that Redis does not answer, and waits until it is there.
func (r *reloadable) blocks(c *lines) {
	r.t.Helper()
	if _, err := c.nc.Write([]byte("BLPOP nothing 0\r\n")); err != nil {
		r.t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if got, _ := r.rs.Do("CLIENT", "LIST").(string); strings.Contains(got, "cmd=blpop") {
			return
		}
		if time.Now().After(end) {
			r.t.Fatal("nobody blocks at Redis")
		}
	}
}

// Whoever comes by new networks meets the users of the same reload, though it still waits
// for a command that Redis does not let go of.
func TestReloadExchangesNetworksAndUsersTogether(t *testing.T) {
	r := newReloadable(t, powerful+"[network]\nallow = [\"127.0.0.1\"]\n")
	outside := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.2")}, Timeout: 20 * time.Second}
	conf := &tls.Config{RootCAs: r.cert.CA.Pool(), ServerName: "localhost"}
	if nc, err := tls.DialWithDialer(outside, "tcp", r.clients, conf); err == nil {
		nc.Close()
		t.Fatal("who is not in network.allow gets in")
	}
	c := r.dial("app")
	r.blocks(c)
	other := redistest.Start(t, redistest.Options{})
	r.configure("", powerful+"allow = [\"127.0.0.1\"]\n[network]\nallow = [\"127.0.0.0/8\"]\n")
	replace(t, r.path("redisgate.toml"), r.rs.Socket(), other.Socket())
	resume := stopped(t, r.rs)
	r.hup()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if nc, err := tls.DialWithDialer(outside, "tcp", r.clients, conf); err == nil {
			defer nc.Close()
			l := &lines{t: t, nc: nc, r: bufio.NewReader(nc)}
			l.do("-WRONGPASS", "AUTH app secret")
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the new networks are not in force\n%s", r.log())
		}
	}
	resume()
	r.taken()
	r.dial("app").do("+PONG", "PING")
}

// A second SIGTERM ends the process though a reload still waits for Redis to let go of a
// command: one of a user who is gone, or sent to a Redis that is none any more.
func TestTheEndDoesNotWaitForAReload(t *testing.T) {
	for name, change := range map[string]func(r *reloadable){
		"another Redis": func(r *reloadable) { replace(t, r.path("redisgate.toml"), r.rs.Socket(), r.path("nowhere.sock")) },
		"no such user": func(r *reloadable) {
			replace(t, r.path("redisgate.toml"), `name = "app"`, `name = "other"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReloadableOn(t, "workers = 1", powerful+"[[user]]\nname = \"gone\"\nacl = \"on >secret +ping\"\n")
			c, told := r.dial("app"), r.dial("gone")
			r.blocks(c)
			r.configure("workers = 1", powerful)
			change(r)
			stopped(t, r.rs)
			r.hup()
			told.closed() // and so was c told
			for _, line := range []string{"draining", "at once"} {
				if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				r.waitFor(t, r.stderr, line)
			}
			if code := r.stop(); code != 0 {
				t.Errorf("the exit code is %d; want 0", code)
			}
		})
	}
}
