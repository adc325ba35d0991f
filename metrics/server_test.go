package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var loopback = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9121}

func newServer(t *testing.T, change func(*Options)) *Server {
	t.Helper()
	o := Options{Source: full, Ready: func(context.Context) error { return nil }, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(h http.Handler, method, host, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://x"+path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPages(t *testing.T) {
	h := newServer(t, nil).Handler(loopback)
	for _, tc := range []struct {
		method, path string
		code         int
		has          string
	}{
		{"GET", "/metrics", 200, "redisgate_connections 3\n"},
		{"GET", "/metrics", 200, "\ngo_goroutines "},
		{"HEAD", "/metrics", 200, ""},
		{"GET", "/healthz", 200, "ok\n"},
		{"GET", "/readyz", 200, "ok\n"},
		{"GET", "/", 404, "not found\n"},
		{"GET", "/<script>", 404, "not found\n"},
		{"GET", "/../<script>", 404, "not found\n"},
		{"GET", "//healthz", 404, "not found\n"},
		{"GET", "/debug/pprof/", 404, "not found\n"},
		{"POST", "/metrics", 405, "only GET and HEAD\n"},
		{"PUT", "/healthz", 405, ""},
		{"DELETE", "/", 405, ""},
		{"OPTIONS", "/", 405, ""},
		{"TRACE", "/", 405, ""},
	} {
		w := get(h, tc.method, "127.0.0.1:9121", tc.path)
		if w.Code != tc.code || !strings.Contains(w.Body.String(), tc.has) {
			t.Errorf("%s %s = %d %.80q; want %d with %q", tc.method, tc.path, w.Code, w.Body, tc.code, tc.has)
		}
		if strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s %s repeats the request: %.200q", tc.method, tc.path, w.Body)
		}
		if w.Code == 405 && w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s has Allow %q; want \"GET, HEAD\"", tc.method, tc.path, w.Header().Get("Allow"))
		}
	}
}

// TestThePageIsBehindTheSameChecks has requests for the page meet what all others do:
// it sees none by another method, and none of a host that a web page may have rebound.
func TestThePageIsBehindTheSameChecks(t *testing.T) {
	asked := 0
	s := newServer(t, func(o *Options) {
		o.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			io.WriteString(w, "page "+r.URL.Path)
		})
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	defer func() { cancel(); <-done }()
	at := ln.Addr().String()
	for _, tc := range []struct {
		request string
		code    int
		has     string
	}{
		{"GET / HTTP/1.1\r\nHost: " + at, 200, "page /"},
		{"GET /status/style.css HTTP/1.1\r\nHost: localhost", 200, "page /status/style.css"},
		{"GET / HTTP/1.1\r\nHost: attacker.example", 403, ""},
		{"GET / HTTP/1.1\r\nHost: attacker.example:80", 403, ""},
		{"GET http://attacker.example/ HTTP/1.1\r\nHost: " + at, 403, ""},
		{"GET http://" + at + "/ HTTP/1.1\r\nHost: attacker.example", 200, "page /"}, // the one that counts is the first (RFC 9112, 3.2.2)
		{"HEAD / HTTP/1.1\r\nHost: " + at, 200, ""},
		{"POST / HTTP/1.1\r\nContent-Length: 0\r\nHost: " + at, 405, ""},
		{"DELETE /status/style.css HTTP/1.1\r\nHost: " + at, 405, ""},
		{"CONNECT attacker.example:80 HTTP/1.1\r\nHost: attacker.example:80", 405, ""},
		{"GET /metrics HTTP/1.1\r\nHost: " + at, 200, "redisgate_connections 3"},
		{"GET //attacker.example/%2e%2e HTTP/1.1\r\nHost: " + at, 200, "page //attacker.example/.."}, // which redirects nobody
	} {
		before := asked
		nc, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		io.WriteString(nc, tc.request+"\r\nConnection: close\r\n\r\n")
		got, err := io.ReadAll(nc)
		nc.Close()
		if err != nil || !strings.HasPrefix(string(got), fmt.Sprintf("HTTP/1.1 %d ", tc.code)) || !strings.Contains(string(got), tc.has) {
			t.Errorf("%q = %.200q, %v; want %d with %q", tc.request, got, err, tc.code, tc.has)
		}
		if want := tc.code == 200 && !strings.Contains(tc.request, "/metrics"); (asked > before) != want {
			t.Errorf("%q has asked the page: %v; want %v", tc.request, asked > before, want)
		}
	}
}

