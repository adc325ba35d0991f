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
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
)

// started is a place where one redisgate runs, which is the only one that has its sockets.
func started(t *testing.T, more string) (*place, *stint) {
	t.Helper()
	addr, tcp := freePort(t)
	web, webFile := freePort(t)
	p := newPlace(t, addr, web, more)
	s := launch(t, p.conf, tcp, webFile)
	s.waitFor(t, "Redis answers")
	tcp.Close()
	webFile.Close()
	return p, s
}

func (s *stint) signal(t *testing.T, text string) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.waitFor(t, text)
}

// guest is a client that has logged in.
type guest struct {
	net.Conn
	r *bufio.Reader
}

func (p *place) guest(t *testing.T) *guest {
	t.Helper()
	nc, err := tls.Dial("tcp", p.tls, p.client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	g := &guest{nc, bufio.NewReader(nc)}
	nc.SetDeadline(time.Now().Add(2 * longWait))
	g.says(t, "AUTH app any\r\n", "+OK\r\n")
	return g
}

func (g *guest) says(t *testing.T, ask, want string) {
	t.Helper()
	if _, err := io.WriteString(g, ask); err != nil {
		t.Fatal(err)
	}
	g.hears(t, ask, want)
}

func (g *guest) hears(t *testing.T, ask, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(g.r, got); err != nil || string(got) != want {
		t.Errorf("%.60q is answered %.60q, %v; want %.60q", ask, got[:n], err, want)
	}
}

// closed wants the end as TLS says it: close_notify, and no reset.
func (g *guest) closed(t *testing.T, who string) {
	t.Helper()
	if rest, err := io.ReadAll(g.r); err != nil || len(rest) > 0 {
		t.Errorf("%s reads %.60q, %v; want a clean end", who, rest, err)
	}
}

func (p *place) answer(t *testing.T, path string) int {
	t.Helper()
	code, _ := p.says(t, path)
	return code
}

func (p *place) says(t *testing.T, path string) (code int, text string) {
	t.Helper()
	c := http.Client{Timeout: longWait, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get("http://" + p.web + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// TestDrainLetsFinishWhatIsUnderWay has a client of each kind when SIGTERM comes.
func TestDrainLetsFinishWhatIsUnderWay(t *testing.T) {
	p, s := started(t, "drain_timeout = \"100s\"\nhandshake_timeout = \"60s\"")
	direct := redistest.NewClient(t, &redis.Options{Network: "unix", Addr: p.redis.Socket()})
	const large = 32 << 20
	direct.Set(t.Context(), "large", strings.Repeat("x", large), 0)
	if code := p.answer(t, "/readyz"); code != http.StatusOK {
		t.Errorf("/readyz says %d before; want 200", code)
	}

	multi := p.guest(t)
	multi.says(t, "MULTI\r\nINCR n\r\n", "+OK\r\n+QUEUED\r\n")
	watch := p.guest(t)
	watch.says(t, "WATCH w\r\n", "+OK\r\n")
	reply := p.guest(t)
	reply.says(t, "GET large\r\n", fmt.Sprintf("$%d\r\nxxxx", large))
	subscriber := p.guest(t)
	subscriber.says(t, "SUBSCRIBE c\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
	blocked := p.guest(t)
	io.WriteString(blocked, "BLPOP q 0\r\n")
	until(t, s.out.String, func() bool {
		return strings.Contains(direct.Info(t.Context(), "clients").Val(), "blocked_clients:1\r\n")
	})
	half, err := net.Dial("tcp", p.tls)
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	late := &twoParts{Conn: half, first: make(chan struct{}), second: make(chan struct{})}
	shaken := make(chan error, 1)
	handshake := tls.Client(late, p.client)
	go func() { shaken <- handshake.Handshake() }()
	<-late.first
	piped := p.guest(t)
	const many = 1000
	io.WriteString(piped, strings.Repeat("INCR piped\r\n", many))
	idle := p.guest(t)

	s.signal(t, "draining; a second")
	if code, text := p.says(t, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "not ready: it drains") {
		t.Errorf("/readyz says %d %q while redisgate drains; want 503 and why", code, text)
	}
	if code := p.answer(t, "/healthz"); code != http.StatusOK {
		t.Errorf("/healthz says %d while redisgate drains; want 200", code)
	}
	idle.closed(t, "an idle client") // so that nobody is accepted any more
	if nc, err := net.Dial("tcp", p.tls); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("connecting while redisgate drains: %v, %v; want that it is refused", nc, err)
	}
	for i := range many {
		piped.hears(t, "INCR piped", fmt.Sprintf(":%d\r\n", i+1))
	}
	piped.closed(t, "a client whose pipeline is answered")
	multi.says(t, "EXEC\r\n", "*1\r\n:1\r\n")
	multi.closed(t, "a client whose MULTI is done")
	watch.says(t, "MULTI\r\nINCR w\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n")
	watch.closed(t, "a client whose WATCH is done")
	if n, err := io.CopyN(io.Discard, reply.r, large-4+2); err != nil {
		t.Errorf("%d bytes of the long reply, %v; want all", n, err)
	}
	reply.closed(t, "a client with a long reply")
	direct.Publish(t.Context(), "c", "m")
	subscriber.hears(t, "PUBLISH", "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n")
	subscriber.says(t, "UNSUBSCRIBE\r\n", "*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n")
	subscriber.closed(t, "a client that subscribes to nothing any more")
	direct.RPush(t.Context(), "q", "v")
	blocked.hears(t, "BLPOP", "*2\r\n$1\r\nq\r\n$1\r\nv\r\n")
	blocked.closed(t, "a client that has got its element")
	close(late.second)
	if err := <-shaken; err != nil {
		t.Errorf("a handshake that was under way: %v", err)
	}
	g := &guest{handshake, bufio.NewReader(handshake)}
	g.SetDeadline(time.Now().Add(longWait))
	g.closed(t, "a client that has come last and asks nothing")
	s.end(t)
}

// twoParts holds back all but the first bytes that are written, until second is closed.
type twoParts struct {
	net.Conn
	once          sync.Once
	first, second chan struct{}
}

func (c *twoParts) Write(p []byte) (int, error) {
	const some = 20
	n := 0
	c.once.Do(func() {
		n, _ = c.Conn.Write(p[:some])
		close(c.first)
		<-c.second
	})
	m, err := c.Conn.Write(p[n:])
	return n + m, err
}

// TestNobodyIsResetWhenRedisgateDrains has clients that ask all the time: each is answered or
// reads the end.
func TestNobodyIsResetWhenRedisgateDrains(t *testing.T) {
	p, s := started(t, "")
	var clients sync.WaitGroup
	for range 40 {
		g := p.guest(t)
		clients.Go(func() {
			buf := make([]byte, len("+PONG\r\n"))
			for {
				_, _ = io.WriteString(g, "PING\r\n") // who has closed may be found out by reading only
				n, err := io.ReadFull(g.r, buf)
				if n == 0 && err == io.EOF {
					return
				}
				if err != nil {
					t.Errorf("a client reads %q, %v; want a reply or the end", buf[:n], err)
					return
				}
			}
		})
	}
	s.signal(t, "draining; a second")
	clients.Wait()
	s.end(t)
}

// TestTheDrainTimeoutEndsWaits: who waits for what does not come is told by the end.
func TestTheDrainTimeoutEndsWaits(t *testing.T) {
	p, s := started(t, `drain_timeout = "1s"`)
	subscriber := p.guest(t)
	subscriber.says(t, "SUBSCRIBE c\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
	blocked := p.guest(t)
	io.WriteString(blocked, "BLPOP q 0\r\n")
	multi := p.guest(t)
	multi.says(t, "MULTI\r\n", "+OK\r\n")
	s.signal(t, "draining; a second")
	for who, g := range map[string]*guest{"a subscriber": subscriber, "a blocked client": blocked, "a client with an open MULTI": multi} {
		g.closed(t, who)
		g.Close()
	}
	s.end(t)
	if !strings.Contains(s.out.String(), "the drain time-out has passed") {
		t.Errorf("the log says nothing of the drain time-out\n%s", s.out)
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	p, s := started(t, `drain_timeout = "1000s"`)
	subscriber := p.guest(t)
	subscriber.says(t, "SUBSCRIBE c\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n")
	s.signal(t, "draining; a second")
	s.signal(t, "ending at once")
	s.end(t)
}

// TestTheDrainDelayIsForBalancers: not ready any more, and everybody is served.
func TestTheDrainDelayIsForBalancers(t *testing.T) {
	p, s := started(t, `drain_delay = "1000s"`)
	s.signal(t, "draining; a second")
	until(t, s.out.String, func() bool { return p.answer(t, "/readyz") == http.StatusServiceUnavailable })
	if err := p.byTLS(); err != nil {
		t.Errorf("a client during listen.drain_delay: %v", err)
	}
	s.signal(t, "ending at once")
	s.end(t)

	p, s = started(t, `drain_delay = "1s"`)
	s.signal(t, "draining; a second")
	s.end(t)
	if _, err := os.Stat(p.unix); !os.IsNotExist(err) {
		t.Errorf("the unix socket is there at the end (%v)", err)
	}
}
