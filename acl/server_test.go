package acl

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
	"redisgate/resp"
	"redisgate/users"
)

// wire is a connection to a real server on which replies are seen as bytes.
type wire struct {
	t     *testing.T
	conn  net.Conn
	frame resp.Framer
}

func dial(t *testing.T, s *redistest.Server, proto int) *wire {
	t.Helper()
	conn, err := net.Dial("unix", s.Socket())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	w := &wire{t: t, conn: conn}
	if proto == 3 {
		w.ask("HELLO", "3")
	}
	return w
}

// ask gives the whole reply.
func (w *wire) ask(words ...string) string {
	w.t.Helper()
	_ = w.conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := w.conn.Write(resp.AppendCommand(nil, words...)); err != nil {
		w.t.Fatalf("%q: %v", words, err)
	}
	var reply []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := w.conn.Read(buf)
		if err != nil {
			w.t.Fatalf("%q: %v", words, err)
		}
		reply = append(reply, buf[:n]...)
		used, end, err := w.frame.Next(buf[:n])
		if err != nil || end && used != n {
			w.t.Fatalf("%q = %q: %v", words, reply, err)
		}
		if end {
			return string(reply)
		}
	}
}

// script is asked of both sides in turn; _ is a space within a word and \0 a NUL. Redis 7.0 prints sanitize-payload
// only after a rule has asked for it.
const script = `
ACL SETUSER default sanitize-payload
ACL WHOAMI
acl whoami
ACL USERS
ACL LIST
ACL CAT
ACL CAT nope
ACL CAT @read
ACL CAT rea\0d
ACL CAT nope\0x
ACL CAT a b
acl Cat a b
ACL GENPASS 0
ACL GENPASS -1
ACL GENPASS 4097
ACL GENPASS 01
ACL GENPASS +1
ACL GENPASS _1
ACL GENPASS 1x
ACL GENPASS -0
ACL GENPASS 9223372036854775808
ACL GENPASS 1 2
ACL
ACL nope
ACL nope\0x y
ACL GETUSER
ACL GETUSER a b
ACL GETUSER nobody
ACL GETUSER default
ACL SETUSER
ACL SETUSER a_b on
ACL SETUSER a\0b on
ACL SETUSER t sanitize-payload
ACL GETUSER t
ACL SETUSER t reset on nopass ~a ~b &c -@all +get
ACL GETUSER t
ACL LIST
ACL SETUSER t reset off >pw >pw2 #2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 %R~r %W~w %RW~rw ~w &x &y*
ACL GETUSER t
ACL SETUSER t skip-sanitize-payload allkeys allchannels allcommands
ACL GETUSER t
ACL SETUSER t reset (~z_+set) (&c_-@all_+get) ()
ACL GETUSER t
ACL LIST
ACL SETUSER t clearselectors ( ~q +set )
ACL GETUSER t
ACL SETUSER t nope
ACL SETUSER t +nope
ACL SETUSER t +@nope
ACL SETUSER t +get|a|b
ACL SETUSER t +config|nope
ACL SETUSER t +config|get|x
ACL SETUSER t +get|
ACL SETUSER t allkeys ~a
ACL SETUSER t allchannels &a
ACL SETUSER t %Z~x
ACL SETUSER t ~a_b
ACL SETUSER t (nope)
ACL SETUSER t (+get
ACL SETUSER t +get ) x
ACL GETUSER t
ACL DELUSER
ACL DELUSER nobody
ACL DELUSER t default
ACL SETUSER B on
ACL SETUSER a on
ACL SETUSER aa on
ACL USERS
ACL DELUSER B a nobody a
ACL USERS
ACL LOG 0
ACL LOG -5
ACL LOG nope
ACL LOG 1 2
ACL LOG RESET x
ACL LOG reset
ACL LOG
ACL DRYRUN
ACL DRYRUN t
ACL DRYRUN nobody get k
ACL DRYRUN t nope
ACL DRYRUN t config nope
ACL DRYRUN t get
ACL DRYRUN t config
ACL LOAD x
ACL SAVE x
ACL HELP x`

func TestRepliesAreTheServers(t *testing.T) {
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			s, c := dial(t, redistest.Start(t, redistest.Options{}), proto), newCommand(t)
			for line := range strings.Lines(strings.TrimSpace(script)) {
				var words []string
				for w := range strings.FieldsSeq(line) {
					words = append(words, strings.NewReplacer("_", " ", `\0`, "\x00").Replace(w))
				}
				want, got := s.ask(words...), string(answer(t, c, proto, "default", words...))
				if got != want {
					t.Errorf("%q = %q; the server says %q", words, got, want)
				}
			}
		})
	}
}

