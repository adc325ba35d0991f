package eventloop

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

func TestCloseWithinDataIsTheEnd(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		o.ReadBuffer = 4
		r := run(t, o)
		ours, peer := pair(t, network)
		rec := record()
		inner := rec.data
		rec.data = func(c *Conn, p []byte) { inner(c, p); c.Close(); c.Close() }
		release := r.hold()
		r.Post(func() { r.attachHere(ours, rec.probe, false) })
		send(t, peer, "12345678")
		halfClose(t, peer)
		release()
		rec.expect(r, "data 1234")
		if n, err := peer.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("Read of the peer = %d, %v; want an end", n, err)
		}
	})
}

func TestCloseFromEveryCall(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		closing := func(rec *recorder, at *func(*Conn)) {
			inner := *at
			*at = func(c *Conn) { inner(c); c.Close() }
		}
		t.Run("EOF", func(t *testing.T) {
			r := run(t, o)
			ours, peer := pair(t, network)
			rec := record()
			closing(rec, &rec.eof)
			r.attach(ours, rec.probe)
			peer.Close()
			rec.expect(r, "eof")
		})
		t.Run("Hangup", func(t *testing.T) {
			r := run(t, o)
			ours, peer := pair(t, network)
			rec := record()
			closing(rec, &rec.hangup)
			c := r.attach(ours, rec.probe)
			r.on(c.Pause)
			peer.Close()
			rec.expect(r, "hangup")
		})
		t.Run("Drained", func(t *testing.T) {
			r := run(t, o)
			ours, peer := pair(t, network)
			rec := record()
			closing(rec, &rec.drained)
			c := r.attach(ours, rec.probe)
			r.on(func() { fill(c, pattern(300_000)) })
			send(t, peer, "x")
			rec.expect(r, "data x")
			if _, err := io.Copy(io.Discard, peer); err != nil && !errors.Is(err, syscall.ECONNRESET) {
				t.Error(err)
			}
			rec.expect(r, "data x", "drained")
		})
	})
}

// Two connections have something to say in one turn; the handler of the one that is asked first closes the other.
func TestCloseOfAnotherInTheSameTurn(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		var recs [2]*recorder
		var peers [2]net.Conn
		for i := range recs {
			recs[i] = record()
			var ours net.Conn
			ours, peers[i] = pair(t, network)
			r.attach(ours, recs[i].probe)
		}
		for i, rec := range recs {
			inner, other := rec.data, recs[1-i]
			rec.data = func(c *Conn, p []byte) { inner(c, p); other.c.Close() }
		}
		release := r.hold()
		for i, peer := range peers {
			send(t, peer, "x")
			arrived(t, recs[i].c, 1)
		}
		release()
		for range 5 {
			r.on(func() {})
		}
		if got := len(recs[0].all()) + len(recs[1].all()); got != 1 {
			t.Errorf("calls of handlers = %d; want 1, as the other connection was closed", got)
		}
	})
}

// A connection takes the place of one that was closed with an event outstanding.
func TestRecycledSlotHearsNothingOfItsFormerConnection(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		closer, victim, heir := record(), record(), record()
		ours, closerPeer := pair(t, network)
		r.attach(ours, closer.probe)
		ours, victimPeer := pair(t, network)
		r.attach(ours, victim.probe)
		ours, heirPeer := pair(t, network)
		closer.data = func(*Conn, []byte) {
			victim.c.Close()
			r.attachHere(ours, heir.probe, false)
		}
		r.on(func() { closer.c.first = true }) // asked before the victim
		release := r.hold()
		for i, peer := range []net.Conn{victimPeer, closerPeer} {
			send(t, peer, "x")
			arrived(t, []*Conn{victim.c, closer.c}[i], 1)
		}
		release()
		for range 5 {
			r.on(func() {})
		}
		if heir.c == nil || heir.c.slot != victim.c.slot {
			t.Fatal("the new connection has another slot; want that of the closed one")
		}
		if got := append(victim.all(), heir.all()...); len(got) != 0 {
			t.Errorf("the handlers were told %q; want nothing", got)
		}
		send(t, heirPeer, "own")
		heir.expect(r, "data own")
	})
}

func TestSlotsRefuseFormerGenerations(t *testing.T) {
	var s slots
	a, b := &Conn{}, &Conn{}
	s.add(a)
	s.add(b)
	s.remove(a)
	if got := s.get(a.slot, a.generation); got != nil {
		t.Errorf("get of a removed connection = %p; want nil", got)
	}
	c := &Conn{}
	s.add(c)
	if c.slot != a.slot {
		t.Fatalf("slot = %d; want %d, which is free", c.slot, a.slot)
	}
	if got := s.get(a.slot, a.generation); got != nil {
		t.Errorf("get with the former generation = %p; want nil", got)
	}
	if got := s.get(c.slot, c.generation); got != c {
		t.Errorf("get = %p; want %p", got, c)
	}
	for _, number := range []uint32{2, 1 << 31, 1<<32 - 1} {
		if got := s.get(number, 0); got != nil {
			t.Errorf("get(%d) = %p; want nil", number, got)
		}
	}
}

func TestClosedIsNotReentrant(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		closed := make(chan bool, 1)
		within := false
		c := r.attach(ours, &probe{closed: func(*Conn, error) { closed <- within }})
		r.on(c.Pause) // so that reading does not find out first
		peer.Close()
		failed := func() (failed bool) {
			r.on(func() {
				within = true
				c.Write([]byte("x"))
				failed = c.err != nil || c.closed
				within = false
			})
			return failed
		}
		until(t, failed, "a failure of writing")
		if wait(t, closed, "Closed") {
			t.Error("Closed was called from within Write")
		}
	})
}

func TestStopClosesAllConnections(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		l, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		rec := record()
		var peers []net.Conn
		for range 10 {
			ours, peer := pair(t, network)
			c, err := l.Attach(ours, rec.probe, false)
			if err != nil {
				t.Fatal(err)
			}
			rec.c = c
			peers = append(peers, peer)
		}
		l.Post(func() { fill(rec.c, pattern(300_000)) })
		l.Stop()
		if err := l.Run(); err != nil {
			t.Fatalf("Run() = %v; want nil", err)
		}
		for _, peer := range peers {
			peer.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.Copy(io.Discard, peer); err != nil {
				t.Errorf("reading of the peer ended with %v; want EOF", err)
			}
		}
		if got := rec.all(); len(got) != 0 {
			t.Errorf("the handlers were told %q; want nothing", got)
		}
	})
}
