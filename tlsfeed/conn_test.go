package tlsfeed

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestUnreadPlaintextWaitsWhileReadingIsPaused(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		p := newPair(t, version)
		var want strings.Builder
		var segment []byte
		for i := range 40 { // more than tls.Conn takes in one read
			s := strings.Repeat(string(rune('a'+i%26)), 1000)
			want.WriteString(s)
			segment = append(segment, p.records.data(s)...)
		}
		whole := len(segment)
		p.Feed(segment, 0)
		dst := make([]byte, 10)
		n, err := p.Read(dst)
		if n != 10 || err != nil {
			t.Fatalf("Read() = %d, %v; want 10, nil", n, err)
		}
		if n := p.Hold(); n == 0 || n >= whole {
			t.Errorf("Hold() = %d; want some of the %d bytes", n, whole)
		}
		clear(segment) // the loop's buffer belongs to the next client

		rest, err := p.drain(t, 64<<10)
		if got := string(dst) + rest; err != ErrWouldBlock || got != want.String() {
			t.Errorf("resumed with no event: %d bytes, %v; want all %d and would-block", len(got), err, want.Len())
		}
		if n := p.Hold(); n != 0 || p.lower.in != nil {
			t.Errorf("Hold() = %d when all is read; want 0 and no buffer", n)
		}
	})
}

func TestFeedBeforeTheLastIsUsedUp(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		p := newPair(t, version)
		first := join(p.records.data("one"), p.records.data("two"))
		p.Feed(first, 0)
		p.Hold()
		clear(first)
		second := p.records.data("three")
		p.Feed(second, 0)
		clear(second)
		if got, err := p.drain(t, 100); got != "onetwothree" || err != ErrWouldBlock {
			t.Errorf("Read() = %q, %v; want %q, would-block", got, err, "onetwothree")
		}
	})
}

func TestWouldBlockIsNotSticky(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		p := newPair(t, version)
		for i := range 100 {
			for range 3 {
				if n, err := p.Read(make([]byte, 8)); n != 0 || err != ErrWouldBlock {
					t.Fatalf("Read() = %d, %v; want 0, would-block", n, err)
				}
			}
			want := strings.Repeat("v", i+1)
			if got, err := p.feed(t, p.records.data(want), 8); got != want || err != ErrWouldBlock {
				t.Fatalf("Read() = %q, %v; want %q, would-block", got, err, want)
			}
		}
	})
}

func TestBytesOfTheLastFlightAreNotLost(t *testing.T) {
	const text = "*1\r\n$4\r\nPING\r\n"
	sendEarly := func(c *tls.Conn, _ *socket) { // in several records
		for _, part := range []string{text[:1], text[1:5], text[5:]} {
			_, _ = io.WriteString(c, part)
		}
	}
	check := func(t *testing.T, p *pair) {
		t.Helper()
		if left := p.fromClient.take(); len(left) != 0 {
			t.Fatalf("%d bytes were left on the wire; the test wants them read with the handshake", len(left))
		}
		if got, err := p.drain(t, 100); got != text || err != ErrWouldBlock {
			t.Errorf("first Read() = %q, %v; want %q, would-block", got, err, text)
		}
	}
	t.Run("TLS1.3", func(t *testing.T) {
		check(t, newPairWith(t, serverConfig(tls.VersionTLS13), clientConfig(new(strings.Builder)), sendEarly))
	})
	t.Run("TLS1.2 resumed", func(t *testing.T) {
		// In a full handshake of TLS 1.2 the last flight is the server's.
		server, client := serverConfig(tls.VersionTLS12), clientConfig(new(strings.Builder))
		server.SessionTicketsDisabled = false
		client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		newPairWith(t, server, client, nil)
		p := newPairWith(t, server, client, sendEarly)
		if !p.State().DidResume {
			t.Fatal("the session was not resumed")
		}
		check(t, p)
	})
}

