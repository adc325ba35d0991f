package e2e

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"redisgate/internal/redistest"
)

// hostile is what has killed, stalled or bloated other parsers before
// authentication, as a client sends it.
var hostile = map[string]string{
	"length that overflows":       "*1\r\n$9223372036854775807\r\nabc\r\n",
	"two thousand million":        "*2000000000\r\n",
	"length over 64 bits":         "*1\r\n$18446744073709551617\r\nA\r\n",
	"leading zero":                "*1\r\n$04\r\nPING\r\n",
	"leading zero in the count":   "*01\r\n$4\r\nPING\r\n",
	"half an escape":              "GET \"x\\x4\"\r\n",
	"unbalanced quotes":           "GET \"x\r\n",
	"a bulk where a line belongs": "$5\r\nMULTI\r\n",
	"a header without an end":     "*1" + strings.Repeat("1", 70_000),
	"a line without an end":       strings.Repeat("A", 70_000),
	"a NUL hides the newline":     "\x00" + strings.Repeat("\n", 70_000),
	"many empty requests":         strings.Repeat("*0\r\n", 8_000),
	"ten arguments of 16 KB":      "*10\r\n" + strings.Repeat("$16384\r\n"+strings.Repeat("a", 16384)+"\r\n", 10),
	"HTTP":                        "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
	"nested arrays":               strings.Repeat("*1\r\n", 12_000),
	"an error for each":           strings.Repeat("PING\r\n", 8_000),
	"a value that drips":          "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$16000\r\nab",
	"a promise of 512 MB":         "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n" + strings.Repeat("x", 60_000),
}

// TestHostileInputIsCheap sends each from many connections that nobody has
// authenticated and that do not read, and looks at what the process has spent.
// The connections are plain ones, so that no handshake is in the figure.
func TestHostileInputIsCheap(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	g := start(t, rs.Socket(), "~* &* +@all")
	for name, input := range hostile {
		var cpu time.Duration
		var grown int64
		for range 5 { // CPU time is coarse and the machine is busy: the best counts
			cpu, grown = spent(t, g, input)
			if cpu <= time.Millisecond {
				break
			}
		}
		if cpu > time.Millisecond {
			t.Errorf("%s: %v of CPU a connection; want less than 1ms", name, cpu)
		}
		if grown > 1<<20 {
			t.Errorf("%s: %d bytes a connection; want less than 1 MB", name, grown)
		}
	}
}

// spent sends input from many connections at a time, and returns what one of them
// has cost the process.
func spent(t *testing.T, g gate, input string) (cpu time.Duration, grown int64) {
	t.Helper()
	const connections = 200
	before, err := g.CPU()
	if err != nil {
		t.Fatal(err)
	}
	resident := g.resident(t)
	for range connections {
		nc, err := net.Dial("unix", g.Unix)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetWriteDeadline(time.Now().Add(time.Second))
		io.WriteString(nc, input) // fails where redisgate has had enough
	}
	// Everything has been read once a later client is served.
	probe, err := net.Dial("unix", g.Unix)
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	newSpeaker(probe).login(t)
	after, err := g.CPU()
	if err != nil {
		t.Fatal(err)
	}
	return (after - before) / connections, (g.resident(t) - resident) / connections
}
