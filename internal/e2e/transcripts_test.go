package e2e

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/internal/redistest"
)

// divergences are the places where an application is told something else by
// redisgate than by Redis, as transcripts name them. docs/DIVERGENCES.md has the
// same for readers.
var divergences = map[string]string{
	"subscribe-in-multi":  "the reply to SUBSCRIBE in a transaction has no length that a client could know",
	"ssubscribe-in-multi": "refused like SUBSCRIBE, where Redis refuses it in EXEC",
	"oom-in-multi":        "the queue is here, so that Redis refuses it all at EXEC",
	"hello-setname":       "a HELLO that is refused does not name the client, since 7.2 in Redis too",
	"hidden-hash":         "what may be a part of a password is not quoted in an error",
	"setinfo":             "7.0 does not have it yet, and libraries expect it",
	"client-help":         "describes redisgate's CLIENT",
	"redirect":            "invalidations are sent by the connection to Redis that a client has, which no other client can name",
	"reserved":            "not even a user who may do everything has these",
	"wait":                "WAIT is about the last write of one connection, and writes of many share one",
	"quit-unheard":        "after CLIENT REPLY OFF and QUIT, Redis 7.0 leaves the connection open for good; redisgate closes it",
	"push-in-array":       "Redis 7.0 puts a client's own message inside the array of EXEC, which RESP3 forbids; redisgate ends the connection",
	"host-closes":         "what came before a line with Host: is still answered",
	"strict":              "a header ends with CR and LF here, whatever Redis skips",
}

// TestTranscripts plays every conversation with a Redis directly and with another
// one through a gate, in RESP2 and in RESP3, and compares what was answered.
func TestTranscripts(t *testing.T) {
	used := map[string]bool{}
	byFile := map[string][]conversation{}
	var files []string
	all := readConversations(t)
	total := len(all)
	for _, c := range all {
		if byFile[c.file] == nil {
			files = append(files, c.file)
		}
		byFile[c.file] = append(byFile[c.file], c)
	}
	n, skipped := 0, 0
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			direct, gated := stages(t)
			for _, c := range byFile[file] {
				n++
				for _, proto := range []int{2, 3} {
					if c.only != 0 && c.only != proto {
						continue
					}
					skipped++
					t.Run(fmt.Sprintf("%s/RESP%d", c.name, proto), func(t *testing.T) {
						skipped--
						want := direct.play(t, c, proto)
						got := gated.play(t, c, proto)
						compare(t, want, got, proto, used)
					})
				}
			}
		})
	}
	t.Logf("%d conversations", n)
	if t.Failed() || skipped > 0 || n < total {
		return // not all of them were wanted
	}
	for name := range divergences {
		if !used[name] {
			t.Errorf("no conversation meets the divergence %q", name)
		}
	}
}

// reservedRules grant what +@all does not: in a gate, only its configuration can.
const reservedRules = "+config|set +config|rewrite +debug +cluster +readonly +readwrite +asking +replicaof +slaveof +failover +module +migrate " +
	"+monitor +sync +psync +replconf +script|debug +pfdebug +pfselftest +restore-asking"

// stages starts a Redis, and another one with a gate before it. Both have the users
// app, who may do everything but what is reserved, and root, who may do that too, and
// nobody without a password.
func stages(t *testing.T) (direct, gated *stage) {
	t.Helper()
	options := redistest.Options{TCP: true, Args: []string{"--enable-debug-command", "yes", "--enable-protected-configs", "yes"}}
	alone := redistest.Start(t, options)
	direct = &stage{redis: alone, dial: func() net.Conn { return dialTCP(t, alone.Addr()) }}
	c := newPart(direct.dial())
	c.do(t, "ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all")
	c.do(t, "ACL", "SETUSER", "root", "on", ">secret", "~*", "&*", "+@all")
	c.do(t, "AUTH", "app", "secret")
	c.do(t, "ACL", "SETUSER", "default", "reset")
	c.quit()
	direct.admin = func() net.Conn {
		nc := direct.dial()
		newPart(nc).do(t, "AUTH", "app", "secret")
		return nc
	}

	behind := redistest.Start(t, options)
	g := gatetest.Start(t, gatetest.Options{Upstream: behind.Socket(), Users: map[string]string{
		"app": "on >secret ~* &* +@all", "root": "on >secret ~* &* +@all " + reservedRules,
	}})
	gated = &stage{redis: behind, dial: func() net.Conn { return g.Dial(t) }, admin: func() net.Conn { return dialTCP(t, behind.Addr()) }}
	return direct, gated
}

func dialTCP(t *testing.T, addr string) net.Conn {
	t.Helper()
	nc, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

// compare reports the lines whose replies differ though no divergence is named, and
// the named ones that do not differ.
func compare(t *testing.T, want, got []line, proto int, used map[string]bool) {
	t.Helper()
	for i := range want {
		st := want[i].step
		same := slices.Equal(want[i].values, got[i].values)
		named := st.diverges != "" && (st.divergeIn == 0 || st.divergeIn == proto)
		switch {
		case !named && slices.Contains(want[i].values, "(nothing)"):
			t.Errorf("line %d: %s\n  Redis answers nothing, so there is nothing to compare", st.line, st.text)
		case named && divergences[st.diverges] == "":
			t.Errorf("line %d: no divergence has the name %q", st.line, st.diverges)
		case named && same:
			t.Errorf("line %d: %s\n  both answer %s; want something else from redisgate: %s", st.line, st.text, show(want[i].values), st.diverges)
		case named:
			used[st.diverges] = true
		case !same:
			t.Errorf("line %d: %s\n  redisgate: %s\n  Redis:     %s", st.line, st.text, show(got[i].values), show(want[i].values))
		}
	}
}

func show(values []string) string {
	text := strings.Join(values, "\n             ")
	if len(text) > 2000 {
		text = text[:1000] + " ... " + text[len(text)-900:]
	}
	if text == "" {
		return "(no reply asked for)"
	}
	return text
}
