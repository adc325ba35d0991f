package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"redisgate/internal/process"
	"redisgate/internal/redistest"
)

// reloadable is a redisgate whose configuration a test changes.
type reloadable struct {
	*served
	t          *testing.T
	rs         *redistest.Server
	cert       *process.Certificate
	generation int    // as the test expects it
	before     string // the log up to the last reload
}

// reloadBase is what all of their configurations begin with; the first %s is more of
// [listen], the second Redis's socket.
const reloadBase = `[tls]
cert = "server.crt"
key = "server.key"
[listen]
address = "127.0.0.1:0"
%s
[metrics]
address = "127.0.0.1:0"
[upstream]
address = "unix://%s"
`

const powerful = "[[user]]\nname = \"app\"\nacl = \"on >secret ~* &* +@all\"\n"

// newReloadable serves with rest after the base.
func newReloadable(t *testing.T, rest string) *reloadable {
	t.Helper()
	return newReloadableOn(t, "", rest)
}

// newReloadableOn has more of [listen].
func newReloadableOn(t *testing.T, listen, rest string) *reloadable {
	t.Helper()
	dir := t.TempDir()
	cert, err := process.NewCertificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := &reloadable{t: t, rs: redistest.Start(t, redistest.Options{}), cert: cert, generation: 1}
	r.served = &served{dir: dir}
	r.configure(listen, rest)
	r.background = start(t, "serve", "--config", r.path("redisgate.toml"))
	r.clients, r.metrics = addresses(t, r.waitFor(t, r.stderr, "Redis answers"))
	return r
}

// configure writes the configuration.
func (r *reloadable) configure(listen, rest string) {
	r.t.Helper()
	put(r.t, r.path("redisgate.toml"), fmt.Appendf(nil, reloadBase+"%s", listen, r.rs.Socket(), rest))
}

func (r *reloadable) file(name, text string) {
	r.t.Helper()
	put(r.t, r.path(name), []byte(text))
}

func (r *reloadable) hup() {
	r.t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		r.t.Fatal(err)
	}
}

// taken waits for the reload that makes the next generation, and returns its log since the one
// before.
func (r *reloadable) taken() string {
	r.t.Helper()
	r.generation++
	log := r.waitFor(r.t, r.stderr, fmt.Sprintf("generation=%d\n", r.generation))
	before := r.before
	r.before = log
	return strings.TrimPrefix(log, before)
}

func (r *reloadable) log() string { return r.stderr.String() }

