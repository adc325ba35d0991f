package proxy_test

import (
	"fmt"
	"strings"
	"testing"

	"redisgate/internal/gatetest"
	"redisgate/resp"
)

// TestMixedPipeline sends shared, dedicated and local commands and a large value
// in one go, and expects the answers in order.
func TestMixedPipeline(t *testing.T) {
	g, _ := gate(t, gatetest.Options{})
	for _, size := range []int{10, 100 << 10, 16 << 20} {
		w := newWire(t, g.Dial(t)).login()
		big := strings.Repeat("v", size)
		var out []byte
		for _, c := range [][]string{
			{"FLUSHALL"},
			{"SET", "x", "1"},
			{"WATCH", "x"},
			{"GET", "b"},
			{"SELECT", "1"},
			{"SET", "b", big},
			{"GET", "b"},
			{"STRLEN", "b"},
			{"UNWATCH"},
			{"EXEC"},
			{"NOPE"},
			{"MULTI"},
			{"INCR", "n"},
			{"GET", "n"},
			{"EXEC"},
			{"SELECT", "0"},
			{"GET", "b"},
			{"GET", "x"},
			{"PING"},
		} {
			out = resp.AppendCommand(out, c...)
		}
		go w.raw(string(out))
		for _, want := range []string{
			"+OK\r\n", "+OK\r\n", "+OK\r\n", "$-1\r\n", "+OK\r\n", "+OK\r\n", fmt.Sprintf("$%d\r\n%s\r\n", size, big), fmt.Sprintf(":%d\r\n", size),
			"+OK\r\n", "-ERR EXEC without MULTI\r\n", "-ERR unknown command 'NOPE', with args beginning with: \r\n",
			"+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n", "*2\r\n:1\r\n$1\r\n1\r\n", "+OK\r\n", "$-1\r\n", "$1\r\n1\r\n", "+PONG\r\n",
		} {
			if got := w.reply(); got != want {
				t.Fatalf("size %d: reply = %.80q; want %.80q", size, got, want)
			}
		}
	}
}

func TestTransactions(t *testing.T) {
	g, rs := gate(t, gatetest.Options{Users: map[string]string{
		"app": "on >secret ~* &* +@all", "small": "on >secret ~a* +get +set +multi +exec +watch +ping",
	}})
	w := newWire(t, g.DialPlain(t)).login()
	w.do("+OK\r\n", "MULTI")
	w.do("-ERR MULTI calls can not be nested\r\n", "MULTI")
	w.do("+QUEUED\r\n", "SET", "a", "1")
	w.do("-ERR WATCH inside MULTI is not allowed\r\n", "WATCH", "a")
	w.do("+QUEUED\r\n", "INCR", "a")
	w.do("+QUEUED\r\n", "LPUSH", "a", "x")
	w.do("*3\r\n+OK\r\n:2\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n", "EXEC")
	w.do("+OK\r\n", "MULTI")
	w.do("*0\r\n", "EXEC")
	w.do("+OK\r\n", "MULTI")
	w.do("-ERR wrong number of arguments for 'get' command\r\n", "GET")
	w.do("-EXECABORT Transaction discarded because of previous errors.\r\n", "EXEC")
	w.do("+OK\r\n", "MULTI")
	w.do("+QUEUED\r\n", "GET", "a")
	w.do("+OK\r\n", "DISCARD")

	w.do("+OK\r\n", "WATCH", "a")
	rs.Do("SET", "a", "changed")
	w.do("+OK\r\n", "MULTI")
	w.do("+QUEUED\r\n", "GET", "a")
	w.do("*-1\r\n", "EXEC")
	w.do("+OK\r\n", "WATCH", "a")
	w.do("+OK\r\n", "MULTI")
	w.do("+QUEUED\r\n", "GET", "a")
	w.do("*1\r\n$7\r\nchanged\r\n", "EXEC")

	// What blocks does not block inside a transaction.
	w.do("+OK\r\n", "MULTI")
	w.do("+QUEUED\r\n", "BLPOP", "none", "0")
	w.do("*1\r\n*-1\r\n", "EXEC")

	s := newWire(t, g.DialPlain(t))
	s.do("+OK\r\n", "AUTH", "small", "secret")
	s.do("+OK\r\n", "MULTI")
	s.do("-NOPERM No permissions to access a key\r\n", "GET", "b")
	s.do("-EXECABORT Transaction discarded because of previous errors.\r\n", "EXEC")
	s.do("+OK\r\n", "MULTI")
	s.do("+QUEUED\r\n", "GET", "a")
	set := gatetest.BuildUsers(t, map[string]string{"app": "on >secret ~* &* +@all", "small": "on >secret ~z* +@all"}, nil)
	g.Store.Swap(set)
	s.do("*1\r\n-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. "+
		"This command is no longer allowed for the following reason: no permission to touch the specified keys\r\n", "EXEC")
}

func TestSubscriptions(t *testing.T) {
	g, rs := gate(t, gatetest.Options{Users: map[string]string{"app": "on >secret ~* &news* +@all"}})
	w := newWire(t, g.DialPlain(t)).login()
	w.do("-NOPERM No permissions to access a channel\r\n", "SUBSCRIBE", "other")
	w.send("SUBSCRIBE", "news", "news2")
	w.want("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n")
	w.want("*3\r\n$9\r\nsubscribe\r\n$5\r\nnews2\r\n:2\r\n")
	w.do("-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n", "GET", "a")
	w.do("*2\r\n$4\r\npong\r\n$0\r\n\r\n", "PING")
	rs.Do("PUBLISH", "news", "hello")
	w.want("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n")
	w.send("UNSUBSCRIBE")
	w.reply()
	w.reply()
	w.do("+PONG\r\n", "PING")
	w.do("$-1\r\n", "GET", "a")

	w.send("HELLO", "3")
	w.reply()
	w.do(">3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n", "SUBSCRIBE", "news")
	w.do(":1\r\n", "RPUSH", "l", "message")
	w.do("*1\r\n$7\r\nmessage\r\n", "LRANGE", "l", "0", "-1") // looks like a message and is none
	rs.Do("PUBLISH", "news", "again")
	w.want(">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nagain\r\n")
	w.do("+RESET\r\n", "RESET")
	w.do("-NOAUTH Authentication required.\r\n", "PING")
}

// TestBlockedClientThatLeaves checks that its wait in Redis ends with it, so that
// what is pushed afterwards reaches somebody who is there.
func TestBlockedClientThatLeaves(t *testing.T) {
	g, rs := gate(t, gatetest.Options{})
	for range 20 {
		w := newWire(t, g.Dial(t)).login()
		w.send("BLPOP", "queue", "0")
		eventually(t, func() bool { return strings.Contains(rs.Do("CLIENT", "LIST").(string), "cmd=blpop") })
		w.nc.Close()
		eventually(t, func() bool { return !strings.Contains(rs.Do("CLIENT", "LIST").(string), "cmd=blpop") })
	}
	live := newWire(t, g.Dial(t)).login()
	live.send("BLPOP", "queue", "0")
	rs.Do("RPUSH", "queue", "x")
	live.want("*2\r\n$5\r\nqueue\r\n$1\r\nx\r\n")
	live.do("+PONG\r\n", "PING")
}
