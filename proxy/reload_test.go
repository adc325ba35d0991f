package proxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/internal/redistest"
	"redisgate/policy"
	"redisgate/proxy"
	"redisgate/tlsconf"
	"redisgate/upstream"
	"redisgate/users"
)

// all are the rules of who may do everything, MONITOR too.
const all = "on >secret ~* &* +@all +monitor"

// renewable is a gate whose settings and users are exchanged by a test.
type renewable struct {
	*gatetest.Gate
	t     *testing.T
	set   proxy.Settings
	users *users.Directory
	rs    *redistest.Server
}

func newRenewable(t *testing.T, o gatetest.Options) *renewable {
	t.Helper()
	r := &renewable{t: t}
	if o.Users == nil {
		o.Users = map[string]string{"app": all}
	}
	change := o.Change
	o.Change = func(p *proxy.Options) {
		if change != nil {
			change(p)
		}
		r.users = users.NewDirectory(p.Users, users.DirectoryOptions{})
		r.set, p.Directory = p.Settings, r.users
	}
	r.Gate, r.rs = gate(t, o)
	return r
}

func (r *renewable) reload(change func(*proxy.Settings)) {
	r.t.Helper()
	change(&r.set)
	if err := r.Server.Reload(r.set, nil); err != nil {
		r.t.Fatalf("Reload() = %v", err)
	}
}

func (r *renewable) people(rules map[string]string) {
	r.t.Helper()
	if err := r.users.Replace(users.Replacement{Set: gatetest.BuildUsers(r.t, rules, nil)}, nil); err != nil {
		r.t.Fatalf("Replace() = %v", err)
	}
}

// asked is what a Redis itself answers.
func asked(rs *redistest.Server, args ...any) string { return fmt.Sprint(rs.Do(args...)) }

func networks(t *testing.T, texts ...string) *policy.Networks {
	t.Helper()
	n, err := policy.ParseNetworks(texts)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// many are clients in all states that a client can be in.
type many struct {
	quiet, blocked, subscribed, multi, watching, tracking, monitoring, uploading, downloading *wire
}

// longReply is more than the sockets on the way hold.
const longReply = 24 << 20

// long reads the rest of the long reply.
func (w *wire) long() {
	w.t.Helper()
	w.nc.SetReadDeadline(time.Now().Add(60 * time.Second))
	head, err := w.r.ReadString('\n')
	if err == nil && head == fmt.Sprintf("$%d\r\n", longReply) {
		_, err = io.CopyN(io.Discard, w.r, longReply+2)
	}
	if err != nil {
		w.t.Fatalf("the long reply begins with %.40q and ends with %v", head, err)
	}
}

// everything begins all of them by dial, whose wires are logged in.
func everything(t *testing.T, g *renewable, dial func() *wire) *many {
	t.Helper()
	filler := newWire(t, g.DialPlain(t)).login()
	filler.do(fmt.Sprintf(":%d\r\n", longReply), "SETRANGE", "long", fmt.Sprint(longReply-1), "x")
	blocked := func() int { return strings.Count(asked(g.rs, "CLIENT", "LIST"), "cmd=blpop") }
	before := blocked()
	m := &many{dial(), dial(), dial(), dial(), dial(), dial(), dial(), dial(), dial()}
	m.blocked.send("BLPOP", "nothing", "0")
	m.subscribed.do("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n", "SUBSCRIBE", "news")
	m.multi.do("+OK\r\n", "MULTI")
	m.multi.do("+QUEUED\r\n", "SET", "queued", "v")
	m.watching.do("+OK\r\n", "WATCH", "watched")
	m.tracking.send("HELLO", "3")
	m.tracking.reply()
	m.tracking.do("+OK\r\n", "CLIENT", "TRACKING", "on")
	m.monitoring.do("+OK\r\n", "MONITOR")
	m.uploading.raw("*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$1000000\r\nbegin")
	m.downloading.send("GET", "long")
	m.downloading.nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := m.downloading.r.Peek(100); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return blocked() > before })
	return m
}

