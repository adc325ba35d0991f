package proxy

import (
	"strings"
	"testing"
)

// likenesses are conversations in which redisgate once answered what Redis would
// not have. The transcripts of package e2e hold both next to each other; here is
// each fault by its name.
var likenesses = map[string]string{
	"an EXEC that is refused ends the transaction": as("app", `
		C MULTI
		C EXEC now
		C EXEC
		C SUBSCRIBE ch
		G +OK
		G "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n"
		G -ERR EXEC without MULTI
		U D1 SUBSCRIBE ch
		R D1 "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n"
		G "*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n"
		C EXEC
		G "-EXECABORT Transaction discarded because of: Can't execute 'exec': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n"`),

	"an EXEC of a stranger": `
		C EXEC
		G "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.\r\n"`,

	"RESET ends CLIENT REPLY OFF": as("app", `
		C CLIENT REPLY OFF
		C PING
		C RESET
		C PING
		U S1 PING
		N
		R S1 +PONG
		G +RESET
		G -NOAUTH Authentication required.`),

	"Redis says that a command is unknown, to a client that watches too": as("app", `
		C WATCH k
		C NOSUCH k
		C MULTI
		C EXEC
		U D1 WATCH k
		R D1 +OK
		G +OK
		U D1 NOSUCH k
		R D1 "-ERR unknown command 'NOSUCH', with args beginning with: 'k' \r\n"
		G "-ERR unknown command 'NOSUCH', with args beginning with: 'k' \r\n"
		G +OK
		U D1 MULTI
		U D1 EXEC
		N
		R D1 +OK
		R D1 *0
		G *0`),

	"CLIENT PAUSE, UNBLOCK and CACHING say what Redis says": as("app", `
		C CLIENT PAUSE -1
		C CLIENT PAUSE 1 WHAT
		C CLIENT PAUSE 1 ALL x
		C CLIENT UNBLOCK 1 ERROR x
		C CLIENT CACHING maybe
		G -ERR timeout is negative
		G -ERR CLIENT PAUSE mode must be WRITE or ALL
		G "-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.\r\n"
		G "-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.\r\n"
		G -ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled`),

	"Redis describes tracking that is on": as("app", `
		C CLIENT TRACKING ON BCAST
		C CLIENT TRACKINGINFO
		C CLIENT TRACKING ON OPTIN
		U D1 CLIENT TRACKING ON BCAST
		R D1 +OK
		G +OK
		U D1 CLIENT TRACKINGINFO
		R D1 "*6\r\n$5\r\nflags\r\n*2\r\n$2\r\non\r\n$5\r\nbcast\r\n$8\r\nredirect\r\n:0\r\n$8\r\nprefixes\r\n*1\r\n$0\r\n\r\n"
		G "*6\r\n$5\r\nflags\r\n*2\r\n$2\r\non\r\n$5\r\nbcast\r\n$8\r\nredirect\r\n:0\r\n$8\r\nprefixes\r\n*1\r\n$0\r\n\r\n"
		U D1 CLIENT TRACKING ON OPTIN
		R D1 -ERR no
		G -ERR no`),
}

func TestLikenesses(t *testing.T) {
	for name, text := range likenesses {
		t.Run(name, func(t *testing.T) { script{text: text}.play(t) })
	}
}

// TestNullArrayOfAnUnblockedWait: BLMOVE, whose element is a bulk string, gets a null
// array when its time is over, as all of them do (blocked.c, replyToBlockedClientOnTimeout).
func TestNullArrayOfAnUnblockedWait(t *testing.T) {
	for proto, want := range map[uint8]string{2: "*-1\r\n", 3: "_\r\n"} {
		s := session{proto: proto}
		s.wait.request = []byte("*6\r\n$6\r\nBLMOVE\r\n$1\r\na\r\n$1\r\nb\r\n$4\r\nLEFT\r\n$4\r\nLEFT\r\n$1\r\n0\r\n")
		if got := string(s.nothingCame()); got != want {
			t.Errorf("nothingCame() in RESP%d = %q; want %q", proto, got, want)
		}
	}
}

// TestRefusedCommandIsTheLastOne: CLIENT LIST and the ACL LOG show the command that
// was refused, not the one before it (server.c, processCommand).
func TestRefusedCommandIsTheLastOne(t *testing.T) {
	w := newWorld(t)
	p := w.connect()
	for _, tc := range []struct{ request, want string }{
		{"*3\r\n$4\r\nAUTH\r\n$3\r\nfew\r\n$6\r\nsecret\r\n", "cmd=auth"},
		{"*1\r\n$8\r\nFLUSHALL\r\n", "cmd=flushall"},
		{"*2\r\n$3\r\nGET\r\n$5\r\nother\r\n", "cmd=get"},
		{"*1\r\n$3\r\nSET\r\n", "cmd=set"},
		{"*1\r\n$6\r\nNOSUCH\r\n", "cmd=NULL"},
	} {
		p.unsent = append(p.unsent, tc.request...)
		w.settle()
		if got := string(p.s.appendInfo(nil)); !strings.Contains(got, " "+tc.want+" ") {
			t.Errorf("CLIENT INFO after %q = %q; want %s", tc.request, got, tc.want)
		}
	}
	w.end()
}
