package resp

import (
	"strings"
	"testing"
)

// The framer on replies as they come from a pipeline: 16 at a time in one read.
// No socket, no session: the walk alone.
func BenchmarkFramer(b *testing.B) {
	for _, c := range []struct{ name, reply string }{
		{"OK", "+OK\r\n"},
		{"integer", ":1234\r\n"},
		{"GET-3B", "$3\r\nabc\r\n"},
		{"GET-1KB", "$1024\r\n" + strings.Repeat("v", 1024) + "\r\n"},
		{"null", "$-1\r\n"},
		{"error", "-ERR wrong number of arguments for 'get' command\r\n"},
		{"LRANGE-100", "*100\r\n" + strings.Repeat("$10\r\n0123456789\r\n", 100)},
	} {
		b.Run(c.name, func(b *testing.B) {
			in := []byte(strings.Repeat(c.reply, 16))
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			var f Framer
			for b.Loop() {
				for rest := in; len(rest) > 0; {
					n, end, err := f.Next(rest)
					if err != nil || !end {
						b.Fatal(n, end, err)
					}
					rest = rest[n:]
				}
			}
		})
	}
}
