package proxy

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
	"time"

	"redisgate/upstream"
)

// BenchmarkHistogram compares the way of a command with the same and one observation of
// the histogram more: in each iteration a GET is parsed, judged, routed and handed over,
// and its reply delivered, without sockets, TLS and the clock, of which the loop reads one
// a turn. So the real share is smaller: the queue, system calls and TLS are not in it. The
// two take turns within one run, and rounds that others disturbed are left out: what is
// compared are the 20th parts. Commands of a pipeline share an observation, as their
// replies come together.
func BenchmarkHistogram(b *testing.B) {
	for _, pipeline := range []int{1, 16} {
		b.Run("pipeline="+strconv.Itoa(pipeline), func(b *testing.B) {
			w := newWorld(b)
			p := w.connect().login("app")
			w.settle()
			l := &sink{}
			p.s.pipe = l
			run := bytes.Repeat(request("GET", "data:1"), pipeline)
			replies := bytes.Repeat([]byte("$5\r\nhello\r\n"), pipeline)
			way := func(again bool) {
				w.clock += 40_000
				sent := w.clock
				p.s.spent = 0
				p.s.Input(run)
				if l.sent != pipeline {
					b.Fatalf("%d requests were sent; want %d", l.sent, pipeline)
				}
				l.sent = 0
				w.clock += int64(123 * time.Microsecond)
				if again {
					w.k.counts.observe(w.clock-sent, pipeline)
				}
				p.s.Reply(upstream.Delivery{Data: replies, Began: pipeline, Ended: pipeline, Since: sent})
				if p.s.waiting() != len(replies) {
					b.Fatalf("%d bytes of replies; want %d", p.s.waiting(), len(replies))
				}
				p.s.drained(len(replies))
			}
			const rounds = 200
			var times [2][]time.Duration
			b.ReportAllocs()
			for b.Loop() {
				for i := range 2 * rounds {
					began := time.Now()
					for range 1000 / pipeline {
						way(i%2 == 1)
					}
					times[i%2] = append(times[i%2], time.Since(began))
				}
			}
			undisturbed := func(t []time.Duration) float64 {
				slices.Sort(t)
				return float64(t[len(t)/20]) / float64(1000/pipeline*pipeline)
			}
			once, twice := undisturbed(times[0]), undisturbed(times[1])
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(once, "ns/command")
			b.ReportMetric(twice, "ns/command-twice")
			b.ReportMetric(100*(twice-once)/once, "percent")
		})
	}
}

// sink is a link that takes requests and never answers.
type sink struct {
	link
	sent int
}

func (*sink) Key() upstream.Key                      { return upstream.Key{Proto: 2} }
func (*sink) Usable() bool                           { return true }
func (*sink) Full() bool                             { return false }
func (s *sink) Send(upstream.Receiver, []byte, bool) { s.sent++ }
