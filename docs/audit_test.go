package docs_test

import (
	"encoding/json"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"redisgate/audit"
)

// writeAuditLog writes one with all that the lines of docs/AUDIT.md look for.
func writeAuditLog(t *testing.T, path string) {
	t.Helper()
	trail, err := audit.New(audit.Options{Path: path, Events: 1<<audit.Classes - 1, Keys: audit.KeysHash, Secret: []byte(exampleSecret), Queue: 1000, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r := trail.Recorder()
	from := netip.MustParseAddrPort("10.20.0.4:50412")
	now := time.Now().UnixNano()
	for i := range 3 {
		r.Record(&audit.Event{Class: audit.Auth, Time: now + int64(i), Client: 7, Address: from, User: audit.Unknown, Verdict: "failed", Duration: -1})
		r.Record(&audit.Event{Class: audit.Denied, Time: now + int64(i)*int64(time.Minute), Client: 7, Address: from, User: "app", Command: "flushall", Verdict: "denied", Reason: "command", Duration: -1})
	}
	r.Record(&audit.Event{
		Class: audit.Admin, Time: now, Client: 7, Address: from, User: "admin", Command: "config|set", Verdict: "allowed",
		Packed: r.Pack(nil, "config|set", [][]byte{[]byte("CONFIG"), []byte("SET"), []byte("maxmemory"), []byte("1")}, [][]byte{[]byte("app:1")}, 0),
	})
	trail.Close(20 * time.Second)
}

const exampleSecret = "0123456789abcdef0123456789abcdef"

// printed is what lines of docs/AUDIT.md print of that log.
var printed = map[string]string{
	`jq -r 'select(.event == "denied") | [.user // "-", .command, .reason, .rule // "-"] | @tsv' audit.log | sort | uniq -c | sort -rn`:                                                                 "      3 app\tflushall\tcommand\t-\n",
	`jq -rn 'reduce (inputs | select(.event == "auth" and .verdict == "failed")) as $e ({}; .[$e.address | sub(":[0-9]+$"; "")] += ($e.repeats // 1)) | to_entries[] | "\(.value)\t\(.key)"' audit.log`: "3\t10.20.0.4\n",
	`printf %s app:1 | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef -r | cut -c 1-32`:                                                                                                    exampleHash + "\n",
}

// TestTheExampleOfAnAuditLineIsOne compares what docs/AUDIT.md shows with what is
// written, field by field and in this order.
func TestTheExampleOfAnAuditLineIsOne(t *testing.T) {
	text, err := os.ReadFile("AUDIT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n    {")
	example, _, _ := strings.Cut("{"+rest, "\n")
	var want map[string]any
	if err := json.Unmarshal([]byte(example), &want); err != nil {
		t.Fatalf("docs/AUDIT.md shows %q: %v", example, err)
	}
	path := filepath.Join(t.TempDir(), "audit.log")
	trail, err := audit.New(audit.Options{Path: path, Events: 1 << audit.Denied, Queue: 10, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	when, err := time.Parse(time.RFC3339Nano, want["time"].(string))
	if err != nil {
		t.Fatal(err)
	}
	trail.Recorder().Record(&audit.Event{
		Class: audit.Denied, Time: when.UnixNano(), Client: 7, Address: netip.MustParseAddrPort("10.20.0.4:50412"), TLS: "1.3", User: "app", Command: "flushall",
		Verdict: "denied", Reason: "command", Duration: -1,
	})
	trail.Close(20 * time.Second)
	got, err := os.ReadFile(path)
	if err != nil || string(got) != example+"\n" {
		t.Errorf("docs/AUDIT.md shows\n%s\nand written is\n%s(%v)", example, got, err)
	}
}

// TestTheHashOfAKeyIsThatOfOpenSSL holds the line that is to be pasted to what is
// written.
func TestTheHashOfAKeyIsThatOfOpenSSL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	writeAuditLog(t, path)
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), `"keys":["`+exampleHash+`"]`) {
		t.Errorf("the audit log has no key with the hash %s (%v):\n%s", exampleHash, err, text)
	}
}

const exampleHash = "2f25a69c79913ba3b398f91e19e126da"
