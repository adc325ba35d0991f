package proxy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/proxy"
)

// TestHandOver ends accepting and nothing else, until the last client has left.
func TestHandOver(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Workers: 2})
	idle := newWire(t, g.Dial(t)).login()
	sub := newWire(t, g.DialPlain(t)).login()
	sub.do("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n", "SUBSCRIBE", "c")
	// A connection that is accepted and has not said a word.
	late, err := net.Dial("tcp", g.TCP)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	eventually(t, func() bool { s, ok := g.Server.Snapshot(time.Second); return ok && s.Accepted == 3 })
	done := make(chan struct{})
	for range 2 { // who asks twice is answered twice
		go func() { g.Server.HandOver(); done <- struct{}{} }()
	}
	<-done
	<-done
	if g.Server.Ready() {
		t.Error("Ready = true after HandOver; want false")
	}
	for _, at := range []struct{ network, address string }{{"tcp", g.TCP}, {"unix", g.Unix}} {
		if nc, err := net.Dial(at.network, at.address); err == nil {
			nc.Close()
			t.Errorf("somebody listens at %s after HandOver", at.address)
		}
	}
	served := newWire(t, tls.Client(late, g.TLS())).login()
	served.do("+PONG\r\n", "PING")
	idle.do("+PONG\r\n", "PING")
	for _, w := range []*wire{idle, sub, served} {
		w.nc.Close()
	}
	if err := g.Wait(); err != nil {
		t.Errorf("Run() = %v; want nil", err)
	}
}

// TestAfterAHandOverItDrains, when DrainTimeout has passed, and then as always.
func TestAfterAHandOverItDrains(t *testing.T) {
	g, _ := gate(t, gatetest.Options{Change: func(o *proxy.Options) { o.DrainTimeout = 300 * time.Millisecond }})
	idle := newWire(t, g.Dial(t)).login()
	sub := newWire(t, g.Dial(t)).login()
	sub.do("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n", "SUBSCRIBE", "c")
	g.Server.HandOver()
	idle.do("+PONG\r\n", "PING")
	idle.closed()
	sub.closed()
	idle.nc.Close()
	sub.nc.Close()
	if err := g.Wait(); err != nil {
		t.Errorf("Run() = %v; want nil", err)
	}
}

// TestBegin has nobody accepted before it returns, nor if it fails.
func TestBegin(t *testing.T) {
	asked, may := make(chan struct{}), make(chan struct{})
	var options proxy.Options
	g, _ := gate(t, gatetest.Options{Change: func(o *proxy.Options) {
		options = *o
		o.Begin = func(context.Context) error {
			close(asked)
			<-may
			return nil
		}
	}})
	<-asked
	w := newWire(t, g.DialPlain(t)) // in the queue
	w.send("AUTH", "app", "secret")
	if g.Server.Ready() {
		t.Error("Ready = true before Begin has returned")
	}
	if s, ok := g.Server.Snapshot(time.Second); ok && s.Accepted > 0 {
		t.Error("somebody is accepted before Begin has returned")
	}
	close(may)
	w.want("+OK\r\n")

	ctx, cancel := context.WithCancel(t.Context())
	for _, test := range []struct {
		begin func(context.Context) error
		want  string
	}{
		{func(context.Context) error { return errors.New("no") }, "no"},
		{func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() }, ""},
	} {
		ln, err := net.Listen("unix", t.TempDir()+"/s")
		if err != nil {
			t.Fatal(err)
		}
		o := options
		o.Listeners, o.Begin = []net.Listener{ln}, test.begin
		s, err := proxy.New(o)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Run(ctx, context.Background())
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("Run() = %v; want %q", err, test.want)
		}
		if nc, err := net.Dial("unix", ln.Addr().String()); err == nil {
			nc.Close()
			t.Error("the listener is open after Run")
		}
		s.HandOver() // does not wait for who will never accept
	}
}
