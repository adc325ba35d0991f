package e2e

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"redisgate/internal/process"
	"redisgate/internal/redistest"
)

// stint is a redisgate that a test ends, or that ends by itself.
type stint struct {
	cmd    *exec.Cmd
	out    *process.Buffer
	exited chan error
}

// launch runs redisgate serve, with the listening sockets that systemd would pass.
func launch(t *testing.T, conf string, sockets ...*os.File) *stint {
	t.Helper()
	cmd, out, exited := underSystemd(t, conf, sockets)
	return &stint{cmd, out, exited}
}

func (s *stint) waitFor(t *testing.T, text string) {
	t.Helper()
	until(t, s.out.String, func() bool { return strings.Contains(s.out.String(), text) })
}

// end waits for the process, which must end well.
func (s *stint) end(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.exited:
		if err != nil {
			t.Errorf("redisgate ends with %v; want 0\n%s", err, s.out)
		}
	case <-time.After(60 * time.Second):
		t.Fatalf("redisgate does not end\n%s", s.out)
	}
}

// crowd are clients that come, are served and leave, over and over.
type crowd struct {
	served  atomic.Int64
	mu      sync.Mutex
	refused map[string]int // by what went wrong
	stop    chan struct{}
	gone    sync.WaitGroup
}

// visits has many clients come to each of the doors until leave is called. visit is one of
// them, and may ask whether its connection may have been closed between two commands.
func visits(many int, doors ...func() error) *crowd {
	c := &crowd{refused: map[string]int{}, stop: make(chan struct{})}
	for _, door := range doors {
		for range many {
			c.gone.Go(func() {
				for {
					select {
					case <-c.stop:
						return
					default:
					}
					if err := door(); err != nil {
						c.mu.Lock()
						c.refused[err.Error()]++
						c.mu.Unlock()
						continue
					}
					c.served.Add(1)
				}
			})
		}
	}
	return c
}

// leave ends the visits, and returns how many failed and how.
func (c *crowd) leave() (failed int, how string) {
	close(c.stop)
	c.gone.Wait()
	for _, n := range c.refused {
		failed += n
	}
	return failed, fmt.Sprint(c.refused)
}

const longWait = 30 * time.Second

// visit is one client's stay: log in, a command, a few in a pipeline, and leave.
func visit(nc net.Conn, err error) error {
	if err != nil {
		return fmt.Errorf("connecting: %w", cause(err))
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(longWait))
	r := bufio.NewReader(nc)
	for _, step := range []struct{ ask, want string }{
		{"AUTH app any\r\n", "+OK\r\n"},
		{"PING\r\n", "+PONG\r\n"},
		{"SET k v\r\nGET k\r\nPING\r\n", "+OK\r\n$1\r\nv\r\n+PONG\r\n"},
	} {
		if _, err := io.WriteString(nc, step.ask); err != nil {
			return fmt.Errorf("asking %q: %w", step.ask, cause(err))
		}
		got := make([]byte, len(step.want))
		if n, err := io.ReadFull(r, got); err != nil {
			return fmt.Errorf("after %q of the answer to %q: %w", got[:n], step.ask, cause(err))
		}
		if string(got) != step.want {
			return fmt.Errorf("the answer to %q is %q; want %q", step.ask, got, step.want)
		}
	}
	return nil
}

// cause is err without addresses, so that equal ones count as one.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// place is where a test's redisgates listen.
type place struct {
	dir, conf, tls, unix, web, handover string
	client                              *tls.Config
	redis                               *redistest.Server
}

