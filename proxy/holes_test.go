package proxy_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/gatetest"
	"redisgate/internal/redistest"
)

// holes are requests by which a user gets beyond the rules of Redis itself: its key extraction reads the arguments otherwise
// than its executor does. The user may use the keys allowed, list and some that are spelled like options, and write
// the key blind.
var holes = []struct{ name, request string }{
	{"GEORADIUS with STORE twice", "GEORADIUS allowed 0 0 9 km STORE allowed STORE secret"},
	{"GEORADIUS with STORE and STOREDIST", "GEORADIUS allowed 0 0 9 km STORE allowed STOREDIST secret STOREDIST allowed STORE secret"},
	{"GEORADIUSBYMEMBER with STOREDIST twice", "GEORADIUSBYMEMBER allowed m 9 km STOREDIST allowed STOREDIST secret"},
	{"PFMERGE of one key", "PFMERGE loglog"},
	{"SORT with a destination named STORE", "SORT list STORE STORE ASC"},
	{"SORT with a destination named LIMIT", "SORT list STORE LIMIT STORE secret"},
	{"XREADGROUP with a consumer named STREAMS", "XREADGROUP COUNT 1 GROUP g STREAMS STREAMS stream >"},
	{"XREADGROUP with a consumer named STREAMS, after NOACK", "XREADGROUP NOACK GROUP g STREAMS STREAMS stream >"},
	{"SORT STORE cut at a NUL", "SORT list STORE\x00x secret"},
	{"SORT BY cut at a NUL", "SORT list BY\x00x secret*"},
	{"SORT GET cut at a NUL", "SORT list GET\x00x secret*"},
	{"GEORADIUS STORE cut at a NUL", "GEORADIUS allowed 0 0 9 km STORE\x00x secret"},
	{"SET GET cut at a NUL", "SET blind v GET\x00x"},
	{"COPY DB cut at a NUL", "COPY allowed list DB\x00x 1"},
	{"SELECT of a database cut at a NUL", "SELECT 0\x00"},
	{"XREADGROUP STREAMS cut at a NUL", "XREADGROUP GROUP g c STREAMS\x00x stream >"},
	{"a command cut at a NUL", "GET\x00x secret"},
}

// inert are those that are errors on the server for whoever may do everything.
var inert = []string{"SELECT 0\x00", "GET\x00x secret"}

// holeKeys are laid before each request; what holds SECRET is not the user's to read.
var holeKeys = []string{
	"FLUSHALL", "GEOADD allowed 0 0 m", "RPUSH list 1 2", "XADD stream 1-1 f SECRET", "XGROUP CREATE stream g 0", "PFADD loglog m", "SET blind SECRET",
	"SET secret1 SECRET",
}

// TestHolesAreClosedThroughTheGate: each request reaches what it must not on the server alone, and nothing through the gate.
func TestHolesAreClosedThroughTheGate(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{Args: []string{"--notify-keyspace-events", "KEAmn"}})
	g := gatetest.Start(t, gatetest.Options{Upstream: rs.Socket(), Users: map[string]string{
		"app": "on >secret ~allowed ~list ~STREAMS ~LIMIT ~ASC %W~blind +@all -select +select|0",
	}, Databases: map[string][]int{"app": {0}}})
	client := rs.Client()
	sub := client.PSubscribe(t.Context(), "__keyevent@*__:*", "mark")
	t.Cleanup(func() { _ = sub.Close() })
	for range 2 { // the answers to both patterns: they are in force
		if _, err := sub.Receive(t.Context()); err != nil {
			t.Fatalf("PSUBSCRIBE = %v; want an answer", err)
		}
	}
	for _, hole := range holes {
		t.Run(hole.name, func(t *testing.T) {
			args := strings.Split(hole.request, " ")
			lay(t, client, sub)
			line := make([]any, len(args))
			for i, a := range args {
				line[i] = a
			}
			value, _ := client.Do(t.Context(), line...).Result()
			reached := len(beyond(t, client, sub)) > 0 || strings.Contains(printed(value), "SECRET")
			if !reached && !slices.Contains(inert, hole.request) {
				t.Errorf("%q on the server alone reaches nothing; want a request that would", hole.request)
			}
			for _, multi := range []bool{false, true} {
				lay(t, client, sub)
				w := newWire(t, g.DialPlain(t)).login()
				if multi {
					w.do("+OK\r\n", "MULTI")
				}
				w.send(args...)
				reply := w.reply()
				switch {
				case multi && reply == "+QUEUED\r\n": // the words of the request are read when it runs
					w.send("EXEC")
					if reply = w.reply(); !strings.HasPrefix(reply, "*1\r\n-") {
						t.Errorf("%q in a transaction = %q; want it refused", hole.request, reply)
					}
				case !strings.HasPrefix(reply, "-"):
					t.Errorf("%q = %q; want it refused", hole.request, reply)
				case multi:
					w.do("-EXECABORT Transaction discarded because of previous errors.\r\n", "EXEC")
				}
				if touched := beyond(t, client, sub); len(touched) > 0 || strings.Contains(reply, "SECRET") {
					t.Errorf("%q = %q and touches %q; want nothing", hole.request, reply, touched)
				}
			}
		})
	}
}

// lay puts the keys in place, and drops what is told of that.
func lay(t *testing.T, client *redis.Client, sub *redis.PubSub) {
	t.Helper()
	for _, text := range holeKeys {
		var line []any
		for _, word := range strings.Fields(text) {
			line = append(line, word)
		}
		if err := client.Do(t.Context(), line...).Err(); err != nil {
			t.Fatalf("%s = %v; want no error", text, err)
		}
	}
	beyond(t, client, sub)
}

// beyond lists the events since it was called last, of keys that are not the user's to touch.
func beyond(t *testing.T, client *redis.Client, sub *redis.PubSub) []string {
	t.Helper()
	if err := client.Publish(t.Context(), "mark", "").Err(); err != nil {
		t.Fatal(err)
	}
	var out []string
	for {
		m, err := sub.ReceiveMessage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case m.Channel == "mark":
			return out
		case !strings.HasPrefix(m.Channel, "__keyevent@0__:"):
			out = append(out, m.Channel+" "+m.Payload)
		case !slices.Contains([]string{"allowed", "list", "STREAMS", "LIMIT", "ASC", "blind"}, m.Payload):
			out = append(out, m.Channel+" "+m.Payload)
		}
	}
}

func printed(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var b strings.Builder
		for _, x := range v {
			b.WriteString(printed(x) + " ")
		}
		return b.String()
	case map[any]any:
		var b strings.Builder
		for k, x := range v {
			b.WriteString(printed(k) + " " + printed(x) + " ")
		}
		return b.String()
	}
	return ""
}
