package tlsfeed

import (
	"bytes"
	"crypto/tls"
	"strings"
	"testing"
)

// What TLS costs one turn of a client: a small record in, a small record out,
// no socket. Sealing the client's record is part of it, and the same for
// every design of the feed.
func BenchmarkTurn(b *testing.B) {
	for _, v := range versions {
		b.Run(v.name, func(b *testing.B) {
			p := newPair(b, v.id)
			up := p.records.up
			request := []byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")
			reply := []byte("$1\r\nv\r\n")
			dst, out := make([]byte, 64<<10), make([]byte, 0, 64<<10)
			segments := make([][]byte, b.N)
			for i := range segments {
				segments[i] = up.seal(typeData, string(request), 0)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for _, s := range segments {
				p.SetOutput(&out)
				p.Feed(s, 0)
				for {
					n, err := p.Read(dst)
					if err != nil {
						break
					}
					if n != len(request) || p.Write(reply) != nil {
						b.Fatal("wrong request, or no way to answer")
					}
				}
				out = out[:0]
				p.SetOutput(nil)
			}
		})
	}
}

// Encryption of a long reply, gathered for one write.
func BenchmarkWrite64KB(b *testing.B) {
	p := newPair(b, tls.VersionTLS13)
	reply := bytes.Repeat([]byte("v"), 64<<10)
	out := make([]byte, 0, 70<<10)
	p.SetOutput(&out)
	b.SetBytes(int64(len(reply)))
	b.ReportAllocs()
	for b.Loop() {
		out = out[:0]
		if err := p.Write(reply); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHandshake(b *testing.B) {
	for _, v := range versions {
		b.Run(v.name, func(b *testing.B) {
			server := serverConfig(v.id)
			for b.Loop() {
				newPairWith(b, server, clientConfig(new(strings.Builder)), nil)
			}
		})
	}
}
