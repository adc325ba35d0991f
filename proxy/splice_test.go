package proxy

import (
	"strings"
	"testing"
)

// splicings are conversations about replies of redisgate's own in that to EXEC.
var splicings = map[string]string{
	"in their places": as("app", `
		C MULTI
		C CLIENT GETNAME
		C GET a
		C CLIENT SETNAME n
		C GET b
		C CLIENT GETNAME
		C EXEC
		C GET c
		G +OK
		G +QUEUED
		G +QUEUED
		G +QUEUED
		G +QUEUED
		G +QUEUED
		U D1 MULTI
		U D1 GET a
		U D1 GET b
		U D1 EXEC
		A D1
		G "*5\r\n$-1\r\n$5\r\nget a\r\n+OK\r\n$5\r\nget b\r\n$1\r\nn\r\n"
		U S1 GET c
		A S1
		G =get c`),

	"a transaction that Redis has not run": as("app", `
		C MULTI
		C CLIENT SETNAME n
		C GET a
		C EXEC
		G +OK
		G +QUEUED
		G +QUEUED
		U* D1
		R D1 +OK
		R D1 "-OOM no\r\n"
		R D1 "-EXECABORT no\r\n"
		G -EXECABORT no
		C CLIENT GETNAME
		G $-1`),

	"a transaction on watched keys that have changed": as("app", `
		C WATCH k
		U D1 WATCH k
		A D1
		G +OK
		C MULTI
		C CLIENT SETNAME n
		C EXEC
		G +OK
		G +QUEUED
		U D1 MULTI
		U D1 EXEC
		R D1 +OK
		R D1 *-1
		G *-1
		C CLIENT GETNAME
		G $-1`),

	"lost before its reply": as("app", `
		C MULTI
		C CLIENT SETNAME n
		C GET a
		C EXEC
		C CLIENT GETNAME
		G +OK
		G +QUEUED
		G +QUEUED
		U* D1
		L D1
		G -ERR redisgate: connection to Redis lost; the command may have run
		G $-1`),

	"lost within its reply": as("app", `
		C MULTI
		C CLIENT SETNAME n
		C GET a
		C EXEC
		G +OK
		G +QUEUED
		G +QUEUED
		U* D1
		R D1 +OK
		R D1 +QUEUED
		R D1 "*1\r\n$5\r\nge"
		G "*2\r\n+OK\r\n$5\r\nge"
		L D1
		X upstream`),

	"another number of replies than were asked for": as("app", `
		C MULTI
		C CLIENT SETNAME n
		C GET a
		C EXEC
		G +OK
		G +QUEUED
		G +QUEUED
		U* D1
		R D1 +OK
		R D1 +QUEUED
		R D1 "*2\r\n+A\r\n+B\r\n"
		X upstream`),

	"secrets": as("app", `
		C MULTI
		C CONFIG GET *
		C GET a
		C EXEC
		G +OK
		G +QUEUED
		G +QUEUED
		U* D1
		R D1 +OK
		R D1 +QUEUED
		R D1 +QUEUED
		R D1 "*2\r\n*4\r\n$11\r\nrequirepass\r\n$6\r\nsecret\r\n$4\r\nport\r\n$1\r\n1\r\n$1\r\na\r\n"
		G "*2\r\n*4\r\n$11\r\nrequirepass\r\n$0\r\n\r\n$4\r\nport\r\n$1\r\n1\r\n$1\r\na\r\n"`),

	"secrets of another shape": as("app", `
		C MULTI
		C CONFIG GET *
		C GET a
		C EXEC
		G +OK
		G +QUEUED
		G +QUEUED
		U* D1
		R D1 +OK
		R D1 +QUEUED
		R D1 +QUEUED
		R D1 "*2\r\n*1\r\n*1\r\n$6\r\nsecret\r\n$1\r\na\r\n"
		G "*2\r\n-ERR redisgate: the reply is too large\r\n$1\r\na\r\n"`),

	"as another user": as("app", `
		C MULTI
		C AUTH few secret
		C GET few
		C GET other
		C EXEC
		C GET other
		G +OK
		G +QUEUED
		G +QUEUED
		G +QUEUED
		U D1 MULTI
		U D1 GET few
		U D1 EXEC
		A D1
		G "*3\r\n+OK\r\n$7\r\nget few\r\n-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: no permission to touch the specified keys\r\n"
		G -NOPERM No permissions to access a key`),

	"as a user of another database": as("app", `
		C MULTI
		C AUTH five secret
		C ACL WHOAMI
		C EXEC
		G +OK
		G +QUEUED
		G +QUEUED
		U D1 MULTI
		U D1 EXEC
		A D1
		G "*2\r\n-ERR redisgate: that user may not use this database, and inside MULTI no other can be chosen for it\r\n$3\r\napp\r\n"`),

	"another protocol": as("app", `
		C MULTI
		C GET a
		C HELLO 3
		C CLIENT GETNAME
		C EXEC
		G +OK
		G +QUEUED
		G +QUEUED
		G +QUEUED
		U D1 MULTI
		U D1 GET a
		U D1 HELLO 3
		U D1 EXEC
		R D1 +OK
		R D1 +QUEUED
		R D1 +QUEUED
		R D1 "*2\r\n$-1\r\n%1\r\n+theirs\r\n+id\r\n"
		G "*3\r\n$-1\r\n%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$0\r\n\r\n$4\r\nrole\r\n$0\r\n\r\n$7\r\nmodules\r\n*0\r\n_\r\n"`),
}

func TestSplicing(t *testing.T) {
	for name, text := range splicings {
		t.Run(name, script{text: text}.play)
	}
}

// TestMessagesWaitForASplice: what comes behind the reply to EXEC must not be put
// into it while something in it is still being done.
func TestMessagesWaitForASplice(t *testing.T) {
	d := newDesk(t, "HELLO", "3", "AUTH", "app", "secret")
	d.ask("SUBSCRIBE", "c")
	l := d.answered()
	d.ask("MULTI")
	d.ask("CLIENT", "LIST")
	d.ask("GET", "a")
	d.ask("EXEC")
	d.settle()
	d.p.got = nil
	l.redis.answer(l, 1<<30)
	l.inbox = append(l.inbox, frames{p: []byte(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"), push: true})
	d.settle()
	if got := string(d.p.got); !strings.HasPrefix(got, "*2\r\n=") ||
		!strings.HasSuffix(got, "$5\r\nget a\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n") {
		t.Errorf("the client got %q; want the transaction and then the message", got)
	}
	if l.pauses != 0 {
		t.Errorf("the connection is paused %d times; want 0", l.pauses)
	}
	d.end()
}

// TestASplicedClientLeaves while something of its transaction is off the loop.
func TestASplicedClientLeaves(t *testing.T) {
	d := newDesk(t, "AUTH", "app", "secret")
	for _, args := range [][]string{{"MULTI"}, {"CLIENT", "LIST"}, {"GET", "a"}, {"EXEC"}} {
		d.ask(args...)
	}
	d.settle()
	l := d.own[0]
	l.redis.answer(l, 1<<30)
	for l.turn() {
	}
	if l.pauses != 1 || len(d.p.later) != 1 {
		t.Fatalf("the connection is paused %d times, and %d things are off the loop; want 1 and 1", l.pauses, len(d.p.later))
	}
	d.p.s.gone("client")
	d.settle()
	if d.k.bufs.held != 0 {
		t.Errorf("buffers of %d bytes are held; want 0", d.k.bufs.held)
	}
	d.end()
}
