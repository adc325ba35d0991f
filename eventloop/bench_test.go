package eventloop

import (
	"io"
	"net"
	"testing"
)

// BenchmarkEcho isolates the loop: one small message there and back over a unix socket, with one connection, where parking and waking
// dominate, and with many that have something to say in the same turn. One operation is one message.
func BenchmarkEcho(b *testing.B) {
	for _, bench := range []struct {
		name        string
		connections int
		options     Options
	}{
		{"connections=1,wait=default", 1, Options{}},
		{"connections=1,wait=blocking", 1, Options{Blocking: true}},
		{"connections=50,wait=default", 50, Options{}},
		{"connections=50,wait=blocking", 50, Options{Blocking: true}},
	} {
		if bench.options.Blocking && !onEpoll {
			continue
		}
		b.Run(bench.name, func(b *testing.B) {
			r := run(b, bench.options)
			peers := make([]net.Conn, bench.connections)
			for i := range peers {
				var ours net.Conn
				ours, peers[i] = pair(b, "unix")
				r.attach(ours, echo())
			}
			message := make([]byte, 64)
			before := Stats{}
			r.on(func() { before = r.Stats() })
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += len(peers) {
				for _, peer := range peers {
					if _, err := peer.Write(message); err != nil {
						b.Fatal(err)
					}
				}
				for _, peer := range peers {
					if _, err := io.ReadFull(peer, message); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.StopTimer()
			r.on(func() {
				b.ReportMetric(float64(r.Stats().Waits-before.Waits)/float64(b.N), "waits/op")
				b.ReportMetric(float64(r.Stats().Reads-before.Reads)/float64(b.N), "reads/op")
			})
		})
	}
}

// BenchmarkSetTimer isolates arming a timer anew for a later time, as a session does for each command, among ten thousand others.
func BenchmarkSetTimer(b *testing.B) {
	var w wheel
	timers := make([]Timer, 10_000)
	for i := range timers {
		w.set(&timers[i], int64(i)*tick)
	}
	b.Run("later", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			w.set(&timers[i%len(timers)], int64(100_000+i)*tick/100)
		}
	})
	b.Run("stopped and set", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			t := &timers[i%len(timers)]
			w.remove(t)
			w.set(t, int64(100_000+i)*tick/100)
		}
	})
}
