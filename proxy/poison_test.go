package proxy_test

import (
	"fmt"
	"strings"
	"testing"

	"redisgate/internal/gatetest"
)

// poisons are requests that, on a connection that others share, would silence
// it, move it, freeze it or shift its replies.
var poisons = [][]string{
	{"CLIENT", "REPLY", "OFF"},
	{"CLIENT", "REPLY", "SKIP"},
	{"SELECT", "1"},
	{"SELECT", "99"},
	{"UNSUBSCRIBE", "a", "b", "c"},
	{"PUNSUBSCRIBE"},
	{"SUNSUBSCRIBE"},
	{"RESET"},
	{"ACL", "SETUSER", "x", "on", "nopass", "~*", "+@all"},
	{"ACL", "DELUSER", "default"},
	{"CLIENT", "KILL", "TYPE", "normal"},
	{"CLIENT", "KILL", "ID", "1"},
	{"CLIENT", "PAUSE", "10000"},
	{"XREAD", "BLOCK\x00x", "0", "STREAMS", "s", "$"},
	{"XREAD", "BLOCK", "0", "STREAMS", "s", "$"},
	{"MONITOR"},
	{"SUBSCRIBE", "ch"},
	{"PSUBSCRIBE", "p*"},
	{"SSUBSCRIBE", "ch"},
	{"HELLO", "3"},
	{"HELLO", "2"},
	{"AUTH", "app", "secret"},
	{"QUIT"},
	{"SYNC"},
	{"PSYNC", "?", "-1"},
	{"REPLCONF", "listening-port", "1"},
	{"CLIENT", "TRACKING", "ON"},
	{"CLIENT", "NO-EVICT", "ON"},
	{"BLPOP", "empty", "0"},
	{"WATCH", "w"},
	{"MULTI"},
	{"EXEC"},
	{"DISCARD"},
	{"SCRIPT", "DEBUG", "YES"},
	{"DEBUG", "SLEEP", "0"},
	{"READONLY"},
	{"ASKING"},
	{"WAIT", "0", "0"},
	{"EVAL", "redis.call('select', 5) return 1", "0"},
	{"SHUTDOWN", "NOSAVE"},
	{"REPLICAOF", "NO", "ONE"},
	{"CLUSTER", "RESET"},
	{"MIGRATE", "127.0.0.1", "1", "k", "0", "1"},
	{"FAILOVER"},
	{"MODULE", "LIST"},
	{"CONFIG", "SET", "requirepass", "x"},
	{"NOSUCHCOMMAND", "x"},
	{"GET"},
	{""},
	{"SET", "big", strings.Repeat("x", 100<<10)},
}

// TestNothingPoisonsASharedConnection sends each of them, from sessions that
// share one pipeline with a witness, as itself and inside MULTI, and has the
// witness check after each that every reply is its own and its database its own.
func TestNothingPoisonsASharedConnection(t *testing.T) {
	g, rs := gate(t, gatetest.Options{Users: map[string]string{"app": "on >secret ~* &* +@all", "evil": "on >secret ~* &* +@all -keys"}})
	witness := newWire(t, g.DialPlain(t)).login()
	witness.do("+OK\r\n", "SET", "mine", "witness")
	for i, poison := range poisons {
		for _, multi := range []bool{false, true} {
			evil := newWire(t, g.DialPlain(t))
			if poison[0] == "CLIENT" { // of a user who may not do everything, and so meets itself alone
				evil.do("+OK\r\n", "AUTH", "evil", "secret")
			} else {
				evil.login()
			}
			evil.do("+PONG\r\n", "PING") // on the shared pipeline now
			if multi {
				evil.do("+OK\r\n", "MULTI")
			}
			evil.send(poison...)
			if multi {
				evil.send("EXEC")
			}
			for n := range 3 {
				echo := fmt.Sprintf("%d.%v.%d", i, multi, n)
				witness.do(fmt.Sprintf("$%d\r\n%s\r\n", len(echo), echo), "ECHO", echo)
				witness.do("$7\r\nwitness\r\n", "GET", "mine")
			}
			evil.nc.Close()
		}
	}
	if list := rs.Do("CLIENT", "LIST").(string); strings.Contains(list, "cmd=monitor") {
		t.Errorf("CLIENT LIST = %s; want no monitor", list)
	}
	if users := fmt.Sprint(rs.Do("ACL", "USERS")); users != "[default]" {
		t.Errorf("ACL USERS of Redis = %s; want [default]", users)
	}
}

// TestOddCommandsAnswerOnce checks that after each of them the next reply of the
// same session is that of its next command.
func TestOddCommandsAnswerOnce(t *testing.T) {
	g, _ := gate(t, gatetest.Options{})
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"CLIENT", "REPLY", "ON"}, "+OK\r\n"},
		{[]string{"CLIENT", "PAUSE", "0"}, "+OK\r\n"},
		{[]string{"CLIENT", "UNBLOCK", "99"}, ":0\r\n"},
		{[]string{"CLIENT", "KILL", "ID", "9999"}, ":0\r\n"},
		{[]string{"CLIENT", "TRACKING", "ON"}, "+OK\r\n"},
		{[]string{"CLIENT", "CACHING", "YES"}, "-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled\r\n"},
		{[]string{"UNSUBSCRIBE", "a", "b"}, "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n"},
		{[]string{"UNSUBSCRIBE"}, "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"},
		{[]string{"SELECT", "99"}, "-ERR DB index is out of range\r\n"},
		{[]string{"SELECT", "x"}, "-ERR value is not an integer or out of range\r\n"},
		{[]string{"EXEC"}, "-ERR EXEC without MULTI\r\n"},
		{[]string{"DISCARD"}, "-ERR DISCARD without MULTI\r\n"},
		{[]string{"UNWATCH"}, "+OK\r\n"},
		{[]string{"CLIENT", "GETNAME"}, "$-1\r\n"},
		{[]string{"CLIENT", "SETINFO", "lib-name", "x"}, "+OK\r\n"},
		{[]string{"ACL", "WHOAMI"}, "$3\r\napp\r\n"},
		{[]string{"HELLO", "4"}, "-NOPROTO unsupported protocol version\r\n"},
		{[]string{"HELLO", "x"}, "-ERR Protocol version is not an integer or out of range\r\n"},
	} {
		w := newWire(t, g.DialPlain(t)).login()
		w.send(test.args...)
		w.send("ECHO", "after")
		var got strings.Builder
		for got.Len() < len(test.want) {
			got.WriteString(w.reply())
		}
		if got.String() != test.want {
			t.Errorf("%q = %q; want %q", test.args, got.String(), test.want)
		}
		w.want("$5\r\nafter\r\n")
	}
}

// TestScriptsLeaveNoTrace is why a connection that ran a script may serve others.
func TestScriptsLeaveNoTrace(t *testing.T) {
	g, _ := gate(t, gatetest.Options{})
	w := newWire(t, g.DialPlain(t)).login()
	w.do("+OK\r\n", "SET", "where", "zero")
	w.do(":1\r\n", "EVAL", "redis.call('select', 5) redis.setresp(3) return 1", "0")
	w.do("$4\r\nzero\r\n", "EVAL", "return redis.call('get', 'where')", "0")
	w.do("$4\r\nzero\r\n", "GET", "where")
}
