package proxy_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"redisgate/internal/gatetest"
)

var clientUsers = map[string]string{"app": "on >secret ~* &* +@all", "bob": "on >secret ~* &* +@all -keys", "eve": "on >secret ~* &* +@all -keys"}

func (w *wire) as(user string) *wire {
	w.t.Helper()
	w.do("+OK\r\n", "AUTH", user, "secret")
	return w
}

// field takes the value of a field out of the line of CLIENT INFO.
func (w *wire) field(name string) string {
	w.t.Helper()
	w.send("CLIENT", "INFO")
	line := w.reply()
	m := regexp.MustCompile(`[ \n]` + name + `=(\S*)`).FindStringSubmatch(strings.Replace(line, "\n", " ", 1))
	if m == nil {
		w.t.Fatalf("CLIENT INFO = %q; want a field %s", line, name)
	}
	return m[1]
}

func TestClientListAndKill(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Workers: 2, Users: clientUsers})
	var bobs []*wire
	for range 3 {
		bobs = append(bobs, newWire(t, g.Dial(t)).as("bob"))
	}
	admin, eve := newWire(t, g.Dial(t)).as("app"), newWire(t, g.Dial(t)).as("eve")
	admin.do("+OK\r\n", "CLIENT", "SETNAME", "chief")
	admin.do("+OK\r\n", "SELECT", "3")
	count := func(w *wire, args ...string) int {
		w.send(append([]string{"CLIENT", "LIST"}, args...)...)
		return strings.Count(w.reply(), "id=")
	}
	for i, tt := range []struct {
		w    *wire
		args []string
		want int
	}{
		{admin, nil, 5},
		{eve, nil, 1},
		{bobs[0], nil, 3},
		{admin, []string{"TYPE", "normal"}, 5},
		{admin, []string{"TYPE", "pubsub"}, 0},
		{admin, []string{"ID", bobs[0].field("id"), eve.field("id"), "9999"}, 2},
		{eve, []string{"ID", bobs[0].field("id")}, 0},
	} {
		if got := count(tt.w, tt.args...); got != tt.want {
			t.Errorf("%d: CLIENT LIST %q shows %d clients; want %d", i, tt.args, got, tt.want)
		}
	}
	for name, want := range map[string]string{"name": "chief", "db": "3", "user": "app", "resp": "2", "cmd": `client\|info`, "flags": "N", "multi": "-1"} {
		if got := admin.field(name); !regexp.MustCompile("^" + want + "$").MatchString(got) {
			t.Errorf("CLIENT INFO has %s=%s; want %s", name, got, want)
		}
	}
	eve.do(":0\r\n", "CLIENT", "KILL", "ID", bobs[0].field("id"))
	eve.do("-ERR No such client\r\n", "CLIENT", "KILL", bobs[0].field("addr"))
	admin.do(":1\r\n", "CLIENT", "KILL", "ID", bobs[0].field("id"))
	bobs[0].end()
	admin.do("+OK\r\n", "CLIENT", "KILL", bobs[1].field("addr"))
	bobs[1].end()
	admin.do("-ERR No such user 'nobody'\r\n", "CLIENT", "KILL", "USER", "nobody")
	admin.do(":1\r\n", "CLIENT", "KILL", "USER", "bob", "TYPE", "normal")
	bobs[2].end()
	eve.do(":1\r\n", "CLIENT", "KILL", "USER", "eve", "SKIPME", "no")
	eve.end()
	admin.do(":0\r\n", "CLIENT", "KILL", "TYPE", "normal")
	admin.do("-ERR syntax error\r\n", "CLIENT", "KILL", "ID", "1", "2")
}

func TestClientUnblock(t *testing.T) {
	g, rs := gate(t, gatetest.Options{Workers: 2, Users: clientUsers})
	admin, bob, eve := newWire(t, g.Dial(t)).as("app"), newWire(t, g.Dial(t)).as("bob"), newWire(t, g.Dial(t)).as("eve")
	id := bob.field("id")
	for _, tt := range []struct {
		command []string
		unblock []string
		want    string
	}{
		{[]string{"BLPOP", "l", "0"}, nil, "*-1\r\n"},
		{[]string{"BLPOP", "l", "0"}, []string{"ERROR"}, "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"},
		{[]string{"BLMOVE", "l", "m", "LEFT", "LEFT", "0"}, []string{"TIMEOUT"}, "*-1\r\n"},
		{[]string{"XREAD", "BLOCK", "0", "STREAMS", "s", "$"}, nil, "*-1\r\n"},
	} {
		bob.send(tt.command...)
		for deadline := time.Now().Add(10 * time.Second); !strings.Contains(rs.Do("CLIENT", "LIST").(string), "flags=b"); {
			if time.Now().After(deadline) {
				t.Fatal("the command does not wait at Redis")
			}
			time.Sleep(5 * time.Millisecond)
		}
		eve.do(":0\r\n", "CLIENT", "UNBLOCK", id)
		admin.do(":1\r\n", append([]string{"CLIENT", "UNBLOCK", id}, tt.unblock...)...)
		bob.want(tt.want)
		admin.do(":0\r\n", "CLIENT", "UNBLOCK", id)
	}
	admin.do(":1\r\n", "RPUSH", "l", "x")
	bob.do("*2\r\n$1\r\nl\r\n$1\r\nx\r\n", "BLPOP", "l", "0")
}

