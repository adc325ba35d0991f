package policy

import (
	"strings"
	"testing"

	"redisgate/internal/redistest"
)

// holes are requests that Redis 7 and 8 and Valkey 8 run for a user who has rights to "allowed" and what is spelled like an
// option, though they touch "secret": their key extraction reads the arguments otherwise than their executor.
var holes = []struct{ name, request string }{
	{"GEORADIUS with two destinations", "GEORADIUS allowed 0 0 1 km STORE allowed STORE secret"},
	{"GEORADIUS with two destinations of both kinds", "GEORADIUS allowed 0 0 1 km STORE allowed STOREDIST secret STOREDIST allowed STORE secret"},
	{"GEORADIUSBYMEMBER with two destinations", "GEORADIUSBYMEMBER allowed m 1 km STOREDIST allowed STOREDIST secret"},
	{"PFMERGE of one key", "PFMERGE secret"},
	{"SORT with a destination named STORE", "SORT allowed STORE store ASC"},
	{"SORT with a destination named LIMIT", "SORT allowed STORE LIMIT STORE secret"},
	{"XREADGROUP with a consumer named STREAMS", "XREADGROUP COUNT 1 GROUP g STREAMS STREAMS secret >"},
	{"XREADGROUP with a consumer named STREAMS, NOACK", "XREADGROUP NOACK GROUP g STREAMS STREAMS secret >"},
	{"SORT with an option cut at a NUL", "SORT allowed STORE\x00x secret"},
	{"SORT BY cut at a NUL", "SORT allowed BY\x00x secret*"},
	{"GEORADIUS with an option cut at a NUL", "GEORADIUS allowed 0 0 1 km STORE\x00x secret"},
	{"COPY to another database, cut at a NUL", "COPY allowed allowed DB\x00x 1"},
	{"PSUBSCRIBE to a pattern cut at a NUL", "PSUBSCRIBE news\x00*"},
	{"a first argument cut at a NUL", "SELECT 0\x00"},
	{"a command cut at a NUL", "SHUTDOWN\x00x"},
}

// TestHolesAreClosed: whatever the server says, redisgate refuses.
func TestHolesAreClosed(t *testing.T) {
	const rules = "reset ~allowed ~STREAMS ~LIMIT &news +@all -select +select|0"
	client := redistest.Start(t, redistest.Options{}).Client()
	line := []any{"ACL", "SETUSER", "app"}
	for _, w := range strings.Fields(rules) {
		line = append(line, w)
	}
	if err := client.Do(t.Context(), line...).Err(); err != nil {
		t.Fatalf("ACL SETUSER = %v; want OK", err)
	}
	u := mustUser(t, rules, Options{})
	open := 0
	for _, hole := range holes {
		t.Run(hole.name, func(t *testing.T) {
			args := split(hole.request)
			if e := u.Explain(0, args); e.Decision.Allowed() {
				t.Errorf("%q is allowed; want it refused", hole.request)
			}
			if a := dryRun(t, client, [][][]byte{args})[0]; a.text == "OK" {
				open++
			}
		})
	}
	t.Logf("%d of %d are open on the server", open, len(holes))
}

// What stands beside the holes works: the same commands with both readings agreeing.
func TestBesideTheHoles(t *testing.T) {
	u := mustUser(t, "~allowed ~STREAMS ~LIMIT &news +@all -select +select|0", Options{})
	for _, request := range []string{
		"GEORADIUS allowed 0 0 1 km STORE allowed", "GEORADIUSBYMEMBER allowed m 1 km STOREDIST allowed", "PFMERGE allowed", "PFMERGE allowed allowed",
		"SORT allowed STORE LIMIT", "XREADGROUP GROUP g c STREAMS STREAMS >", "XREADGROUP GROUP g STREAMS STREAMS allowed >",
		"COPY allowed allowed DB 1", "PSUBSCRIBE news", "SELECT 0",
	} {
		if e := u.Explain(0, split(request)); !e.Decision.Allowed() {
			t.Errorf("%q = %v (%s); want it allowed", request, e.Decision.Reason, e.Why)
		}
	}
}