// newPlace writes a configuration. more are lines of [listen].
func newPlace(t *testing.T, addr, web, more string) *place {
	t.Helper()
	dir, err := os.MkdirTemp("", "relay-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &place{dir: dir, tls: addr, web: web, unix: filepath.Join(dir, "gate.sock"), handover: filepath.Join(dir, "handover.sock")}
	p.redis = redistest.Start(t, redistest.Options{})
	cert, err := process.NewCertificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	p.client = &tls.Config{RootCAs: cert.CA.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12}
	p.conf = filepath.Join(dir, "redisgate.toml")
	write(t, p.conf, fmt.Sprintf(`
[listen]
address = [%q, "unix://gate.sock"]
%s
[tls]
cert = %q
key = %q
[upstream]
address = "unix://%s"
connect_timeout = "60s" # on a machine that stands still for a while too
[metrics]
address = %q
[[user]]
name = "app"
acl = "on nopass ~* &* +@all"
`, addr, more, cert.CertFile, cert.KeyFile, p.redis.Socket(), web))
	return p
}

func (p *place) byTLS() error {
	d := &tls.Dialer{NetDialer: &net.Dialer{Timeout: longWait}, Config: p.client}
	nc, err := d.Dial("tcp", p.tls)
	return visit(nc, err)
}

func (p *place) byUnix() error {
	nc, err := net.DialTimeout("unix", p.unix, longWait)
	return visit(nc, err)
}

// ready asks /readyz with a connection of its own.
func (p *place) ready() (int, error) {
	c := http.Client{Timeout: longWait, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get("http://" + p.web + "/readyz")
	if err != nil {
		return 0, fmt.Errorf("asking /readyz: %w", cause(errors.Unwrap(err)))
	}
	defer res.Body.Close()
	return res.StatusCode, nil
}

func (p *place) byWeb() error {
	code, err := p.ready()
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("/readyz says %d", code)
	}
	return err
}

// freePorts returns addresses at which nobody listens, by listening sockets that are the
// test's: closing them would let others have the ports.
func freePort(t *testing.T) (addr string, file *os.File) {
	t.Helper()
	return socketFor(t, "tcp", "127.0.0.1:0")
}

// TestFiftyHandovers replaces redisgate by another fifty times under load. The first has
// its TCP sockets from the test, so that no port is chosen by closing one.
func TestFiftyHandovers(t *testing.T) {
	addr, tcp := freePort(t)
	web, webFile := freePort(t)
	p := newPlace(t, addr, web, "handover = \"handover.sock\"\ndrain_timeout = \"20s\"\nhandshake_timeout = \"30s\"\nauth_timeout = \"30s\"")
	now := launch(t, p.conf, tcp, webFile)
	now.waitFor(t, "Redis answers")
	tcp.Close()
	webFile.Close()

	// One that stays is served by the process that has accepted it.
	stays, err := tls.Dial("tcp", addr, p.client)
	if err != nil {
		t.Fatal(err)
	}
	defer stays.Close()
	c := visits(3, p.byTLS, p.byUnix)
	scrapes := visits(1, p.byWeb)
	const times = 50
	for i := range times {
		before := c.served.Load()
		next := launch(t, p.conf)
		next.waitFor(t, "this process accepts")
		if i == 0 {
			if err := talk(stays, "AUTH app any\r\nPING\r\n", "+OK\r\n+PONG\r\n"); err != nil {
				t.Errorf("a client of the process that has handed over: %v", err)
			}
			stays.Close()
		}
		now.end(t)
		// Each process has served somebody before it is replaced.
		until(t, next.out.String, func() bool { return c.served.Load() > before+10 })
		now = next
	}
	failed, how := c.leave()
	failedScrapes, howScrapes := scrapes.leave()
	if failed+failedScrapes > 0 {
		t.Errorf("%d of %d visits and %d of %d scrapes failed: %s %s; want none", failed, c.served.Load(), failedScrapes, scrapes.served.Load(), how, howScrapes)
	}
	t.Logf("%d visits and %d scrapes during %d hand-overs", c.served.Load(), scrapes.served.Load(), times)
	now.cmd.Process.Signal(syscall.SIGTERM)
	now.end(t)
	for _, path := range []string{p.unix, p.handover} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is there when the last process has ended (%v)", path, err)
		}
	}
}

// talk sends and reads.
func talk(nc net.Conn, ask, want string) error {
	nc.SetDeadline(time.Now().Add(longWait))
	if _, err := io.WriteString(nc, ask); err != nil {
		return err
	}
	got := make([]byte, len(want))
	if n, err := io.ReadFull(nc, got); err != nil || string(got) != want {
		return fmt.Errorf("%q is answered %q, %v; want %q", ask, got[:n], err, want)
	}
	return nil
}