// dial is a client that has logged in with the password "secret", unless user is "".
func (r *reloadable) dial(user string) *lines {
	r.t.Helper()
	nc, err := tls.Dial("tcp", r.clients, &tls.Config{RootCAs: r.cert.CA.Pool(), ServerName: "localhost"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { nc.Close() })
	l := &lines{t: r.t, nc: nc, r: bufio.NewReader(nc)}
	if user != "" {
		l.do("+OK", "AUTH "+user+" secret")
	}
	return l
}

// lines is a client that sends and reads lines.
type lines struct {
	t  *testing.T
	nc *tls.Conn
	r  *bufio.Reader
}

func (l *lines) line() (string, error) {
	l.nc.SetReadDeadline(time.Now().Add(20 * time.Second))
	text, err := l.r.ReadString('\n')
	return strings.TrimSuffix(text, "\r\n"), err
}

func (l *lines) do(want, command string) {
	l.t.Helper()
	if _, err := fmt.Fprintf(l.nc, "%s\r\n", command); err != nil {
		l.t.Fatal(err)
	}
	if got, err := l.line(); err != nil || !strings.HasPrefix(got, want) {
		l.t.Fatalf("%s = %q, %v; want %q", command, got, err, want)
	}
}

func (l *lines) closed() {
	l.t.Helper()
	if got, err := l.line(); err == nil || os.IsTimeout(err) {
		l.t.Errorf("the connection says %q, %v; want its end", got, err)
	}
}

// A file in which much is wrong changes nothing, and the log has all of it, as check has.
func TestReloadKeepsTheOldOnErrors(t *testing.T) {
	r := newReloadable(t, powerful)
	c := r.dial("app")
	r.file("bad.txt", "10.0.0.0/8\nnonsense\n10.0.0.1/8\n")
	r.configure("max_connections = 0\nmax_conections = 5", `connect_timeout = "1 second"
[network]
allow = []
deny_file = "bad.txt"
[[user]]
name = "new"
acl = "on +gte >hunter2"
allow = ["1.2.3.4.5"]
`)
	checked := invoke(t, "", "check", "--config", r.path("redisgate.toml"))
	problems := strings.Count(checked.stderr, "redisgate: error: ")
	if problems < 7 {
		t.Fatalf("check finds %d problems:\n%s", problems, checked.stderr)
	}
	r.hup()
	r.waitFor(t, r.stderr, "bad.txt:3")
	log := r.log()
	if n := strings.Count(log, "the configuration cannot be read again; the old one stays in force"); n != problems {
		t.Errorf("%d problems are logged; want the %d of check", n, problems)
	}
	for line := range strings.Lines(checked.stderr) {
		for _, prefix := range []string{"redisgate: error: ", "hint: "} {
			if text, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok && !strings.Contains(strings.ReplaceAll(log, `\"`, `"`), text) {
				t.Errorf("the log lacks %q:\n%s", text, log)
			}
		}
	}
	if strings.Contains(log, "hunter2") {
		t.Error("the log has the password")
	}
	c.do("+PONG", "PING")
	r.dial("app").do("+PONG", "PING")
	r.has(`redisgate_config_reloads_total{result="failed"} 1`, `redisgate_config_reloads_total{result="ok"} 0`, `redisgate_config_generation 1`)

	r.configure("", powerful+"[[user]]\nname = \"new\"\nacl = \"on >secret +ping\"\n")
	r.hup()
	r.taken()
	r.dial("new").do("+PONG", "PING")
	r.has(`redisgate_config_reloads_total{result="failed"} 1`, `redisgate_config_reloads_total{result="ok"} 1`, `redisgate_config_generation 2`)

	// And one that is no TOML at all.
	r.file("redisgate.toml", "[[user]\n")
	r.hup()
	r.waitFor(t, r.stderr, "redisgate.toml:1")
	c.do("+PONG", "PING")
}

func (r *reloadable) has(series ...string) {
	r.t.Helper()
	_, page := fetch(r.t, "http://"+r.metrics+"/metrics")
	for _, s := range series {
		if !strings.Contains(page, "\n"+s+"\n") {
			r.t.Errorf("/metrics lacks %s", s)
		}
	}
}

// What needs a restart is named once, and everything else is in force.
func TestReloadNamesWhatNeedsARestart(t *testing.T) {
	r := newReloadable(t, powerful)
	c := r.dial("app")
	r.configure("workers = 7\nunix_mode = \"0660\"", powerful+"[[user]]\nname = \"new\"\nacl = \"on >secret +ping\"\n[log]\nformat = \"json\"\n")
	replace(t, r.path("redisgate.toml"), "[listen]\naddress = \"127.0.0.1:0\"", "[listen]\naddress = [\"127.0.0.1:0\", \"unix://gate.sock\"]")
	replace(t, r.path("redisgate.toml"), "[metrics]\naddress = \"127.0.0.1:0\"", "[metrics]\naddress = \"\"")
	r.hup()
	log := r.taken()
	if want := `keys="[listen.address listen.workers listen.unix_mode metrics.address log.format]"`; strings.Count(log, "need a restart") != 1 || !strings.Contains(log, want) {
		t.Errorf("the log is\n%s\nwant one line with %s", log, want)
	}
	r.dial("new").do("+PONG", "PING")
	c.do("+PONG", "PING")
	r.has("redisgate_config_generation 2") // by the listener that there was
	if _, err := os.Stat(r.path("gate.sock")); err == nil {
		t.Error("it listens on a new socket")
	}
}

// A configuration that would make sense with the addresses that it names, but not with
// those that stay, is refused.
func TestReloadJudgesWhatStays(t *testing.T) {
	r := newReloadable(t, powerful)
	replace(t, r.path("redisgate.toml"), "[metrics]\naddress = \"127.0.0.1:0\"", "[metrics]\naddress = \"\"")
	replace(t, r.path("redisgate.toml"), "unix://"+r.rs.Socket(), "127.0.0.1:0")
	r.hup()
	r.waitFor(t, r.stderr, "the old one stays in force")
	r.dial("app").do("+PONG", "PING")
}

// Changes of users made while running are gone, and the log names the users.
func TestReloadDiscardsRunTimeChanges(t *testing.T) {
	dir := "[acl]\nfile = \"users.acl\"\n"
	r := newReloadable(t, powerful)
	r.file("users.acl", "user app on >secret ~* &* +@all\nuser filed on >secret +ping\nuser other on >secret +ping\n")
	r.configure("", dir)
	r.hup()
	r.taken()
	admin, filed := r.dial("app"), r.dial("filed")
	admin.do("+OK", "ACL SETUSER made on >hunter2 +ping")
	admin.do("+OK", "ACL SETUSER filed +get ~x")
	admin.do(":1", "ACL DELUSER other")
	admin.do("+OK", "ACL SETUSER made-and-gone on")
	admin.do(":1", "ACL DELUSER made-and-gone")
	filed.do("$-1", "GET x")
	made := r.dial("")
	made.do("+OK", "AUTH made hunter2")
	r.hup()
	log := r.taken()
	if !strings.Contains(log, `msg="changes of users made while running are discarded" changed="[filed made]" deleted=[other]`) || strings.Contains(log, "hunter2") {
		t.Errorf("the log is\n%s\nwant the users whose changes are discarded", log)
	}
	made.closed()
	filed.do("-NOPERM", "GET x")
	r.dial("other").do("+PONG", "PING")
	admin.do("+PONG", "PING")

	// ACL LOAD says so too; and there is nothing to say when nothing has changed.
	admin.do("+OK", "ACL SETUSER made on >hunter2 +ping")
	admin.do("+OK", "ACL LOAD")
	r.waitFor(t, r.stderr, `discarded" changed=[made] deleted=[]`)
	before := strings.Count(r.log(), "are discarded")
	admin.do("+OK", "ACL SETUSER saved on >secret +ping")
	admin.do("+OK", "ACL SAVE")
	r.hup()
	r.taken()
	if n := strings.Count(r.log(), "are discarded"); n != before {
		t.Errorf("the log says so of what was saved\n%s", r.log())
	}
	r.dial("saved").do("+PONG", "PING")
	// The users go to the configuration again.
	r.configure("", powerful)
	r.hup()
	r.taken()
	filed.closed()
	admin.do("-ERR User 'app' is defined in", "ACL SETUSER app off")
}

// With watch = true it is read again when a file has changed: through a link that is
// exchanged, as in Kubernetes, and a list of networks too.
func TestReloadWatches(t *testing.T) {
	r := newReloadable(t, powerful)
	quiet := r.dial("app")
	version := func(n int, text string) {
		t.Helper()
		name := fmt.Sprintf("..%d", n)
		if err := os.Mkdir(r.path(name), 0o700); err != nil {
			t.Fatal(err)
		}
		r.file(filepath.Join(name, "redisgate.toml"), fmt.Sprintf(reloadBase+"%s", "", r.rs.Socket(), text))
		if err := os.Symlink(name, r.path("..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(r.path("..data_tmp"), r.path("..data")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(r.path("lists"), 0o700); err != nil {
		t.Fatal(err)
	}
	watched := powerful + "[reload]\nwatch = true\n[network]\ndeny_file = \"lists/deny.txt\"\n"
	r.file("lists/deny.txt", "192.0.2.1\n")
	version(1, watched)
	if err := os.Symlink(filepath.Join("..data", "redisgate.toml"), r.path("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(r.path("link"), r.path("redisgate.toml")); err != nil {
		t.Fatal(err)
	}
	r.hup() // which switches it on
	r.taken()

	version(2, watched+"[[user]]\nname = \"second\"\nacl = \"on >secret +ping\"\n")
	if log := r.taken(); !strings.Contains(log, "a file of it has changed") {
		t.Errorf("the log is %s", log)
	}
	second := r.dial("second")
	second.do("+PONG", "PING")
	r.file("lists/deny.txt", "127.0.0.1x\n")
	r.waitFor(t, r.stderr, "deny.txt:1")
	second.do("+PONG", "PING")
	r.file("lists/deny.txt", "192.0.2.2\n") // mended
	r.taken()

	// What is wrong may be in a file that was never in force.
	version(3, watched+"allow = [\"127.0.0.1\"]\nallow_file = \"lists/allow.txt\"\n")
	r.waitFor(t, r.stderr, "network.allow_file")
	second.do("+PONG", "PING")
	r.file("lists/allow.txt", "192.0.2.2\n")
	r.taken()
	second.closed()

	version(4, powerful) // which switches it off
	r.taken()
	r.file("lists/deny.txt", "192.0.2.3\n")
	version(5, powerful+"[[user]]\nname = \"third\"\nacl = \"on >secret +ping\"\n")
	r.hup()
	if log := r.taken(); !strings.Contains(log, "reason=SIGHUP") || strings.Contains(log, "reason=\"a file") {
		t.Errorf("the log is %s", log)
	}
	r.dial("third").do("+PONG", "PING")
	quiet.do("+PONG", "PING")
}

// Options of TLS are judged by anew; those that stay keep their tickets.
func TestReloadChangesTLS(t *testing.T) {
	r := newReloadable(t, powerful)
	conf := &tls.Config{RootCAs: r.cert.CA.Pool(), ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	resumes := func() bool {
		t.Helper()
		nc, err := tls.Dial("tcp", r.clients, conf)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		l := &lines{t: t, nc: nc, r: bufio.NewReader(nc)}
		l.do("-NOAUTH", "PING") // the ticket comes before it
		return nc.ConnectionState().DidResume
	}
	if resumes() || !resumes() {
		t.Fatal("sessions do not resume")
	}
	r.hup()
	r.taken()
	if !resumes() {
		t.Error("a session does not resume after a reload that has changed nothing")
	}
	none := r.dial("app")
	replace(t, r.path("redisgate.toml"), "[tls]\n", "[tls]\nclient_auth = \"optional\"\nclient_ca = \"ca.crt\"\n")
	r.hup()
	r.taken()
	if resumes() {
		t.Error("a session resumes after TLS has changed")
	}
	none.do("+PONG", "PING")
	replace(t, r.path("redisgate.toml"), `"optional"`, `"require"`)
	r.hup()
	r.taken()
	none.closed()
	if nc, err := tls.Dial("tcp", r.clients, conf); err == nil {
		if _, err := nc.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "certificate required") {
			t.Errorf("a client without a certificate reads %v", err)
		}
		nc.Close()
	}
	r.waitFor(t, r.stderr, "the client has no certificate, and one is required")

	// The new files are followed, the old ones not any more, and no count goes back.
	server, err := r.cert.CA.Server(nil, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	issue(t, r.dir, "server", server)
	r.waitFor(t, r.stderr, "TLS files have changed and were read again")
	// Files that were replaced while they were read are looked at once more: 1 or 2.
	count := regexp.MustCompile(`redisgate_tls_reloads_total\{result="ok"} [12]\n`)
	_, page := fetch(t, "http://"+r.metrics+"/metrics")
	before := count.FindString(page)
	if before == "" {
		t.Error("/metrics counts no reload of TLS files")
	}
	replace(t, r.path("redisgate.toml"), `client_auth = "require"`, `client_auth = "optional"`)
	r.hup()
	r.taken()
	if _, page := fetch(t, "http://"+r.metrics+"/metrics"); count.FindString(page) < before {
		t.Errorf("reloads of TLS files were counted as %q, and then as %q", before, count.FindString(page))
	}
}

// Another Redis, another level of the log, and hashes that need more goroutines.
func TestReloadChangesTheRest(t *testing.T) {
	r := newReloadable(t, powerful)
	other := redistest.Start(t, redistest.Options{})
	other.Do("SET", "where", "other")
	c := r.dial("app")
	c.do("$-1", "GET where")
	procs := runtime.GOMAXPROCS(0)
	// "secret", made by the reference implementation.
	const hash = "$argon2id$v=19$m=8192,t=1,p=4$c29tZXNhbHRzb21lc2FsdA$"
	r.configure("", "[log]\nlevel = \"error\"\n"+powerful+"password = '"+hash+"c29tZWhhc2hzb21laGFzaHNvbWVoYXNoc29tZWhhc2g'\n")
	replace(t, r.path("redisgate.toml"), r.rs.Socket(), other.Socket())
	r.hup()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, page := fetch(t, "http://"+r.metrics+"/metrics"); strings.Contains(page, "\nredisgate_config_generation 2\n") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("there was no reload\n%s", r.log())
		}
	}
	if strings.Contains(r.log(), "generation=2") {
		t.Error("a line of the level info is logged")
	}
	c.do("$5", "GET where")
	if got, err := c.line(); got != "other" || err != nil {
		t.Errorf("GET where = %q, %v; want other", got, err)
	}
	if n := runtime.GOMAXPROCS(0); n <= procs {
		t.Errorf("GOMAXPROCS is %d with lanes and %d without; want more", n, procs)
	}
	if got := other.Do("CLIENT", "LIST").(string); !strings.Contains(got, "cmd=get") {
		t.Errorf("nobody of redisgate's is at the other Redis:\n%s", got)
	}
	r.rs.Kill9()
	c.do("$5", "GET where")
}

// What is asked for while a reload goes on is one more reload, and who hooks on is told
// of each.
func TestReloadsAreTold(t *testing.T) {
	path := write(t, socketConfig+"[upstream]\naddress = \"unix:///nowhere\"\n[metrics]\naddress = \"\"\n"+powerful)
	b, err := loadAndBuild(path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	listeners, _, err := listenAll(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	var log syncBuffer
	log.changed = make(chan struct{})
	g, err := newGate(b, listeners, nil, describe(nil), newLog(&log, b.cfg.Log))
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 10)
	held := make(chan struct{})
	g.onReload(func(reason string, generation uint64, err error) {
		told <- fmt.Sprint(reason, " ", generation, " ", err == nil)
		<-held
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- g.run(ctx, t.Context()) }()
	g.ask("one")
	var got []string
	got = append(got, <-told) // and it is held
	for range 5 {
		g.ask("more")
	}
	held <- struct{}{}
	got = append(got, <-told)
	replace(t, path, "name = \"app\"", "nam = \"app\"")
	held <- struct{}{}
	close(held)
	if err := g.reload("direct"); err == nil {
		t.Error("a reload of a wrong file gives no error")
	}
	got = append(got, <-told)
	if want := []string{"one 2 true", "more 3 true", "direct 3 false"}; !slices.Equal(got, want) {
		t.Errorf("it was told %q; want %q", got, want)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestDemoHasNoConfigurationToReload(t *testing.T) {
	b := start(t, "demo")
	b.waitFor(t, b.stdout, "Ctrl-C ends it")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	b.waitFor(t, b.stderr, "there is no configuration file")
}