func TestClientReply(t *testing.T) {
	g, _ := gate(t, gatetest.Options{})
	w := newWire(t, g.Dial(t)).login()
	for _, args := range [][]string{
		{"SET", "a", "1"},
		{"CLIENT", "REPLY", "OFF"},
		{"SET", "a", "2"},
		{"EVAL", "return 1", "0"},
		{"PING"},
		{"CLIENT", "ID"},
		{"CLIENT", "REPLY", "SKIP"},
		{"CLIENT", "REPLY", "ON"},
		{"GET", "a"},
		{"CLIENT", "REPLY", "SKIP"},
		{"INCR", "a"},
		{"GET", "a"},
		{"CLIENT", "REPLY", "SKIP"},
		{"CLIENT", "REPLY", "SKIP"},
		{"CLIENT", "ID"},
		{"GET", "a"},
		{"CLIENT", "REPLY", "SKIP"},
		{"EVAL", "return 1", "0"},
		{"NOSUCH"},
	} {
		w.send(args...)
	}
	for _, want := range []string{"+OK\r\n", "+OK\r\n", "$1\r\n2\r\n", "$1\r\n3\r\n", "$1\r\n3\r\n"} {
		w.want(want)
	}
	if got := w.reply(); !strings.HasPrefix(got, "-ERR unknown command 'NOSUCH'") {
		t.Errorf("after a skipped reply came %q; want the error for NOSUCH", got)
	}
}

func TestClientPause(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Workers: 2, Users: clientUsers})
	admin, bob := newWire(t, g.Dial(t)).as("app"), newWire(t, g.Dial(t)).as("bob")
	bob.do("-NOPERM User bob has no permissions to run the 'client|pause' command\r\n", "CLIENT", "PAUSE", "1000")
	admin.do("+OK\r\n", "CLIENT", "PAUSE", "100000", "WRITE")
	bob.do("$-1\r\n", "GET", "k")
	bob.send("SET", "k", "v")
	bob.send("GET", "k")
	for range 20 {
		admin.do("$-1\r\n", "GET", "k")
	}
	admin.do("+OK\r\n", "CLIENT", "UNPAUSE")
	bob.want("+OK\r\n")
	bob.want("$1\r\nv\r\n")
	admin.do("+OK\r\n", "CLIENT", "PAUSE", "200")
	bob.do("$1\r\nv\r\n", "GET", "k") // it ends by itself
	admin.do("-ERR timeout is not an integer or out of range\r\n", "CLIENT", "PAUSE", "x")
}

func TestClientTracking(t *testing.T) {
	g, rs := gate(t, gatetest.Options{Users: clientUsers})
	w, other := newWire(t, g.Dial(t)), newWire(t, g.Dial(t)).as("bob")
	w.send("HELLO", "3", "AUTH", "app", "secret")
	w.reply()
	w.do("+OK\r\n", "CLIENT", "TRACKING", "ON", "OPTIN")
	w.do("%3\r\n$5\r\nflags\r\n~2\r\n$2\r\non\r\n$5\r\noptin\r\n$8\r\nredirect\r\n:0\r\n$8\r\nprefixes\r\n*0\r\n", "CLIENT", "TRACKINGINFO")
	w.do("_\r\n", "GET", "a")
	w.do("+OK\r\n", "CLIENT", "CACHING", "YES")
	w.do("_\r\n", "GET", "b")
	other.do("+OK\r\n", "MSET", "a", "1", "b", "1")
	w.want(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nb\r\n")
	w.do("$1\r\n1\r\n", "GET", "b")
	w.do("+OK\r\n", "CLIENT", "TRACKING", "OFF")
	w.do("%3\r\n$5\r\nflags\r\n~1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n", "CLIENT", "TRACKINGINFO")
	w.do("+OK\r\n", "CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "p:")
	other.do("+OK\r\n", "MSET", "q", "1", "p:1", "1")
	w.want(">2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\np:1\r\n")
	if got := w.field("flags"); got != "t" {
		t.Errorf("flags=%s while tracking; want t", got)
	}
	w.send("CLIENT", "TRACKING", "ON", "REDIRECT", "1")
	if got := w.reply(); !strings.HasPrefix(got, "-ERR redisgate: REDIRECT is not supported") {
		t.Errorf("TRACKING with REDIRECT = %q", got)
	}
	w.do("+RESET\r\n", "RESET")
	w.login()
	other.do("+OK\r\n", "SET", "p:1", "2")
	w.do("$1\r\n2\r\n", "GET", "p:1")
	// A connection that tracked serves nobody else.
	for i := range 5 {
		x := newWire(t, g.Dial(t)).login()
		x.do(fmt.Sprintf(":%d\r\n", i), "EVAL", fmt.Sprintf("return %d", i), "0")
	}
	if list := rs.Do("CLIENT", "LIST", "TYPE", "normal").(string); strings.Contains(list, "flags=t") {
		t.Errorf("a connection tracks still: %s", list)
	}
}

// TestTrackingReachesNobodyElse: Redis cuts option words at a NUL.
func TestTrackingReachesNobodyElse(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Users: clientUsers})
	eve := newWire(t, g.Dial(t)).as("eve")
	for _, args := range [][]string{
		{"ON", "REDIRECT\x00", "5"}, {"ON", "BCAST\x00"}, {"ON\x00"}, {"ON", "PREFIX"}, {"ON", "NOLOOP", "x"}, {"MAYBE"}, {"ON", "REDIRECT"},
	} {
		eve.send(append([]string{"CLIENT", "TRACKING"}, args...)...)
		if got := eve.reply(); !strings.HasPrefix(got, "-ERR syntax error") {
			t.Errorf("CLIENT TRACKING %q = %q; want a syntax error", args, got)
		}
	}
}

