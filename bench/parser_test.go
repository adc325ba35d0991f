package bench

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/tidwall/redcon"

	"redisgate/resp"
)

// The request parser beside redcon's two readers. All of them get bytes that are
// in memory already, so this isolates parsing: no socket, no TLS, no policy.
//
//   - parser: resp.Parser, which also enforces the limits, accepts only the
//     canonical spelling and can resume.
//   - stream: resp.Stream, which hands out no arguments: the cost of the walk
//     without the shortcut for requests that are whole.
//   - redcon-next: redcon.ReadNextCommand, the bar. It checks no limit, keeps no
//     state, and begins again with every call.
//   - redcon-reader: redcon.NewReader, which also copies each request and makes
//     a slice of arguments for it, from a reader that never blocks.
//
// One operation is the whole input: the pipeline is 16 requests. Best of 10 short
// rounds on a shared 2-core AMD EPYC, Go 1.26, in ns, parser and redcon-next:
// GET 26 and 36, SET 64 B 34 and 49, SET 4 KB 43 and 52, 16 GETs 407 and 576,
// MSET of 1,000 keys 17,740 and 23,037; no allocation in either.
func BenchmarkParser(b *testing.B) {
	for _, shape := range shapes() {
		run := func(name string, f func(b *testing.B, in []byte, requests int)) {
			b.Run(shape.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(shape.in)))
				b.ReportAllocs()
				f(b, shape.in, shape.requests)
			})
		}
		run("parser", benchmarkParser)
		run("redcon-next", benchmarkNext)
		run("stream", benchmarkStream)
		run("redcon-reader", benchmarkReader)
	}
}

type shape struct {
	name     string
	in       []byte
	requests int
}

func shapes() []shape {
	key := "user:1000:name:x" // 16 bytes
	get := resp.AppendCommand(nil, "GET", key)
	mset := []string{"MSET"}
	for i := range 1000 {
		mset = append(mset, fmt.Sprintf("user:%04d", i), fmt.Sprintf("value-%04d", i))
	}
	value := func(n int) string { return string(bytes.Repeat([]byte{'v'}, n)) }
	return []shape{
		{"GET", get, 1},
		{"SET-64B", resp.AppendCommand(nil, "SET", key, value(64)), 1},
		{"SET-4KB", resp.AppendCommand(nil, "SET", key, value(4096)), 1},
		{"pipeline-16-GET", bytes.Repeat(get, 16), 16},
		{"MSET-1000", resp.AppendCommand(nil, mset...), 1},
	}
}

func benchmarkParser(b *testing.B, in []byte, requests int) {
	lim := &resp.Limits{Arguments: 1 << 20, Bulk: resp.MaxBulk, Request: 1 << 30}
	var p resp.Parser
	for b.Loop() {
		rest := in
		for range requests {
			n, err := p.Next(rest, lim)
			if err != nil || len(p.Args()) == 0 {
				b.Fatal(n, err)
			}
			rest = rest[n:]
		}
	}
}

func benchmarkNext(b *testing.B, in []byte, requests int) {
	var args [][]byte
	for b.Loop() {
		rest := in
		for range requests {
			complete, got, _, left, err := redcon.ReadNextCommand(rest, args)
			if err != nil || !complete {
				b.Fatal(complete, err)
			}
			args, rest = got, left
		}
	}
}

func benchmarkStream(b *testing.B, in []byte, requests int) {
	lim := &resp.Limits{Arguments: 1 << 20, Bulk: resp.MaxBulk, Request: 1 << 30}
	var s resp.Stream
	for b.Loop() {
		rest := in
		for range requests {
			n, done, err := s.Next(rest, lim)
			if err != nil || !done {
				b.Fatal(n, err)
			}
			rest = rest[n:]
		}
	}
}

func benchmarkReader(b *testing.B, in []byte, requests int) {
	rd := redcon.NewReader(&again{in: in})
	for b.Loop() {
		for range requests {
			if _, err := rd.ReadCommand(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// again is a reader of the same bytes for ever.
type again struct {
	in   []byte
	rest []byte
}

func (a *again) Read(p []byte) (int, error) {
	if len(a.rest) == 0 {
		a.rest = a.in
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

var _ io.Reader = (*again)(nil)
