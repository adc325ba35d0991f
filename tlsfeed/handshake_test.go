package tlsfeed

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// result is what one call of Handshake gave.
type result struct {
	conn *Conn
	err  error
}

// serve runs a handshake on a goroutine.
func serve(ctx context.Context, s *Slots, far *socket, addr netip.Addr, cfg *tls.Config, timeout time.Duration) <-chan result {
	ch := make(chan result, 1)
	go func() {
		c, err := s.Handshake(ctx, far, addr, true, cfg, timeout)
		ch <- result{c, err}
	}()
	return ch
}

func kind(err error) Kind {
	var e *HandshakeError
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}

// hello sends the first flight of a client that then says nothing more.
func hello(t *testing.T, near *socket) {
	t.Helper()
	elsewhere, _ := newSockets()
	go tls.Client(elsewhere, clientConfig(new(strings.Builder))).Handshake() //nolint:errcheck // nobody answers
	synctest.Wait()
	near.out.put(elsewhere.out.take())
	elsewhere.Close()
}

func TestSilentClientsHoldNoPermit(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		synctest.Test(t, func(t *testing.T) {
			slots, cfg := NewSlots(1), serverConfig(version)
			var ends []*socket
			var waiting []<-chan result
			for i := range 40 {
				near, far := newSockets()
				ends = append(ends, near)
				waiting = append(waiting, serve(t.Context(), slots, far, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), cfg, time.Minute))
				if i%2 == 0 {
					hello(t, near) // stops in the middle rather than at once
				}
			}
			synctest.Wait()
			if n := slots.Unfinished(); n != 20 { // those who have begun
				t.Fatalf("Unfinished() = %d; want 20", n)
			}
			near, far := newSockets()
			good := serve(t.Context(), slots, far, local, cfg, time.Minute)
			client := tls.Client(near, clientConfig(new(strings.Builder)))
			if err := client.Handshake(); err != nil {
				t.Fatal(err)
			}
			if r := <-good; r.err != nil {
				t.Errorf("Handshake() of a good client = %v; want nil", r.err)
			}
			worked := false
			if err := slots.Work(t.Context(), func() { worked = true }); err != nil || !worked {
				t.Errorf("Work() = %v; want nil, the only permit is free", err)
			}
			for i, ch := range waiting {
				ends[i].Close()
				if r := <-ch; r.err == nil {
					t.Errorf("Handshake() of a client that left = nil; want an error")
				}
			}
			if n := slots.Unfinished(); n != 0 {
				t.Errorf("Unfinished() at the end = %d; want 0", n)
			}
		})
	})
}

func TestPermitsBoundTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots, cfg := NewSlots(2), serverConfig(tls.VersionTLS13)
		working := make(chan bool, 10)
		goOn := make(chan bool)
		cert := certificate()
		cfg.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			working <- true
			<-goOn // a signature that takes long
			return &cert, nil
		}
		cfg.Certificates = nil
		var results []<-chan result
		for range 5 {
			near, far := newSockets()
			results = append(results, serve(t.Context(), slots, far, local, cfg, time.Hour))
			client := tls.Client(near, clientConfig(new(strings.Builder)))
			go client.Handshake() //nolint:errcheck // seen on the other side
		}
		synctest.Wait()
		if len(working) != 2 {
			t.Errorf("%d handshakes at work with 2 permits; want 2", len(working))
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := slots.Work(short, func() { t.Error("Work ran without a permit") }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Work() with no permit free = %v; want the deadline's error", err)
		}
		close(goOn)
		for _, ch := range results {
			if r := <-ch; r.err != nil {
				t.Errorf("Handshake() = %v; want nil", r.err)
			}
		}
	})
}

// A client that does not read can make a write block.
func TestBlockedWriteHoldsNoPermit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(1)
		near, far := newSockets()
		far.block = make(chan struct{})
		done := serve(t.Context(), slots, far, local, serverConfig(tls.VersionTLS13), time.Minute)
		client := tls.Client(near, clientConfig(new(strings.Builder)))
		go client.Handshake() //nolint:errcheck // seen on the other side
		synctest.Wait()
		if err := slots.Work(t.Context(), func() {}); err != nil {
			t.Errorf("Work() while a handshake's write blocks = %v; want nil", err)
		}
		close(far.block)
		if r := <-done; r.err != nil {
			t.Errorf("Handshake() = %v; want nil", r.err)
		}
	})
}

func TestHandshakeTimeout(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(t *testing.T, near *socket)
	}{
		{"silent", func(*testing.T, *socket) {}},
		{"half a header", func(_ *testing.T, near *socket) { near.out.put([]byte{22, 3}) }},
		{"stops after its hello", hello},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slots := NewSlots(1)
				near, far := newSockets()
				start := time.Now()
				done := serve(t.Context(), slots, far, local, serverConfig(tls.VersionTLS13), 10*time.Second)
				test.do(t, near)
				r := <-done
				if k := kind(r.err); k != TimedOut || !errors.Is(r.err, context.DeadlineExceeded) {
					t.Errorf("Handshake() = %v (%v); want kind %v", r.err, errors.Unwrap(r.err), TimedOut)
				}
				if d := time.Since(start); d != 10*time.Second {
					t.Errorf("it took %v; want 10s", d)
				}
				if !far.isClosed() || slots.Unfinished() != 0 {
					t.Errorf("closed: %v, unfinished: %d; want true, 0", far.isClosed(), slots.Unfinished())
				}
				near.Close()
			})
		})
	}
}

