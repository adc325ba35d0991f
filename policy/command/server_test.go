package command

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
)

// reported is what a server's COMMAND says of one command.
type reported struct {
	name       string
	arity      int
	flags      []string
	categories []string
}

func askCommands(t *testing.T, client *redis.Client) []reported {
	t.Helper()
	reply, err := client.Do(context.Background(), "COMMAND").Slice()
	if err != nil {
		t.Fatalf("COMMAND = %v; want an array", err)
	}
	return readCommands(t, reply)
}

func readCommands(t *testing.T, reply []any) []reported {
	t.Helper()
	var out []reported
	for _, item := range reply {
		f, ok := item.([]any)
		if !ok || len(f) < 10 {
			t.Fatalf("COMMAND has an entry %v; want 10 fields", item)
		}
		r := reported{name: f[0].(string), arity: int(f[1].(int64)), flags: stringsOf(f[2]), categories: stringsOf(f[6])}
		out = append(out, r)
		out = append(out, readCommands(t, f[9].([]any))...)
	}
	return out
}

// stringsOf reads an array, or a set in RESP3, in sorted order.
func stringsOf(v any) []string {
	var out []string
	switch v := v.(type) {
	case []any:
		for _, s := range v {
			out = append(out, strings.TrimPrefix(fmt.Sprint(s), "@"))
		}
	case map[any]bool:
		for s := range v {
			out = append(out, strings.TrimPrefix(fmt.Sprint(s), "@"))
		}
	}
	slices.Sort(out)
	return out
}

var flagNames = []string{
	"write", "readonly", "denyoom", "admin", "pubsub", "noscript", "blocking", "loading", "stale", "skip_monitor",
	"skip_slowlog", "asking", "fast", "no_auth", "movablekeys", "allow_busy", "no_multi", "no_mandatory_keys", "no_async_loading",
}

func namesOf(bits uint32, names []string) []string {
	var out []string
	for i, n := range names {
		if bits&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// Versions differ in these commands; the table has the newest, and of arities the most permissive.
var versionsDiffer = map[string]string{
	"wait":    "@blocking and its flag came after 7.0",
	"waitaof": "the same",
	"blmove":  "allowed in scripts since 7.2", "blmpop": "the same", "blpop": "the same", "brpop": "the same",
	"brpoplpush": "the same", "bzmpop": "the same", "bzpopmax": "the same", "bzpopmin": "the same",
	"cluster|info": "loading since 8.0, or in Valkey", "cluster|myid": "the same", "cluster|myshardid": "the same",
	"cluster|nodes": "the same", "cluster|shards": "the same", "cluster|slots": "the same",
	"command|getkeys": "arity -4 in 7.0", "command|getkeysandflags": "arity -4 in 7.0",
	"multi": "no_multi in Valkey", "watch": "no_multi in Valkey",
	"zrank": "arity 3 in 7.0", "zrevrank": "arity 3 in 7.0",
	"hgetdel": "documented, not seen", "hgetex": "documented, not seen", "hsetex": "documented, not seen",
	"xackdel": "documented, not seen", "xdelex": "documented, not seen", "delex": "documented, not seen",
	"digest": "documented, not seen", "msetex": "documented, not seen", "delifeq": "documented, not seen",
	"commandlog|get": "documented, not seen", "commandlog|len": "documented, not seen", "commandlog|reset": "documented, not seen",
}

func TestTableAgreesWithServer(t *testing.T) {
	client := redistest.Start(t, redistest.Options{}).Client()
	seen := 0
	for _, r := range askCommands(t, client) {
		c := ByName(r.name)
		if c == nil {
			t.Logf("the server has %q, which the table does not know: it is refused", r.name)
			continue
		}
		seen++
		flags := namesOf(uint32(c.Flags), flagNames)
		categories := namesOf(uint32(c.Categories), categoryNames[:])
		if versionsDiffer[c.Name] != "" {
			if !c.arityAllows(max(r.arity, -r.arity)) {
				t.Errorf("%s has arity %d; the server takes %d arguments", c.Name, c.Arity, max(r.arity, -r.arity))
			}
			continue
		}
		if c.Arity != r.arity {
			t.Errorf("%s has arity %d; the server says %d", c.Name, c.Arity, r.arity)
		}
		if !slices.Equal(flags, r.flags) {
			t.Errorf("%s has flags %v; the server says %v", c.Name, flags, r.flags)
		}
		if !slices.Equal(categories, r.categories) {
			t.Errorf("%s has categories %v; the server says %v", c.Name, categories, r.categories)
		}
	}
	if seen < 350 {
		t.Errorf("the server has %d commands of the table; want at least 350", seen)
	}
}

// Lookup's errors are the server's, word for word.
func TestFailureTextsAreTheServers(t *testing.T) {
	client := redistest.Start(t, redistest.Options{}).Client()
	long := strings.Repeat("x", 200)
	for _, args := range [][]string{
		{"foo"},
		{"FOO", "a", "b"},
		{"foo", ""},
		{"foo\r\nbar", "a\nb", "\r"},
		{long, "a"},
		{"foo", long, "b"},
		{"foo", strings.Repeat("y", 120), "abcdefgh", "c"},
		{"foo", strings.Repeat("y", 125), "b"},
		{"foo", strings.Repeat("y", 124), "b", "c"},
		{"foo", "a\x00b", "c"},
		{"nosuch\x00o", "c"},
		{"config|get", "x"},
		{""},
		{"", "a"},
		{"config", "foo"},
		{"CONFIG", "FOO", "x"},
		{"config", long},
		{"config", ""},
		{"command", "nope"},
		{"get"},
		{"GET", "a", "b"},
		{"config"},
		{"config", "get"},
		{"CONFIG", "SET", "a"},
		{"xgroup", "create", "k"},
		{"select"},
	} {
		request := make([]any, len(args))
		raw := make([][]byte, len(args))
		for i, a := range args {
			request[i], raw[i] = a, []byte(a)
		}
		err := client.Do(context.Background(), request...).Err()
		if err == nil {
			t.Fatalf("the server takes %q", args)
		}
		cmd, failure := Lookup(raw)
		if got := string(failure.AppendText(nil, cmd, raw)); got != err.Error() {
			t.Errorf("Lookup(%q) says %q; want %q", args, got, err)
		}
	}
}