func TestTrackingEndsWithTheRight(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Users: map[string]string{"app": "on >secret ~* &* +@all"}})
	admin := newWire(t, g.Dial(t)).as("app")
	admin.do("+OK\r\n", "ACL", "SETUSER", "bob", "on", ">pw", "~*", "+@all")
	bob := newWire(t, g.Dial(t))
	bob.send("HELLO", "3", "AUTH", "bob", "pw")
	bob.reply()
	bob.do("+OK\r\n", "CLIENT", "TRACKING", "ON", "BCAST")
	admin.do("+OK\r\n", "ACL", "SETUSER", "bob", "reset", "on", ">pw", "~bob:*", "+get")
	bob.end()
}

// TestTrackingByPrefix: who may read some keys is told of those that begin with a prefix
// within them, and of no others.
func TestTrackingByPrefix(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Users: map[string]string{"app": "on >secret ~* &* +@all", "bob": "on >pw %R~bob:* ~out* +@all"}})
	app, bob := newWire(t, g.Dial(t)).as("app"), newWire(t, g.Dial(t))
	bob.send("HELLO", "3", "AUTH", "bob", "pw")
	bob.reply()
	const refused = "-NOPERM User bob has no permissions to run the 'client|tracking' command, which reaches all keys\r\n"
	for _, options := range []string{"BCAST", "BCAST PREFIX b", "BCAST PREFIX bob:a PREFIX x", "BCAST PREFIX bob"} {
		bob.do(refused, append([]string{"CLIENT", "TRACKING", "ON"}, strings.Fields(options)...)...)
	}
	bob.do(refused, "CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "")
	bob.do("+OK\r\n", "CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "bob:a", "PREFIX", "out")
	for _, key := range []string{"alice:1", "bob:b", "bob:a1", "outer"} {
		app.do("+OK\r\n", "SET", key, "x")
	}
	bob.want(">2\r\n$10\r\ninvalidate\r\n*1\r\n$6\r\nbob:a1\r\n")
	bob.want(">2\r\n$10\r\ninvalidate\r\n*1\r\n$5\r\nouter\r\n")
	bob.do("+PONG\r\n", "PING")
}

// TestTrackingInRESP2 has no messages, so no reply is taken for one.
func TestTrackingInRESP2(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Users: clientUsers})
	w := newWire(t, g.Dial(t)).login()
	w.do(":3\r\n", "RPUSH", "l", "message", "x", "y")
	w.do("+OK\r\n", "CLIENT", "TRACKING", "ON")
	w.do("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n", "SUBSCRIBE", "a")
	w.do("*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n", "UNSUBSCRIBE", "a")
	w.do("*3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$1\r\ny\r\n", "LRANGE", "l", "0", "-1")
	w.do("+OK\r\n", "SELECT", "1")
}

// TestNobodyLearnsWhoThereIs by killing.
func TestNobodyLearnsWhoThereIs(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Users: clientUsers})
	eve := newWire(t, g.Dial(t)).as("eve")
	eve.do(":0\r\n", "CLIENT", "KILL", "USER", "app")
	eve.do(":0\r\n", "CLIENT", "KILL", "USER", "nobody")
}