func TestHandshakeTimeoutWhileWaitingForAPermit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(1)
		busy := make(chan bool)
		go slots.Work(t.Context(), func() { <-busy }) //nolint:errcheck // it has the permit
		synctest.Wait()
		near, far := newSockets()
		done := serve(t.Context(), slots, far, local, serverConfig(tls.VersionTLS13), time.Second)
		hello(t, near)
		if r := <-done; kind(r.err) != TimedOut {
			t.Errorf("Handshake() = %v (%v); want kind %v", r.err, errors.Unwrap(r.err), TimedOut)
		}
		close(busy)
		synctest.Wait()
		if err := slots.Work(t.Context(), func() {}); err != nil {
			t.Errorf("Work() = %v; want nil, nobody has the permit", err)
		}
		near.Close()
	})
}

func TestHandshakeCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(1)
		ctx, cancel := context.WithCancel(t.Context())
		_, far := newSockets()
		done := serve(ctx, slots, far, local, serverConfig(tls.VersionTLS13), time.Minute)
		synctest.Wait()
		cancel()
		if r := <-done; kind(r.err) != Cancelled || !errors.Is(r.err, context.Canceled) {
			t.Errorf("Handshake() = %v; want kind %v", r.err, Cancelled)
		}
		if !far.isClosed() {
			t.Error("the connection is open; want it closed")
		}
	})
}

func TestHandshakeFailures(t *testing.T) {
	for _, test := range []struct {
		name string
		send string
		kind Kind
		text string
	}{
		{"a health check", "", Vanished, "tls handshake: the client left without a byte"},
		{"no TLS", "*1\r\n$4\r\nPING\r\n", Failed, "tls handshake: failed: not TLS, or a record out of form"},
		{"half a hello", "\x16\x03\x01\x02\x00\x01", Failed, "tls handshake: failed: the client left in the middle"},
		{"a hello out of form", "\x16\x03\x01\x00\x04\x01\x00\x00\x00", Failed, "tls handshake: failed: refused: tls: error decoding message"},
	} {
		t.Run(test.name, func(t *testing.T) {
			near, far := newSockets()
			near.out.put([]byte(test.send))
			near.out.end(true, false)
			slots := NewSlots(1)
			c, err := slots.Handshake(t.Context(), far, local, false, serverConfig(tls.VersionTLS13), time.Minute)
			if c != nil || kind(err) != test.kind || err.Error() != test.text {
				t.Errorf("Handshake() = %v, %v; want kind %v, %q", c, err, test.kind, test.text)
			}
			if errors.Unwrap(err) == nil {
				t.Error("the error wraps nothing; want crypto/tls's")
			}
			if !far.isClosed() || slots.Unfinished() != 0 {
				t.Errorf("closed: %v, unfinished: %d; want true, 0", far.isClosed(), slots.Unfinished())
			}
		})
	}
}

// What a client has sent is not quoted: protocol names are its choice.
func TestHandshakeErrorQuotesNothing(t *testing.T) {
	near, far := newSockets()
	server, client := serverConfig(tls.VersionTLS13), clientConfig(new(strings.Builder))
	server.NextProtos, client.NextProtos = []string{"redis"}, []string{"hunter2"}
	go tls.Client(near, client).Handshake() //nolint:errcheck // seen on the other side
	_, err := NewSlots(1).Handshake(t.Context(), far, local, false, server, time.Minute)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Handshake() = %v; want an error without the client's words", err)
	}
	if !strings.Contains(errors.Unwrap(err).Error(), "hunter2") {
		t.Errorf("wrapped error = %v; the test wants one with the client's words", errors.Unwrap(err))
	}
}

func TestHandshakeIsBoundedInBytes(t *testing.T) {
	near, far := newSockets()
	// A hello that grows to 64 KB in records of 1 KB, never complete.
	near.out.put([]byte("\x16\x03\x01\x04\x00\x01\x00\xff\xff" + strings.Repeat("h", 1020)))
	for range 100 {
		near.out.put([]byte("\x16\x03\x01\x04\x00" + strings.Repeat("h", 1024)))
	}
	_, err := NewSlots(1).Handshake(t.Context(), far, local, false, serverConfig(tls.VersionTLS13), time.Minute)
	if kind(err) != Failed || !errors.Is(err, errTooLong) {
		t.Errorf("Handshake() = %v; want %v", err, errTooLong)
	}
}

func TestDeadlinesAreClearedAndTheSocketIsLeftAlone(t *testing.T) {
	near, far := newSockets()
	_ = far.SetDeadline(time.Now().Add(time.Hour)) // of whoever read the PROXY header
	done := serve(t.Context(), NewSlots(1), far, local, serverConfig(tls.VersionTLS13), time.Minute)
	client := tls.Client(near, clientConfig(new(strings.Builder)))
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	if !far.deadline.IsZero() {
		t.Errorf("deadline = %v; want none", far.deadline)
	}
	calls, before := far.deadlines, len(far.out.history())
	var out []byte
	r.conn.SetOutput(&out)
	_ = r.conn.Write([]byte("x"))
	r.conn.Close()
	if far.isClosed() || far.deadlines != calls || len(far.out.history()) != before {
		t.Error("the connection touched its socket after the handshake")
	}
	if far.out.put(out); true {
		if got, err := io.ReadAll(client); string(got) != "x" || err != nil {
			t.Errorf("the client read %q, %v; want x and close_notify", got, err)
		}
	}
}

// A real socket: the deadline unblocks its Read too.
func TestHandshakeTimeoutOnTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewSlots(1).Handshake(t.Context(), nc, local, false, serverConfig(tls.VersionTLS13), 50*time.Millisecond)
	if kind(err) != TimedOut {
		t.Errorf("Handshake() = %v; want kind %v", err, TimedOut)
	}
	if n, err := client.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("the client read %d, %v; want 0, EOF", n, err)
	}
}