// goOn finishes what each of them has begun.
func (m *many) goOn(t *testing.T, g *renewable) {
	t.Helper()
	helper := newWire(t, g.DialPlain(t)).login()
	m.quiet.do("+PONG\r\n", "PING")
	helper.do(":1\r\n", "RPUSH", "nothing", "x")
	m.blocked.want("*2\r\n$7\r\nnothing\r\n$1\r\nx\r\n")
	helper.do(":1\r\n", "PUBLISH", "news", "hello")
	m.subscribed.want("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n")
	m.multi.do("*1\r\n+OK\r\n", "EXEC")
	helper.do("+OK\r\n", "SET", "watched", "v")
	m.watching.do("+OK\r\n", "MULTI")
	m.watching.do("+QUEUED\r\n", "PING")
	m.watching.do("*-1\r\n", "EXEC")
	m.tracking.do("$1\r\nv\r\n", "GET", "watched")
	helper.do("+OK\r\n", "SET", "watched", "w")
	m.tracking.want(">2\r\n$10\r\ninvalidate\r\n*1\r\n$7\r\nwatched\r\n")
	if line := m.monitoring.reply(); !strings.HasPrefix(line, "+") {
		t.Errorf("MONITOR tells %q", line)
	}
	m.uploading.raw(strings.Repeat("x", 1000000-len("begin")) + "\r\n")
	m.uploading.want("+OK\r\n")
	m.downloading.long()
	m.downloading.do("+PONG\r\n", "PING")
}

// end wants all of them closed, the download before its end.
func (m *many) end() {
	for _, w := range []*wire{m.quiet, m.blocked, m.subscribed, m.multi, m.watching, m.uploading, m.tracking} {
		w.closed()
	}
	for name, w := range map[string]*wire{"MONITOR": m.monitoring, "the download": m.downloading} {
		w.nc.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := io.Copy(io.Discard, w.r)
		if ne, ok := err.(net.Error); ok && ne.Timeout() || n >= longReply {
			w.t.Errorf("%s has %d bytes and ends with %v; want an early end", name, n, err)
		}
	}
}

// Whoever has lost its address is closed, whatever it is doing, and so is who is on its
// way through a handshake; nobody else notices.
func TestReloadJudgesAddresses(t *testing.T) {
	g := newRenewable(t, gatetest.Options{Workers: 2})
	bad := everything(t, g, func() *wire { return secure(t, g.Gate, from(t, "127.0.0.2", g.TCP)).login() })
	stranger := secure(t, g.Gate, from(t, "127.0.0.2", g.TCP))
	silent := from(t, "127.0.0.2", g.TCP)
	good := everythingElse(t, g)
	eventually(t, func() bool { return doors(g.Gate).Accepted == 22 }) // 2 of them fill
	g.reload(func(s *proxy.Settings) { s.Deny = networks(t, "127.0.0.2") })
	bad.end()
	stranger.closed()
	if n, err := silent.Read(make([]byte, 1)); n != 0 || err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("who is silent in its handshake reads %d, %v; want its end", n, err)
	}
	refused(t, g.Gate, from(t, "127.0.0.2", g.TCP))
	if n := doors(g.Gate).Closed["address"]; n != 10 {
		t.Errorf("%d sessions were closed for their address; want 10", n)
	}
	good.goOn(t, g)
	if got := asked(g.rs, "EXISTS", "large"); strings.TrimSpace(got) != "1" {
		t.Errorf("EXISTS large = %q; want the one of who could go on", got)
	}
	g.reload(func(s *proxy.Settings) { s.Deny, s.Allow = nil, networks(t, "127.0.0.2") })
	good.quiet.closed()
	secure(t, g.Gate, from(t, "127.0.0.2", g.TCP)).login()
}

func everythingElse(t *testing.T, g *renewable) *many {
	return everything(t, g, func() *wire { return newWire(t, g.Dial(t)).login() })
}

