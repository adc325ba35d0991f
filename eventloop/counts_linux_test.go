//go:build linux && !portable

package eventloop

import (
	"io"
	"net"
	"testing"
)

// The system calls of one round of 50 clients through one upstream connection, which is what the loop is for: the loop is held while
// every client writes, then released.
func TestSystemCallsOfARound(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		const clients = 50
		r := run(t, o)
		g := &gatherer{loop: r.Loop}
		ours, server := pair(t, network)
		up := &probe{data: func(_ *Conn, p []byte) { g.scatter(p) }}
		r.on(func() {
			r.attachHere(ours, up, true)
			g.upstream = up.c
			r.AtTurnEnd(g.flush)
		})
		var peers []net.Conn
		for range clients {
			ours, peer := pair(t, network)
			r.attach(ours, &probe{data: g.gather})
			peers = append(peers, peer)
		}
		for round := range 3 {
			release := r.holdThen(func() { g.turns, g.before = nil, r.Stats() })
			for i, peer := range peers {
				send(t, peer, "ping")
				arrived(t, r.slots.entries[i+1].conn, 4) // slot 0 is the upstream's
			}
			release()
			request := make([]byte, clients*4)
			if n, err := server.Read(request); n != len(request) || err != nil {
				t.Fatalf("round %d: the server read %d bytes, %v; want %d at once", round, n, err, len(request))
			}
			if _, err := server.Write(request); err != nil {
				t.Fatal(err)
			}
			for i, peer := range peers {
				if _, err := io.ReadFull(peer, request[:4]); err != nil {
					t.Fatalf("round %d: client %d has no reply: %v", round, i, err)
				}
			}
			var turns []Stats
			r.on(func() { turns = g.turns })
			if len(turns) < 3 {
				t.Fatalf("round %d: %d turns; want at least 3", round, len(turns))
			}
			if want := (Stats{}); turns[0] != want { // what is left of the turn that held the loop
				t.Errorf("round %d: held turn = %+v; want nothing", round, turns[0])
			}
			if want := (Stats{Waits: 1, Reads: clients, Writes: 1, BytesIn: clients * 4, BytesOut: clients * 4}); turns[1] != want {
				t.Errorf("round %d: requests = %+v; want %+v", round, turns[1], want)
			}
			if want := (Stats{Waits: 1, Reads: 1, Writes: clients, BytesIn: clients * 4, BytesOut: clients * 4}); turns[2] != want {
				t.Errorf("round %d: replies = %+v; want %+v", round, turns[2], want)
			}
		}
	})
}

// gatherer sends what clients say upstream in one piece a turn, and gives the replies to them in the same order.
type gatherer struct {
	loop     *Loop
	upstream *Conn
	waiting  []*Conn
	out      []byte
	before   Stats
	turns    []Stats // what each turn since the hold has cost
}

func (g *gatherer) gather(c *Conn, p []byte) {
	g.waiting = append(g.waiting, c)
	g.out = append(g.out, p...)
}

func (g *gatherer) scatter(p []byte) {
	for ; len(p) > 0; p = p[4:] {
		g.waiting[0].Write(p[:4])
		g.waiting = g.waiting[1:]
	}
}

func (g *gatherer) flush() {
	if len(g.out) > 0 {
		g.upstream.Write(g.out)
		g.out = g.out[:0]
	}
	now := g.loop.Stats()
	g.turns = append(g.turns, Stats{
		Waits: now.Waits - g.before.Waits, Wakeups: now.Wakeups - g.before.Wakeups,
		Reads: now.Reads - g.before.Reads, Writes: now.Writes - g.before.Writes,
		BytesIn: now.BytesIn - g.before.BytesIn, BytesOut: now.BytesOut - g.before.BytesOut,
	})
	g.before = now
}

// A connection that has much to say is read once a turn, so that the others are heard in between.
func TestReadsOfATurnAreShared(t *testing.T) {
	const size, chunk = 64 << 10, 4 << 10
	r := run(t, Options{ReadBuffer: chunk})
	var order []int
	var conns []*Conn
	done := make(chan struct{})
	release := r.hold()
	for i := range 2 {
		ours, peer := pair(t, "unix")
		r.Post(func() {
			p := &probe{data: func(_ *Conn, p []byte) {
				if order = append(order, i); len(order) == 2*size/chunk {
					close(done)
				}
			}}
			r.attachHere(ours, p, false)
			conns = append(conns, p.c)
		})
		send(t, peer, string(pattern(size)))
	}
	release()
	wait(t, done, "all input")
	r.on(func() {
		for i := range order[1:] {
			if order[i] == order[i+1] && (i < 1 || order[i-1] == order[i]) {
				t.Errorf("order of reads = %v; want each in turn", order)
				return
			}
		}
	})
}

func TestShortReadIsNotFollowedByAnother(t *testing.T) {
	r := run(t, Options{})
	ours, peer := pair(t, "unix")
	rec := record()
	r.attach(ours, rec.probe)
	var before Stats
	r.on(func() { before = r.Stats() })
	send(t, peer, "x")
	rec.expect(r, "data x")
	r.on(func() {
		if n := r.Stats().Reads - before.Reads; n != 1 {
			t.Errorf("reads for one byte = %d; want 1", n)
		}
	})
}