func TestThePageIsOfFewHostsEverywhere(t *testing.T) {
	s := newServer(t, func(o *Options) {
		o.Host = "gate.example"
		o.Page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "page") })
	})
	h := s.Handler(&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 9121})
	for host, code := range map[string]int{"10.0.0.1:9121": 200, "gate.example:9121": 200, "localhost:9121": 200, "attacker.example:9121": 403, "": 403} {
		if w := get(h, "GET", host, "/"); w.Code != code {
			t.Errorf("the page of Host %q = %d; want %d", host, w.Code, code)
		}
	}
}

func TestReadinessIsAskedAndOnlyFixedWordsAreShown(t *testing.T) {
	h := newServer(t, func(o *Options) {
		o.Ready = func(ctx context.Context) error {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("Ready was asked without a deadline")
			}
			return errors.New("secret detail")
		}
	}).Handler(loopback)
	w := get(h, "GET", "localhost", "/readyz")
	if w.Code != 503 || w.Body.String() != "not ready\n" {
		t.Errorf("/readyz = %d %q; want 503 \"not ready\\n\"", w.Code, w.Body)
	}
	h = newServer(t, func(o *Options) {
		o.Ready = func(context.Context) error { return fmt.Errorf("secret detail: %w", NotReady("it starts")) }
	}).Handler(loopback)
	if w := get(h, "GET", "localhost", "/readyz"); w.Code != 503 || w.Body.String() != "not ready: it starts\n" {
		t.Errorf("/readyz = %d %q; want 503 and why", w.Code, w.Body)
	}
	if w := get(h, "GET", "localhost", "/healthz"); w.Code != 200 {
		t.Errorf("/healthz = %d while not ready; want 200", w.Code)
	}
}

func TestHostIsCheckedOnLoopbackOnly(t *testing.T) {
	s := newServer(t, func(o *Options) { o.Host = "gate.example" })
	lan := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 9121}
	for _, tc := range []struct {
		host string
		code int
	}{
		{"localhost", 200},
		{"LOCALHOST:9121", 200},
		{"127.0.0.1:9121", 200},
		{"127.0.0.1", 200},
		{"[::1]:9121", 200},
		{"[::1]", 200},
		{"gate.example:9121", 200},
		{"attacker.example", 403},
		{"attacker.example:9121", 403},
		{"localhost.attacker.example", 403},
		{"127.0.0.1.attacker.example", 403},
		{"", 403},
	} {
		if w := get(s.Handler(loopback), "GET", tc.host, "/metrics"); w.Code != tc.code {
			t.Errorf("Host %q on loopback = %d; want %d", tc.host, w.Code, tc.code)
		}
		if w := get(s.Handler(lan), "GET", tc.host, "/metrics"); w.Code != 200 {
			t.Errorf("Host %q elsewhere = %d; want 200", tc.host, w.Code)
		}
	}
}

func TestBadLabelsHideNothingElse(t *testing.T) {
	bad := full
	bad.Denied = []Denied{{"\xff", "command", 1}}
	h := newServer(t, func(o *Options) { o.Source = bad }).Handler(loopback)
	w := get(h, "GET", "localhost", "/metrics")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "redisgate_connections 3\n") {
		t.Errorf("/metrics with one bad label = %d %.200q; want the other series", w.Code, w.Body)
	}
}

func TestMissingOptionsAreErrors(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("New(Options{}) = nil error; want one")
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- newServer(t, nil).Serve(ctx, ln) }()
	resp, err := http.Get("http://" + ln.Addr().String() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 || string(body) != "ok\n" {
		t.Errorf("/readyz = %d %q; want 200 \"ok\\n\"", resp.StatusCode, body)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Serve = %v after its context ended; want nil", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Serve goes on after its context ended")
	}
	if nc, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		nc.Close()
		t.Error("the listener still accepts after Serve returned")
	}
}

func TestServeReturnsAListenersError(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := newServer(t, nil).Serve(t.Context(), ln); err == nil {
		t.Error("Serve on a closed listener = nil; want an error")
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limit(ln, 1)
	defer l.Close()
	dial := func() {
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
	}
	dial()
	dial()
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan net.Conn, 1)
	go func() {
		nc, _ := l.Accept()
		second <- nc
	}()
	select {
	case <-second:
		t.Fatal("a second connection was accepted while the first was open")
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	first.Close() // gives back its slot once only
	nc := <-second
	if nc == nil {
		t.Fatal("Accept failed after the first connection was closed")
	}
	defer nc.Close()
	if n := len(l.slots); n != 1 {
		t.Errorf("%d slots are taken; want 1", n)
	}
}