func TestRealClient(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		p := newPair(t, version)
		rnd := mathrand.New(mathrand.NewPCG(1, uint64(version)))
		for range 50 {
			up, down := make([]byte, rnd.IntN(70<<10)), make([]byte, 1+rnd.IntN(70<<10))
			_, _ = rand.Read(up)
			_, _ = rand.Read(down)
			if _, err := p.client.Write(up); err != nil {
				t.Fatal(err)
			}
			var got []byte
			for wire := p.fromClient.take(); len(wire) > 0; {
				n := min(1+rnd.IntN(20<<10), len(wire))
				part, err := p.feed(t, wire[:n], 64<<10)
				if err != ErrWouldBlock {
					t.Fatal(err)
				}
				got, wire = append(got, part...), wire[n:]
			}
			if !bytes.Equal(got, up) {
				t.Fatalf("the server read %d bytes; want the %d that were sent", len(got), len(up))
			}
			if err := p.Write(down); err != nil {
				t.Fatal(err)
			}
			p.toClient.put(p.takeOut())
			back := make([]byte, len(down))
			if _, err := io.ReadFull(p.client, back); err != nil || !bytes.Equal(back, down) {
				t.Fatalf("the client read %v, the right bytes: %v", err, bytes.Equal(back, down))
			}
		}
		if err := p.client.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := p.feed(t, p.fromClient.take(), 100); got != "" || err != io.EOF {
			t.Errorf("Read() = %q, %v; want EOF", got, err)
		}
		p.Close()
		p.toClient.put(p.takeOut())
		if n, err := p.client.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the client read %d, %v; want EOF by close_notify", n, err)
		}
	})
}

func TestOutputIsGatheredAcrossCallsAndConnections(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		a, b := newPair(t, version), newPair(t, version)
		buf := make([]byte, 0, 4096) // a worker's
		for _, p := range []*pair{a, b} {
			p.SetOutput(&buf)
			for _, s := range []string{"+OK\r\n", "", "$-1\r\n"} {
				if err := p.Write([]byte(s)); err != nil {
					t.Fatal(err)
				}
			}
			p.SetOutput(nil)
			want := []record{{typeData, "+OK\r\n"}, {typeData, "$-1\r\n"}}
			if got := p.records.answers(t, buf); !reflect.DeepEqual(got, want) {
				t.Errorf("output = %v; want %v", got, want)
			}
			buf = buf[:0]
		}
	})
}

func TestOutputWithoutABufferIsKept(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		p := newPair(t, version)
		p.SetOutput(nil)
		if err := p.Write([]byte("one")); err != nil {
			t.Fatal(err)
		}
		p.SetOutput(&p.out)
		if err := p.Write([]byte("two")); err != nil {
			t.Fatal(err)
		}
		want := []record{{typeData, "one"}, {typeData, "two"}}
		if got := p.records.answers(t, p.takeOut()); !reflect.DeepEqual(got, want) {
			t.Errorf("output = %v; want %v", got, want)
		}
		if p.lower.spill != nil {
			t.Error("what was kept is still held after it was given out")
		}
	})
}

// A full socket is the owner's business: output grows and nothing is lost.
func TestWritesOfItsOwnWhileTheSocketIsFull(t *testing.T) {
	p := newPair(t, tls.VersionTLS13)
	var want []record
	for range 10 {
		if err := p.Write([]byte("reply")); err != nil {
			t.Fatal(err)
		}
		s := join(p.records.handshake(keyUpdate(1)))
		p.records.up.update(t)
		if got, err := p.feed(t, join(s, p.records.data("x")), 100); got != "x" || err != ErrWouldBlock {
			t.Fatalf("Read() = %q, %v; want x, would-block", got, err)
		}
		want = append(want, record{typeData, "reply"}, record{typeHandshake, keyUpdate(0)})
	}
	if got := p.records.answers(t, p.takeOut()); !reflect.DeepEqual(got, want) {
		t.Errorf("output = %v; want %v", got, want)
	}
}