// Prose is redisgate's own; the lines of syntax are the server's.
func TestHelpHasTheServersSyntax(t *testing.T) {
	s, c := dial(t, redistest.Start(t, redistest.Options{}), 2), newCommand(t)
	syntax := func(reply string) (lines []string) {
		for line := range strings.SplitSeq(reply, "\r\n") {
			if strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "+ ") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	want, got := syntax(s.ask("ACL", "HELP")), syntax(ask(t, c, 2, "default", "ACL HELP"))
	if !slices.Equal(got, want) {
		t.Errorf("ACL HELP has %q; the server has %q", got, want)
	}
}

// The table is of many versions: it has all that the server has, but for what moved since.
func TestCategoriesHoldTheServersCommands(t *testing.T) {
	client, c := redistest.Start(t, redistest.Options{}).Client(), newCommand(t)
	ctx := context.Background()
	names := client.Do(ctx, "ACL", "CAT").Val().([]any)
	if len(names) != 21 {
		t.Errorf("the server has %d categories; want 21", len(names))
	}
	for _, name := range names {
		ours := strings.Split(ask(t, c, 2, "default", "ACL CAT "+name.(string)), "\r\n")
		for _, cmd := range client.Do(ctx, "ACL", "CAT", name).Val().([]any) {
			if !slices.Contains(ours, cmd.(string)) {
				t.Errorf("ACL CAT %s does not have %s", name, cmd)
			}
		}
	}
}

func TestDryRunAgreesWithServer(t *testing.T) {
	s, c := dial(t, redistest.Start(t, redistest.Options{}), 3), newCommand(t)
	setUser := "ACL SETUSER t reset on nopass ~a* %R~r* %W~w* &c* -@all +@read +@write +@pubsub -del -keys -@dangerous (~z +del)"
	s.ask(strings.Fields(setUser)...)
	if got := ask(t, c, 3, "default", setUser); got != "+OK\r\n" {
		t.Fatalf("%s = %q", setUser, got)
	}
	for line := range strings.SplitSeq(`get a; get b; GET r1; set r1 v; set w v; get w; copy r1 w1; copy w1 r1; mget a b r; mset a 1 b 2;
		del a; del z; config get x; CONFIG|GET x; acl list; acl whoami; publish c m; publish d m; subscribe c1 d1; psubscribe c*; psubscribe c;
		auth x; hello; reset; quit; zunionstore a 2 b r1; sort a store b; exists w; object encoding w; xread streams a b 0 0; flushall;
		get a\0b; get b\0c; publish d\0e m; set a; nope a; info`, ";") {
		words := []string{"ACL", "DRYRUN", "t"}
		for w := range strings.FieldsSeq(line) {
			words = append(words, strings.ReplaceAll(w, `\0`, "\x00"))
		}
		// The newer wording names the user; lengths differ with it.
		want := s.ask(words...)
		if _, rest, ok := strings.Cut(want, "\r\nThis user "); ok {
			rest = "User t " + rest
			want = fmt.Sprintf("$%d\r\n%s", len(rest)-2, rest)
		}
		if got := string(answer(t, c, 3, "default", words...)); got != want {
			t.Errorf("%q = %q; the server says %q", words, got, want)
		}
	}
}

// The same refusals make the same log, but for what newer versions add to it.
func TestLogIsTheServers(t *testing.T) {
	server, c := redistest.Start(t, redistest.Options{}), newCommand(t)
	server.Do("ACL", "SETUSER", "t", "reset", "on", "nopass", "~a*", "+get", "+publish", "+multi", "+exec", "+auth")
	server.Do("ACL", "SETUSER", "p", "on", ">pw")
	client := server.Client()
	ctx := context.Background()
	conn := client.Conn()
	defer conn.Close()
	log := func(reason, object, name string, line ...any) {
		t.Helper()
		if err := conn.Do(ctx, line...).Err(); err == nil {
			t.Fatalf("%q is allowed; want it refused", line)
		}
		c.Log.Add(users.Event{Reason: reason, Context: users.LogTopLevel, Object: []byte(object), Username: []byte(name)})
	}
	log(users.LogAuth, "AUTH", "p", "AUTH", "p", "x")
	log(users.LogAuth, "auth", "p", "auth", "p", "x")
	log(users.LogAuth, "AUTH", "p", "AUTH", "p", "y")
	log(users.LogAuth, "AUTH", "no\r\nbody", "AUTH", "no\r\nbody", "y")
	log(users.LogAuth, "HELLO", "p", "HELLO", "3", "AUTH", "p", "x")
	if err := conn.Do(ctx, "AUTH", "t", "any").Err(); err != nil {
		t.Fatal(err)
	}
	log(users.LogCommand, "config|get", "t", "CONFIG", "GET", "x")
	for range 3 {
		log(users.LogKey, "b", "t", "GET", "b")
	}
	log(users.LogChannel, "d", "t", "PUBLISH", "d", "m")
	log(users.LogKey, "b", "t", "GET", "b")
	for i := range 12 {
		log(users.LogKey, fmt.Sprint("k", i), "t", "GET", fmt.Sprint("k", i))
	}
	log(users.LogKey, "k2", "t", "GET", "k2") // the tenth from the front
	log(users.LogKey, "k0", "t", "GET", "k0") // beyond
	for _, n := range []int{3, 10, 100} {
		want := logLines(t, client.Do(ctx, "ACL", "LOG", n))
		var got []string
		for _, e := range c.Log.Entries(n) {
			got = append(got, fmt.Sprint(e.Count, e.Reason, e.Context, e.Object, e.Username))
		}
		if !slices.Equal(got, want) {
			t.Errorf("ACL LOG %d = %q; the server says %q", n, got, want)
		}
	}
}

func logLines(t *testing.T, cmd *redis.Cmd) (lines []string) {
	t.Helper()
	entries, err := cmd.Slice()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		m := map[any]any{}
		switch e := e.(type) {
		case map[any]any:
			m = e
		case []any: // in RESP2
			for i := 0; i+1 < len(e); i += 2 {
				m[e[i]] = e[i+1]
			}
		}
		lines = append(lines, fmt.Sprint(m["count"], m["reason"], m["context"], m["object"], m["username"]))
	}
	return lines
}
