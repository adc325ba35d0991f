package proxy

import (
	"strings"
	"testing"
)

// desk is one client of a world, for what is about a moment between two events.
type desk struct {
	*world
	p *peer
}

func newDesk(t *testing.T, hello ...string) desk {
	w := newWorld(t)
	d := desk{w, w.connect()}
	d.ask(hello...)
	w.settle()
	return d
}

func (d desk) ask(args ...string) { d.p.unsent = append(d.p.unsent, request(args...)...) }

// answered has Redis answer all that it was asked on the first dedicated connection.
func (d desk) answered() *fakeLink {
	d.settle()
	l := d.own[0]
	l.redis.answer(l, 1<<30)
	d.settle()
	return l
}

// TestAReplyFromAsideWaitsForTheEndOfAPush: else whoever publishes could write what
// the client takes for a reply.
func TestAReplyFromAsideWaitsForTheEndOfAPush(t *testing.T) {
	d := newDesk(t, "HELLO", "3", "AUTH", "app", "secret")
	d.ask("SUBSCRIBE", "c")
	l := d.answered()
	d.p.got = nil
	d.p.s.Input(request("CLIENT", "LIST"))
	l.owner.Push([]byte(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$20\r\n0123456789"), false)
	d.settle()
	l.owner.Push([]byte("0123456789\r\n"), true)
	d.settle()
	if got := string(d.p.got); !strings.HasPrefix(got, ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$20\r\n01234567890123456789\r\n=") {
		t.Errorf("the client got %.100q; want the message and then the list", got)
	}
}

// TestAConnectionThatIsLostWhileSomethingIsAside ends the session that it held
// state of.
func TestAConnectionThatIsLostWhileSomethingIsAside(t *testing.T) {
	for _, state := range [][]string{{"WATCH", "k"}, {"SUBSCRIBE", "c"}} {
		d := newDesk(t, "HELLO", "3", "AUTH", "app", "secret")
		d.ask(state...)
		l := d.answered()
		d.p.s.Input(request("CLIENT", "LIST"))
		l.lose()
		d.settle()
		if !d.p.closed || d.p.s.reason != "upstream" {
			t.Errorf("%q: the session has ended = %v, %q; want true, for its connection was lost", state, d.p.closed, d.p.s.reason)
		}
		d.end()
	}
}

// TestASessionMovesByEXECAlone: a reply before EXEC's says nothing of its SELECT.
func TestASessionMovesByEXECAlone(t *testing.T) {
	for _, tt := range []struct {
		exec string
		db   int
	}{{"*1\r\n+OK\r\n", 5}, {"*-1\r\n", 0}, {"-EXECABORT no\r\n", 0}} {
		for _, before := range []string{"*1\r\n$1\r\nx\r\n", "$1\r\nx\r\n", "*-1\r\n"} {
			d := newDesk(t, "AUTH", "app", "secret")
			d.k.known[5] = true
			d.ask("WATCH", "k")
			l := d.answered()
			d.ask("LRANGE", "l", "0", "-1")
			d.ask("MULTI")
			d.ask("SELECT", "5")
			d.ask("EXEC")
			d.settle()
			for _, r := range []string{before, "+OK\r\n", "+QUEUED\r\n", tt.exec} {
				l.inbox = append(l.inbox, frames{p: []byte(r)})
			}
			d.settle()
			if d.p.s.db != tt.db {
				t.Errorf("after %q and then %q for EXEC the session is in database %d; want %d", before, tt.exec, d.p.s.db, tt.db)
			}
		}
	}
}

// largeRequests are conversations about requests that stream.
var largeRequests = map[string]string{
	"CLIENT REPLY SKIP is about a large request": as("app", `
		C CLIENT REPLY SKIP
		C SET k @100000
		C GET a
		U* D1
		A D1
		U S1 GET a
		A S1
		G =get a`),

	"CLIENT REPLY SKIP is over before a large request": as("app", `
		C CLIENT REPLY SKIP
		C PING
		C SET k @100000
		U S1 PING
		A S1
		U* D1
		R D1 +OK
		G +OK`),

	"a large request waits for the end of CLIENT PAUSE": as("app", `
		C CLIENT PAUSE 100000 WRITE
		G +OK
		C SET k @100000
		C CLIENT UNPAUSE
		N`),
}

func TestLargeRequestsKeepTheirPlace(t *testing.T) {
	for name, text := range largeRequests {
		t.Run(name, script{text: text, whole: true}.play)
	}
}