// A handshake that began before a reload ends in a session that is judged by it.
func TestReloadJudgesWhoComesOutOfAHandshake(t *testing.T) {
	g := newRenewable(t, gatetest.Options{})
	newWire(t, g.Dial(t)).login() // so that it has begun
	release := g.Server.Hold()    // so that the session cannot begin
	w := secure(t, g.Gate, from(t, "127.0.0.2", g.TCP))
	done := make(chan bool)
	go func() {
		defer close(done)
		g.reload(func(s *proxy.Settings) { s.Deny = networks(t, "127.0.0.2") })
	}()
	eventually(t, func() bool { // the accept goroutine has the new settings
		c := tls.Client(from(t, "127.0.0.2", g.TCP), g.TLS())
		return c.Handshake() != nil
	})
	release()
	<-done
	w.closed()
}

// What a load balancer has said of a client is not believed any more when the balancer
// is not.
func TestReloadForgetsBalancers(t *testing.T) {
	var set proxy.Settings
	g, _ := behind(t, func(o *proxy.Options) { set = o.Settings })
	addr := g.TCP
	header := "PROXY TCP4 203.0.113.7 127.0.0.1 1000 6380\r\n"
	nc, late, direct := from(t, "127.0.0.2", addr), from(t, "127.0.0.2", addr), from(t, "127.0.0.3", addr)
	say(nc, header)
	passed := secure(t, g, nc).login()
	stays := secure(t, g, direct).login()
	eventually(t, func() bool { return doors(g).Connections == 3 })
	set.Balancers = networks(t, "::1")
	if err := g.Server.Reload(set, nil); err != nil {
		t.Fatal(err)
	}
	passed.closed()
	say(late, header)
	refused(t, g, late)
	stays.do("+PONG\r\n", "PING")
}

// A user that is gone is closed, whatever it is doing, and others notice nothing, though
// their definitions were read anew.
func TestReplaceJudgesUsers(t *testing.T) {
	g := newRenewable(t, gatetest.Options{Workers: 2, Users: map[string]string{"app": all, "gone": all}})
	bad := everything(t, g, func() *wire {
		w := newWire(t, g.Dial(t))
		w.do("+OK\r\n", "AUTH", "gone", "secret")
		return w
	})
	good := everythingElse(t, g)
	g.people(map[string]string{"app": all})
	bad.end()
	w := newWire(t, g.Dial(t))
	w.do("-WRONGPASS invalid username-password pair or user is disabled.\r\n", "AUTH", "gone", "secret")
	good.goOn(t, g)
}

// A user that may not use the database of its session any more is closed.
func TestReplaceJudgesDatabases(t *testing.T) {
	g := newRenewable(t, gatetest.Options{})
	in0, in1 := newWire(t, g.Dial(t)).login(), newWire(t, g.Dial(t)).login()
	in1.do("+OK\r\n", "SELECT", "1")
	in1.do("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n", "SUBSCRIBE", "news")
	set := gatetest.BuildUsers(t, map[string]string{"app": all}, map[string][]int{"app": {0}})
	if err := g.users.Replace(users.Replacement{Set: set}, nil); err != nil {
		t.Fatal(err)
	}
	in1.closed()
	in0.do("+PONG\r\n", "PING")
}

// mandatory is TLS that has come to require certificates.
type mandatory struct{ proxy.TLS }

func (m mandatory) Judge(chains [][]*x509.Certificate, now time.Time) error {
	if len(chains) == 0 {
		return tlsconf.ErrMissing
	}
	return m.TLS.Judge(chains, now)
}

// Other TLS settings judge all who came by TLS, also those without a certificate.
func TestReloadJudgesByOtherTLS(t *testing.T) {
	g := newRenewable(t, gatetest.Options{ClientAuth: tls.VerifyClientCertIfGiven, Workers: 2})
	var none []*wire
	for range 300 { // more than are judged in one turn
		none = append(none, dialWith(t, g.Gate, nil).login())
	}
	with := dialWith(t, g.Gate, gatetest.Client(t, g.CA, gatetest.Named("app"))).login()
	plain := newWire(t, g.DialPlain(t)).login()
	g.reload(func(s *proxy.Settings) { s.TLS = &mandatory{s.TLS} })
	if n := doors(g.Gate).Closed["certificate"]; n != 300 {
		t.Errorf("when Reload returns %d sessions are closed; want 300", n)
	}
	for _, w := range none {
		w.closed()
	}
	with.do("+PONG\r\n", "PING")
	plain.do("+PONG\r\n", "PING")
}

