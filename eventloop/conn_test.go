package eventloop

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
)

func TestEchoesWhatItIsSent(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		r.attach(ours, echo())
		for _, size := range []int{1, 100, 64 << 10, 64<<10 + 1, 3 << 20} {
			want := pattern(size)
			go peer.Write(want)
			got := make([]byte, size)
			if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("echo of %d bytes: %v; want the same bytes", size, err)
			}
		}
		halfClose(t, peer)
		if n, err := peer.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("Read after half-closing = %d, %v; want 0, EOF", n, err)
		}
	})
}

func TestEchoesToManyConnections(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		o.ReadBuffer, o.MaxEvents = 512, 16
		r := run(t, o)
		var wg sync.WaitGroup
		for i := range 100 {
			ours, peer := pair(t, network)
			r.attach(ours, echo())
			wg.Go(func() {
				want := bytes.Repeat([]byte{byte(i)}, 3000)
				got := make([]byte, len(want))
				for range 20 {
					if _, err := peer.Write(want); err != nil {
						t.Error(err)
						return
					}
					if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
						t.Errorf("connection %d: %v or bytes of another; want an echo", i, err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

func halfClose(t *testing.T, peer net.Conn) {
	t.Helper()
	if err := peer.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

// recorder keeps what its connection was told, in order, and says when the last of it has come.
type recorder struct {
	*probe
	mu   sync.Mutex
	told []string
	more chan struct{}
}

func record() *recorder {
	rec := &recorder{more: make(chan struct{}, 1)}
	rec.probe = &probe{
		data:    func(_ *Conn, p []byte) { rec.add("data " + string(p)) },
		eof:     func(*Conn) { rec.add("eof") },
		hangup:  func(*Conn) { rec.add("hangup") },
		drained: func(*Conn) { rec.add("drained") },
		closed: func(_ *Conn, err error) {
			rec.add("closed")
			if err == nil {
				rec.add("without an error")
			}
		},
	}
	return rec
}

func (rec *recorder) add(s string) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.told = append(rec.told, s)
	select {
	case rec.more <- struct{}{}:
	default:
	}
}

func (rec *recorder) all() []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return slices.Clone(rec.told)
}

// expect waits until as much as is wanted was told, and then a few turns to see that no more is.
func (rec *recorder) expect(r *rig, want ...string) {
	r.t.Helper()
	for len(rec.all()) < len(want) {
		wait(r.t, rec.more, "what a handler should be told")
	}
	for range 3 {
		r.on(func() {})
	}
	if got := rec.all(); !slices.Equal(got, want) {
		r.t.Fatalf("the handler was told %q; want %q", got, want)
	}
}

func TestWritingWorksAfterEOF(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		rec := record()
		c := r.attach(ours, rec.probe)
		send(t, peer, "last")
		rec.expect(r, "data last")
		halfClose(t, peer)
		rec.expect(r, "data last", "eof")
		r.on(func() { c.Write([]byte("answer")); c.CloseWrite(); c.Write([]byte("too late")) })
		if got, err := io.ReadAll(peer); string(got) != "answer" || err != nil {
			t.Errorf("the peer read %q, %v; want %q", got, err, "answer")
		}
		rec.expect(r, "data last", "eof")
	})
}

func TestReadingGoesOnAfterCloseWrite(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		rec := record()
		c := r.attach(ours, rec.probe)
		r.on(c.CloseWrite)
		if got, err := io.ReadAll(peer); len(got) > 0 || err != nil {
			t.Errorf("the peer read %q, %v; want EOF", got, err)
		}
		send(t, peer, "still here")
		rec.expect(r, "data still here")
		peer.Close()
		rec.expect(r, "data still here", "eof")
	})
}

func TestResetClosesTheConnection(t *testing.T) {
	r := run(t, Options{})
	ours, peer := pair(t, "tcp")
	closed := make(chan error, 1)
	c := r.attach(ours, &probe{closed: func(_ *Conn, err error) { closed <- err }})
	reset(t, peer)
	if err := wait(t, closed, "Closed"); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Closed(%v); want %v", err, syscall.ECONNRESET)
	}
	r.on(func() {
		c.Write([]byte("x"))
		c.Pause()
		c.Resume()
		c.CloseWrite()
		c.QuickAck()
		c.Close()
		if n := c.Pending(); n != 0 {
			t.Errorf("Pending() of a closed connection = %d; want 0", n)
		}
	})
}

// reset closes the peer's end in a way that our end learns of as an error.
func reset(t *testing.T, peer net.Conn) {
	t.Helper()
	if err := peer.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	peer.Close()
}

func TestHangupWhilePaused(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		rec := record()
		c := r.attach(ours, rec.probe)
		r.on(c.Pause)
		send(t, peer, "unread")
		peer.Close()
		rec.expect(r, "hangup")
		r.on(c.Resume)
		rec.expect(r, "hangup", "data unread", "eof")
	})
}

func TestHangupThatWasKnownBeforePausing(t *testing.T) {
	r := run(t, Options{ReadBuffer: 4})
	ours, peer := pair(t, "unix")
	rec := record()
	inner := rec.data
	rec.data = func(c *Conn, p []byte) { inner(c, p); c.Pause() }
	release := r.hold()
	send(t, peer, "1234567")
	peer.Close()
	r.Post(func() { r.attachHere(ours, rec.probe, false) })
	release()
	rec.expect(r, "data 1234", "hangup")
	r.on(rec.c.Resume)
	rec.expect(r, "data 1234", "hangup", "data 567")
	r.on(rec.c.Resume)
	rec.expect(r, "data 1234", "hangup", "data 567", "eof")
}

func TestResetWhilePaused(t *testing.T) {
	r := run(t, Options{})
	ours, peer := pair(t, "tcp")
	rec := record()
	c := r.attach(ours, rec.probe)
	r.on(c.Pause)
	reset(t, peer)
	rec.expect(r, "hangup")
	r.on(c.Resume)
	rec.expect(r, "hangup", "closed")
}

// Edge-triggered readiness is told once: what came during a pause must not wait for the peer's next byte.
func TestResumeReadsWhatCameDuringThePause(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		turns := make(chan struct{}, 1000)
		rec := record()
		c := r.attach(ours, rec.probe)
		r.on(c.Pause)
		r.on(func() { r.AtTurnEnd(func() { turns <- struct{}{} }) })
		wait(t, turns, "the turn of the registration")
		send(t, peer, "one")
		wait(t, turns, "the turn of the event")
		rec.expect(r)
		r.on(c.Resume)
		rec.expect(r, "data one")
		r.on(func() { c.Pause(); c.Resume() })
		rec.expect(r, "data one")
	})
}

func TestPauseWithinDataKeepsTheRest(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		o.ReadBuffer = 4
		r := run(t, o)
		ours, peer := pair(t, network)
		rec := record()
		inner := rec.data
		rec.data = func(c *Conn, p []byte) { inner(c, p); c.Pause() }
		release := r.hold()
		r.Post(func() { r.attachHere(ours, rec.probe, false) })
		send(t, peer, "123456789")
		release()
		rec.expect(r, "data 1234")
		r.on(rec.c.Resume)
		rec.expect(r, "data 1234", "data 5678")
		r.on(rec.c.Resume)
		rec.expect(r, "data 1234", "data 5678", "data 9")
	})
}