// TestTheCrowdNoticesARestart has redisgate stop and start as without a hand-over: what
// TestFiftyHandovers counts must be seen to happen.
func TestTheCrowdNoticesARestart(t *testing.T) {
	addr, tcp := freePort(t)
	p := newPlace(t, addr, "", "")
	now := launch(t, p.conf, tcp)
	now.waitFor(t, "Redis answers")
	tcp.Close() // the process is the only one that has it
	c := visits(3, p.byTLS)
	until(t, now.out.String, func() bool { return c.served.Load() > 10 })
	now.cmd.Process.Signal(syscall.SIGTERM)
	now.end(t)
	next := launch(t, p.conf)
	next.waitFor(t, "Redis answers")
	before := c.served.Load()
	until(t, next.out.String, func() bool { return c.served.Load() > before+10 })
	if failed, _ := c.leave(); failed == 0 {
		t.Error("no visit failed although nobody listened for a while")
	}
}

// TestRestartsBySocketActivation is the supervisor, which has the sockets: twenty times the
// process is replaced by one that overlaps with it, twenty times by one that starts when it
// has ended.
func TestRestartsBySocketActivation(t *testing.T) {
	addr, tcp := freePort(t)
	p := newPlace(t, addr, "", "drain_timeout = \"20s\"\nhandshake_timeout = \"30s\"\nauth_timeout = \"30s\"")
	path, unix := socketFor(t, "unix", p.unix)
	if path != p.unix {
		t.Fatal(path)
	}
	now := launch(t, p.conf, tcp, unix)
	now.waitFor(t, "Redis answers")
	c := visits(3, p.byTLS, p.byUnix)
	for i := range 40 {
		var next *stint
		if i%2 == 0 {
			next = launch(t, p.conf, tcp, unix)
			next.waitFor(t, "Redis answers")
		}
		now.cmd.Process.Signal(syscall.SIGTERM)
		now.end(t)
		if next == nil {
			next = launch(t, p.conf, tcp, unix)
			next.waitFor(t, "Redis answers")
		}
		before := c.served.Load()
		until(t, next.out.String, func() bool { return c.served.Load() > before+10 })
		now = next
	}
	if failed, how := c.leave(); failed > 0 {
		t.Errorf("%d of %d visits failed: %s; want none", failed, c.served.Load(), how)
	}
	t.Logf("%d visits during 40 restarts", c.served.Load())
}

// TestAFailedHandoverChangesNothing has processes ask for the sockets that cannot serve.
func TestAFailedHandoverChangesNothing(t *testing.T) {
	addr, tcp := freePort(t)
	p := newPlace(t, addr, "", "handover = \"handover.sock\"")
	now := launch(t, p.conf, tcp)
	now.waitFor(t, "Redis answers")
	tcp.Close()
	c := visits(2, p.byTLS, p.byUnix)

	text := read(t, p.conf)
	other := filepath.Join(p.dir, "other.toml")
	for _, wrong := range []struct{ old, new, want string }{
		{p.redis.Socket(), "/nowhere", "nothing was taken over: Redis does not answer"},
		{`"unix://gate.sock"`, `"unix:///nowhere/at/all"`, "cannot listen on /nowhere/at/all"},
	} {
		write(t, other, strings.Replace(text, wrong.old, wrong.new, 1))
		next := launch(t, other)
		if err := <-next.exited; err == nil || !strings.Contains(next.out.String(), wrong.want) {
			t.Errorf("a process that cannot serve ends with %v and\n%s\nwant an error and %q", err, next.out, wrong.want)
		}
	}
	// One that is killed in the middle: it has the sockets, and never says that it is ready.
	nc, err := net.Dial("unix", p.handover)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(nc, "redisgate hand-over 1\n")
	if _, err := nc.Read(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	before := c.served.Load()
	until(t, now.out.String, func() bool { return c.served.Load() > before+10 })
	if failed, how := c.leave(); failed > 0 {
		t.Errorf("%d of %d visits failed: %s; want none", failed, c.served.Load(), how)
	}
	if n := strings.Count(now.out.String(), "a hand-over has failed; this process goes on"); n != 3 {
		t.Errorf("%d hand-overs have failed; want 3\n%s", n, now.out)
	}
	// And it still hands over to one that can.
	write(t, other, strings.Replace(text, "[listen]", "[listen]\nunix_mode = \"0660\"", 1))
	next := launch(t, other)
	next.waitFor(t, "this process accepts")
	now.end(t)
	if err := p.byUnix(); err != nil {
		t.Error(err)
	}
	for path, want := range map[string]os.FileMode{p.unix: 0o660, p.handover: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s is %v, %v after the hand-over; want the mode %v", path, info, err, want)
		}
	}
}