// Redis is reached elsewhere: everybody is there with the next command, but for those who
// have something at the old one, who are told.
func TestReloadGoesToAnotherRedis(t *testing.T) {
	g := newRenewable(t, gatetest.Options{Workers: 2})
	other := redistest.Start(t, redistest.Options{})
	asked(g.rs, "SET", "where", "old")
	asked(other, "SET", "where", "new")
	m := everythingElse(t, g)
	heavy := newWire(t, g.Dial(t)).login()
	heavy.send("EVAL", "return redis.call('get', 'where')", "0")
	heavy.want("$3\r\nold\r\n")
	m.quiet.do("$3\r\nold\r\n", "GET", "where")
	g.reload(func(s *proxy.Settings) {
		s.Dialer = &upstream.Dialer{Network: "unix", Address: other.Socket(), Timeout: 5 * time.Second}
	})
	m.blocked.want("-UNBLOCKED redisgate: Redis is at another address now\r\n")
	m.blocked.do("$3\r\nnew\r\n", "GET", "where")
	m.quiet.do("$3\r\nnew\r\n", "GET", "where")
	heavy.send("EVAL", "return redis.call('get', 'where')", "0")
	heavy.want("$3\r\nnew\r\n")
	m.multi.do("*1\r\n+OK\r\n", "EXEC")
	if got := strings.TrimSpace(asked(other, "GET", "queued")); got != "v" {
		t.Errorf("the transaction has set %q; want v, at the new one", got)
	}
	for _, w := range []*wire{m.subscribed, m.watching, m.tracking} {
		w.closed()
	}
	m.uploading.raw(strings.Repeat("x", 1000000-len("begin")) + "\r\n")
	m.uploading.want("+OK\r\n") // where it began
	m.downloading.long()
	m.downloading.do("$3\r\nnew\r\n", "GET", "where")
	m.uploading.do("$3\r\nnew\r\n", "GET", "where")
	eventually(t, func() bool { // nobody is left there but who asks
		return strings.Count(strings.TrimSpace(asked(g.rs, "CLIENT", "LIST", "TYPE", "normal")), "\n") == 0
	})
	if !g.Server.Ready() {
		t.Error("the gate is not ready")
	}
}

// What one Redis has said of its databases is nothing that another has said.
func TestReloadForgetsDatabases(t *testing.T) {
	g := newRenewable(t, gatetest.Options{})
	other := redistest.Start(t, redistest.Options{Args: []string{"--databases", "2"}})
	c, m := newWire(t, g.Dial(t)).login(), newWire(t, g.Dial(t)).login()
	c.do("+OK\r\n", "SELECT", "5")
	c.do("+OK\r\n", "SELECT", "0")
	m.do("+OK\r\n", "MULTI")
	m.do("+QUEUED\r\n", "SELECT", "5")
	m.do("+QUEUED\r\n", "SET", "five", "v")
	g.reload(func(s *proxy.Settings) {
		s.Dialer = &upstream.Dialer{Network: "unix", Address: other.Socket(), Timeout: 5 * time.Second}
	})
	m.do("-EXECABORT Transaction discarded because of previous errors.\r\n", "EXEC")
	c.do("-ERR DB index is out of range\r\n", "SELECT", "5")
	c.do("+OK\r\n", "MULTI")
	c.do("+QUEUED\r\n", "SELECT", "5")
	c.do("*1\r\n-ERR DB index is out of range\r\n", "EXEC")
	for _, w := range []*wire{c, m} {
		w.do("+OK\r\n", "SET", "zero", "v")
		w.do("+OK\r\n", "SELECT", "1")
	}
	if got := strings.TrimSpace(asked(other, "KEYS", "*")); got != "[zero]" {
		t.Errorf("the other Redis has %s in database 0; want zero alone", got)
	}
}