func TestWritesOfItsOwnAreBounded(t *testing.T) {
	ask := func(t *testing.T, p *pair, now time.Duration) error {
		s := p.records.handshake(keyUpdate(1))
		p.records.up.update(t)
		p.Feed(join(s, p.records.data("x")), int64(now))
		_, err := p.drain(t, 10)
		return err
	}
	t.Run("in one minute", func(t *testing.T) {
		p := newPair(t, tls.VersionTLS13)
		for i := range 32 {
			if err := ask(t, p, time.Second); err != ErrWouldBlock {
				t.Fatalf("key update %d: %v; want would-block", i+1, err)
			}
		}
		if err := ask(t, p, 59*time.Second); err != ErrUnasked {
			t.Errorf("key update 33: %v; want %v", err, ErrUnasked)
		}
		if err := ask(t, p, time.Hour); err != ErrUnasked {
			t.Errorf("an hour later: %v; want %v still", err, ErrUnasked)
		}
	})
	t.Run("over time", func(t *testing.T) {
		p := newPair(t, tls.VersionTLS13)
		for i := range 200 {
			if err := ask(t, p, time.Hour+time.Duration(i)*2*time.Second); err != ErrWouldBlock {
				t.Fatalf("key update %d, one in 2 s: %v; want would-block", i+1, err)
			}
		}
	})
	t.Run("asked for", func(t *testing.T) {
		p := newPair(t, tls.VersionTLS13)
		for range 100 {
			if err := p.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.feed(t, p.records.data("x"), 10); err != ErrWouldBlock {
			t.Errorf("Read() after many replies = %v; want would-block", err)
		}
	})
}

func TestStarvedAtTheLimit(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		p := newPair(t, version)
		if _, err := p.feed(t, p.records.data("x"), 10); err != ErrWouldBlock {
			t.Fatal(err)
		}
		part := "\x0b\x03\xff\xff" + strings.Repeat("m", 500)
		fed := 0
		for {
			s := p.records.handshake(part)
			_, err := p.feed(t, s, 10)
			fed += len(s)
			if err == ErrStarved {
				break
			}
			if err != ErrWouldBlock || fed > maxStarved {
				t.Fatalf("Read() = %v after %d bytes without data; want %v after %d", err, fed, ErrStarved, maxStarved)
			}
		}
		if fed <= maxStarved {
			t.Errorf("starved after %d bytes; want more than %d, which one record may have", fed, maxStarved)
		}
	})
}

func TestCloseIsSaidOnce(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		p := newPair(t, version)
		if err := p.Write([]byte("-ERR bye\r\n")); err != nil {
			t.Fatal(err)
		}
		p.Close()
		p.Close()
		want := []record{{typeData, "-ERR bye\r\n"}, {typeAlert, "\x01\x00"}}
		if got := p.records.answers(t, p.takeOut()); !reflect.DeepEqual(got, want) {
			t.Errorf("output = %v; want %v", got, want)
		}
		if err := p.Write([]byte("more")); err == nil {
			t.Error("Write() after Close = nil; want an error")
		}
	})
}

func TestReadIntoNothing(t *testing.T) {
	p := newPair(t, tls.VersionTLS13)
	p.Feed(p.records.data("x"), 0)
	if n, err := p.Read(nil); n != 0 || !errors.Is(err, ErrWouldBlock) {
		t.Errorf("Read(nil) = %d, %v; want 0, would-block", n, err)
	}
	if got, err := p.drain(t, 10); got != "x" || err != ErrWouldBlock {
		t.Errorf("Read() = %q, %v; want x, would-block", got, err)
	}
}

// A turn in the steady state: one record in, one out.
func TestAllocations(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		p := newPair(t, version)
		const runs = 200
		segments := make([][]byte, runs+1) // AllocsPerRun runs once more
		for i := range segments {
			segments[i] = p.records.data("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")
		}
		reply := []byte("$1\r\nv\r\n")
		dst, out := make([]byte, 64<<10), make([]byte, 0, 64<<10)
		i := 0
		got := testing.AllocsPerRun(runs, func() {
			p.SetOutput(&out)
			p.Feed(segments[i], int64(i))
			i++
			for {
				n, err := p.Read(dst)
				if err != nil {
					if err != ErrWouldBlock {
						t.Fatal(err)
					}
					break
				}
				if n == 0 || p.Write(reply) != nil {
					t.Fatal("no data, or no way to answer")
				}
			}
			out = out[:0]
			p.SetOutput(nil)
		})
		// crypto/tls: an atLeastReader for each time that it wants bytes.
		if got > 1 && !raceEnabled {
			t.Errorf("%v allocations a turn; want 1, which is crypto/tls's", got)
		}
	})
}
