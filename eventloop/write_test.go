package eventloop

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
)

// fill writes until so much is pending that it does not fit into the buffers of the socket, however empty. It returns what it wrote.
func fill(c *Conn, chunk []byte) (written []byte) {
	for c.Pending() < 8*socketBuffer {
		c.Write(chunk)
		written = append(written, chunk...)
	}
	return written
}

func TestOutputWaitsForASlowReader(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		rec := record()
		c := r.attach(ours, rec.probe)
		var want []byte
		r.on(func() {
			want = fill(c, pattern(300_000))
			for i := range 100 { // in many sizes, behind what is pending
				p := pattern(i * 100)
				c.Write(p)
				want = append(want, p...)
				clear(p) // the caller's again
			}
			if got := c.Pending(); got < 99*100/2*100 || got > len(want) {
				t.Errorf("Pending() = %d; want at least what followed a full socket", got)
			}
		})
		rec.expect(r)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("the peer read other bytes than were written, or %v", err)
		}
		rec.expect(r, "drained")
		r.on(func() {
			if n := c.Pending(); n != 0 {
				t.Errorf("Pending() after Drained = %d; want 0", n)
			}
			if n := cap(c.out.buf); n != 0 {
				t.Errorf("a drained connection holds %d bytes; want 0", n)
			}
			want = fill(c, pattern(300_000))
		})
		got = make([]byte, len(want))
		if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("the peer read other bytes the second time, or %v", err)
		}
		rec.expect(r, "drained", "drained")
	})
}

func TestCloseWriteFollowsPendingOutput(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		rec := record()
		c := r.attach(ours, rec.probe)
		var want []byte
		r.on(func() {
			want = fill(c, pattern(300_000))
			c.CloseWrite()
			c.Write([]byte("too late"))
		})
		if got, err := io.ReadAll(peer); err != nil || !bytes.Equal(got, want) {
			t.Errorf("the peer read %d bytes, %v; want %d", len(got), err, len(want))
		}
		rec.expect(r, "drained")
	})
}

func TestSmallOutputIsNotPending(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		rec := record()
		c := r.attach(ours, rec.probe)
		r.on(func() {
			c.Write(nil)
			c.Write([]byte("x"))
			if n := c.Pending(); n != 0 {
				t.Errorf("Pending() after a small write = %d; want 0", n)
			}
		})
		if n, err := peer.Read(make([]byte, 2)); n != 1 || err != nil {
			t.Errorf("Read of the peer = %d, %v; want 1, nil", n, err)
		}
		rec.expect(r)
	})
}

func TestDrainedMayWriteAgain(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		chunk := pattern(300_000)
		const rounds = 3
		written, round := make(chan int, rounds), 0
		more := func(c *Conn) {
			if round++; round <= rounds {
				written <- len(fill(c, chunk))
			} else {
				c.CloseWrite()
			}
		}
		c := r.attach(ours, &probe{drained: more})
		r.on(func() { more(c) })
		for range rounds { // the peer reads only what it knows of, so it does not keep the socket empty
			n := wait(t, written, "a full socket")
			if _, err := io.CopyN(io.Discard, peer, int64(n)); err != nil {
				t.Fatalf("reading of the peer: %v; want %d bytes", err, n)
			}
		}
		if n, err := io.Copy(io.Discard, peer); n != 0 || err != nil {
			t.Errorf("in the end the peer read %d bytes, %v; want EOF", n, err)
		}
	})
}

// A peer may say why it goes and then reset the connection, as a server does that has too many clients.
func TestFailedWriteTellsWhatWasSentBefore(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		rec := record()
		inner := rec.closed
		var cause error
		rec.closed = func(c *Conn, err error) { cause = err; inner(c, err) }
		c := r.attach(ours, rec.probe)
		release := r.holdThen(func() {
			until(t, func() bool { c.Write([]byte("x")); return c.err != nil }, "a failure of writing")
			rec.add("written")
		})
		send(t, peer, "farewell")
		peer.Close()
		arrived(t, c, len("farewell"))
		release()
		rec.expect(r, "written", "data farewell", "closed")
		if !errors.Is(cause, syscall.EPIPE) && !errors.Is(cause, syscall.ECONNRESET) {
			t.Errorf("Closed(%v); want EPIPE or ECONNRESET", cause)
		}
	})
}

func TestFailureWithOutputPending(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		rec := record()
		c := r.attach(ours, rec.probe)
		r.on(func() {
			c.Pause()
			fill(c, pattern(300_000))
		})
		peer.Close() // with unread bytes: a reset
		last := func() string {
			told := rec.all()
			return strings.Join(told[max(len(told)-1, 0):], "")
		}
		until(t, func() bool { return last() == "closed" }, "Closed")
		r.on(func() {
			if n := c.Pending(); n != 0 {
				t.Errorf("Pending() of a failed connection = %d; want 0", n)
			}
		})
	})
}