// An answer that is on its way when Redis moves is noted as one of the old Redis.
func TestReloadForgetsDatabasesAnsweredLate(t *testing.T) {
	g := newRenewable(t, gatetest.Options{})
	other := redistest.Start(t, redistest.Options{Args: []string{"--databases", "2"}})
	c, m := newWire(t, g.Dial(t)).login(), newWire(t, g.Dial(t)).login()
	c.do("+OK\r\n", "SELECT", "7") // each has a connection of its own now
	m.do("+OK\r\n", "SELECT", "8")
	m.do("+OK\r\n", "MULTI")
	pid, before := g.rs.Pid(), doors(g.Gate).BytesIn
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pid, syscall.SIGCONT)
	c.send("SELECT", "5")
	m.send("SELECT", "5")
	const request = "*2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n"
	eventually(t, func() bool { return doors(g.Gate).BytesIn == before+2*uint64(len(request)) })
	g.reload(func(s *proxy.Settings) {
		s.Dialer = &upstream.Dialer{Network: "unix", Address: other.Socket(), Timeout: 5 * time.Second}
	})
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	c.want("+OK\r\n") // by the old one
	m.want("+QUEUED\r\n")
	m.do("-EXECABORT Transaction discarded because of previous errors.\r\n", "EXEC")
	c.do("+OK\r\n", "SELECT", "0")
	c.do("-ERR DB index is out of range\r\n", "SELECT", "5")
}

// Another account at the same Redis is for new connections: whoever blocks or has
// subscribed goes on.
func TestReloadTakesAnotherAccount(t *testing.T) {
	g := newRenewable(t, gatetest.Options{Workers: 2})
	asked(g.rs, "ACL", "SETUSER", "second", "on", ">pw", "~*", "&*", "+@all")
	m := everythingElse(t, g)
	g.reload(func(s *proxy.Settings) {
		d := &upstream.Dialer{Network: "unix", Address: g.rs.Socket(), Timeout: 5 * time.Second, Username: "second"}
		d.Password = func() (string, error) { return "pw", nil }
		s.Dialer = d
	})
	m.goOn(t, g)
	if got := asked(g.rs, "CLIENT", "LIST"); !strings.Contains(got, "user=second") {
		t.Errorf("nobody is the second user at Redis:\n%s", got)
	}
}

// Bounds hold from now on, for what is there as for what comes.
func TestReloadChangesLimits(t *testing.T) {
	g := newRenewable(t, gatetest.Options{})
	a, b := newWire(t, g.Dial(t)).login(), newWire(t, g.Dial(t)).login()
	a.do("+OK\r\n", "MULTI")
	a.do("+QUEUED\r\n", "SET", "k", strings.Repeat("v", 100))

	g.reload(func(s *proxy.Settings) {
		s.MaxPerAddress = 2
		s.Limits.ArgumentBytes, s.Limits.CommandBytes, s.Limits.BufferedBytes = 50, 80, 80
	})
	refused(t, g.Gate, from(t, "127.0.0.1", g.TCP)) // those of before count
	a.do("*1\r\n+OK\r\n", "EXEC")                   // it was accepted
	b.send("SET", "k", strings.Repeat("v", 100))
	if got := b.reply(); !strings.HasPrefix(got, "-ERR Protocol error") {
		t.Errorf("a long argument = %q; want an error", got)
	}
	b.closed()

	g.reload(func(s *proxy.Settings) {
		s.MaxPerAddress, s.Limits = 0, gatetest.Limits()
		s.Limits.AddressCommands, s.Limits.RefuseOverRate = 2, true
	})
	a.do("+PONG\r\n", "PING")
	a.do("+PONG\r\n", "PING")
	a.do("-ERR rate limit exceeded\r\n", "PING") // sessions of before too
	g.reload(func(s *proxy.Settings) { s.Limits.AddressCommands = 0 })
	for range 100 {
		a.do("+PONG\r\n", "PING")
	}

	g.reload(func(s *proxy.Settings) { s.MaxConnections = 1 })
	refused(t, g.Gate, from(t, "127.0.0.1", g.TCP))
	a.do("+PONG\r\n", "PING")
	g.reload(func(s *proxy.Settings) { s.Limits.IdleTimeout = 100 * time.Millisecond })
	a.closed() // though there was no time-out when it came
}

// Who waits for a rate does not wait for one that is no more.
func TestReloadEndsWaits(t *testing.T) {
	g := newRenewable(t, gatetest.Options{Change: func(o *proxy.Options) { o.Limits.AddressBytes = 1 << 10 }})
	w := newWire(t, g.Dial(t)).login()
	w.do(":100000\r\n", "SETRANGE", "k", "99999", "x")
	w.send("GET", "k") // it has a minute's worth to pay for
	w.reply()
	w.send("PING")
	eventually(t, func() bool { return delayed(g.Gate) > 0 })
	g.reload(func(s *proxy.Settings) { s.Limits.AddressBytes = 0 })
	w.want("+PONG\r\n")
}

func delayed(g *gatetest.Gate) (n uint64) {
	for _, r := range doors(g).Rates {
		n += r.Delayed
	}
	return n
}

// What cannot be is refused, and nothing changes.
func TestReloadRefuses(t *testing.T) {
	g := newRenewable(t, gatetest.Options{})
	w := newWire(t, g.Dial(t)).login()
	for name, wrong := range map[string]func(*proxy.Settings){
		"no TLS":      func(s *proxy.Settings) { s.TLS = nil },
		"no networks": func(s *proxy.Settings) { s.Allow = nil },
		"no Redis":    func(s *proxy.Settings) { s.Dialer = nil },
		"no room":     func(s *proxy.Settings) { s.MaxConnections = 0 },
	} {
		set := g.set
		set.Deny = networks(t, "127.0.0.1")
		if wrong(&set); g.Server.Reload(set, nil) == nil {
			t.Errorf("%s: no error", name)
		}
	}
	w.do("+PONG\r\n", "PING")
	newWire(t, g.Dial(t)).login()
}

// Reloads, users that change, and clients that come and go, all at once: for the race
// detector.
func TestReloadsAtOnce(t *testing.T) {
	g := newRenewable(t, gatetest.Options{Workers: 2})
	var stop atomic.Bool
	done := make(chan int, 3)
	set := g.set
	go func() {
		n := 0
		for ; !stop.Load(); n++ {
			next := set
			next.Limits.AddressCommands = int64(1e6 + n)
			next.MaxPerAddress = 1000 + n
			if n%3 == 0 {
				next.Dialer = &upstream.Dialer{Network: "unix", Address: g.rs.Socket(), Timeout: 5 * time.Second}
			}
			if err := g.Server.Reload(next, nil); err != nil {
				t.Error(err)
			}
		}
		done <- n
	}()
	go func() {
		n := 0
		for ; !stop.Load(); n++ {
			if err := g.users.SetUser("", "made", []string{"reset", "on", fmt.Sprintf("~%d", n)}); err != nil {
				t.Error(err)
			}
		}
		done <- n
	}()
	go func() {
		n := 0
		for ; !stop.Load(); n++ {
			doors(g.Gate)
		}
		done <- n
	}()
	for i := range 20 {
		w := newWire(t, g.Dial(t)).login()
		w.do("+OK\r\n", "SET", "k", fmt.Sprint(i))
		w.send("GET", "k")
		w.send("BLPOP", "none", "0.01")
		w.reply()
		w.want("*-1\r\n")
		w.nc.Close()
	}
	stop.Store(true)
	for range 3 {
		if n := <-done; n == 0 {
			t.Error("one of the three did nothing")
		}
	}
}
