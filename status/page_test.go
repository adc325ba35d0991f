package status

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"redisgate/metrics"
)

// counted is a source that changes, and knows how often it was asked.
type counted struct {
	mu    sync.Mutex
	s     metrics.Snapshot
	asked int
}

func (c *counted) Snapshot() metrics.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	s := c.s
	s.Commands, s.Denied, s.Duration.Counts = slices.Clone(s.Commands), slices.Clone(s.Denied), slices.Clone(s.Duration.Counts)
	return s
}

func (c *counted) change(f func(*metrics.Snapshot)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.s)
}

// well is a snapshot in which nothing needs a look at now.
func well(now time.Time) metrics.Snapshot {
	return metrics.Snapshot{
		Connections: 5, ConnectionsCapacity: 100,
		Users:          []metrics.UserConnections{{User: "app", Current: 3}, {User: "gone"}},
		Commands:       []metrics.Command{{Name: "get", Allowed: 100}},
		Denied:         []metrics.Denied{{User: "app", Reason: "key", Count: 1000}},
		Duration:       metrics.Histogram{Bounds: []float64{0.001, 0.01}, Counts: []uint64{0, 0, 0}},
		UpstreamShared: 1, UpstreamSharedCapacity: 64, UpstreamDedicatedCapacity: 4096, UpstreamUp: true,
		Certificates:      []metrics.Certificate{{File: "server.crt", Expiry: now.Add(100 * day)}},
		ConfigLastSuccess: now, ConfigGeneration: 7, BufferCapacityBytes: 1 << 20,
	}
}

func newPage(t *testing.T, source metrics.Source) *Page {
	t.Helper()
	p, err := New(Options{
		Source: source, Ready: func() bool { return true },
		Facts: func() Facts {
			return Facts{Listeners: []string{"127.0.0.1:6380 (TLS)"}, Redis: "unix:///run/redis.sock"}
		},
		Build: metrics.Build{Version: "v1.2.3", GoVersion: "go1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ask(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost"+path, nil))
	return w
}

// cells are the texts of the row that begins with name, of the section of that id.
func cells(t *testing.T, html, section, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(html, `aria-labelledby="`+section+`"`)
	if !ok {
		t.Fatalf("there is no section %s", section)
	}
	rest, _, _ = strings.Cut(rest, "</section>")
	for row := range strings.SplitSeq(rest, "<tr") {
		var text strings.Builder
		for part := range strings.SplitSeq(row, "<") {
			_, part, _ = strings.Cut(part, ">")
			if part = strings.TrimSpace(part); part != "" {
				text.WriteString(part + "|")
			}
		}
		if got, ok := strings.CutPrefix(text.String(), name+"|"); ok {
			return strings.TrimSuffix(got, "|")
		}
	}
	return ""
}

func TestPathsAndHeaders(t *testing.T) {
	p := newPage(t, &counted{s: well(time.Now())})
	for path, want := range map[string]struct {
		code int
		kind string
	}{
		"/":                 {200, "text/html; charset=utf-8"},
		"/status/style.css": {200, "text/css; charset=utf-8"},
		"/status/script.js": {200, "text/javascript; charset=utf-8"},
		"/status/icon.svg":  {200, "image/svg+xml"},
		"/status/":          {404, "text/plain; charset=utf-8"},
		"/status/page.go":   {404, "text/plain; charset=utf-8"},
		"/<script>":         {404, "text/plain; charset=utf-8"},
	} {
		w := ask(p, path)
		if w.Code != want.code || w.Header().Get("Content-Type") != want.kind {
			t.Errorf("%s = %d %s; want %d %s", path, w.Code, w.Header().Get("Content-Type"), want.code, want.kind)
		}
		for name, value := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options":  "nosniff",
			"X-Frame-Options":         "DENY",
			"Referrer-Policy":         "no-referrer",
			"Cache-Control":           "no-store",
		} {
			if got := w.Header().Get(name); got != value {
				t.Errorf("%s has %s: %q; want %q", path, name, got, value)
			}
		}
	}
	// What the policy forbids is not there to be forbidden.
	html := ask(p, "/").Body.String()
	for _, bad := range []string{" style=", "<style", " onclick", "javascript:", "http://", "https://", "<script>"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if n := strings.Count(html, "<script"); n != 1 {
		t.Errorf("the page has %d scripts; want 1", n)
	}
}

func TestMissingOptionsAreErrors(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("New(Options{}) = nil error; want one")
	}
}

func TestNamesAreEscapedAndBounded(t *testing.T) {
	source := &counted{s: well(time.Now())}
	nasty := `<script>alert(1)</script>`
	source.s.Users = []metrics.UserConnections{{User: nasty, Current: 2}, {User: strings.Repeat("ä", 1000), Current: 1}, {User: "a\xff\u202eb\x1b", Current: 1}}
	source.s.Certificates = append(source.s.Certificates, metrics.Certificate{File: `/etc/"><img src=x>`, Expiry: time.Now()})
	html := ask(newPage(t, source), "/").Body.String()
	for _, bad := range []string{"<script>", "<img", strings.Repeat("ä", 65), "\xff", "\u202e", "\x1b"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, good := range []string{"&lt;script&gt;alert(1)&lt;/script&gt;", strings.Repeat("ä", 64) + "…", "a\ufffd\ufffdb\ufffd"} {
		if !strings.Contains(html, good) {
			t.Errorf("the page lacks %q", good)
		}
	}
}

func TestTheLoopsAreAskedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{s: well(time.Now())}
		p := newPage(t, source)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { ask(p, "/") })
		}
		all.Wait()
		if source.asked != 1 {
			t.Errorf("50 readers have asked %d times; want once", source.asked)
		}
		time.Sleep(fresh)
		ask(p, "/")
		if source.asked != 2 {
			t.Errorf("a reader a second later: %d; want 2", source.asked)
		}
	})
}

// TestRatesAndDenialsAreOfTheLastMinutes plays an hour in which app is refused a key each
// second until half past, and reads the page then and ten minutes later.
func TestRatesAndDenialsAreOfTheLastMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{s: well(time.Now())}
		p := newPage(t, source)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { p.Watch(ctx); close(done) }()
		defer func() { cancel(); <-done }()
		time.Sleep(100 * time.Millisecond) // after the ticker, so that both have an order

		html := ask(p, "/").Body.String()
		if !strings.Contains(html, "None in the last 1 second.") || !strings.Contains(html, "–<small>/s") {
			t.Errorf("at the start there are denials, or rates:\n%s", html)
		}
		play := func(d time.Duration, step func(*metrics.Snapshot)) string {
			for range int(d / time.Second) {
				source.change(step)
				time.Sleep(time.Second)
			}
			return ask(p, "/").Body.String()
		}
		html = play(30*time.Minute, func(s *metrics.Snapshot) {
			s.Denied[0].Count++
			s.Commands[0].Allowed += 20
			s.Results.DeniedAddress++
			s.Auth.Failed++
			s.Duration.Counts[0] += 10
		})
		// The oldest point is nearly ten minutes old.
		if got := cells(t, html, "denied", "app"); got != "key not permitted|600" {
			t.Errorf("denials = %q; want key not permitted|600", got)
		}
		if got := cells(t, html, "doors", "Address not admitted"); got != "600" {
			t.Errorf("addresses = %q; want 600", got)
		}
		if !strings.Contains(html, "In the last 10 minutes") {
			t.Error("the page does not say of when the denials are")
		}
		if got := tileOf(html, "Commands"); got != "20" {
			t.Errorf("commands a second = %q; want 20", got)
		}
		if got := tileOf(html, "Median latency"); got != "500 µs" {
			t.Errorf("latency = %q; want 500 µs", got)
		}
		if n := strings.Count(html, "<polyline"); n != 8 {
			t.Errorf("%d lines; want one of each number", n)
		}
		html = play(10*time.Minute, func(*metrics.Snapshot) {})
		if got := cells(t, html, "denied", "app"); got != "" || tileOf(html, "Commands") != "0" {
			t.Errorf("after ten minutes of nothing, denials = %q, commands = %q; want none", got, tileOf(html, "Commands"))
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if n := p.past.n; n != points {
			t.Errorf("%d points are kept; want %d", n, points)
		}
	})
}

// tileOf is the number of a tile.
func tileOf(html, name string) string {
	_, rest, _ := strings.Cut(html, "<dt>"+name+"</dt>")
	_, rest, _ = strings.Cut(rest, `class="value">`)
	value, _, _ := strings.Cut(rest, "<")
	return value
}

func TestTablesAndMemoryAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{s: well(time.Now())}
		p := newPage(t, source)
		for range 3 {
			p.past.add(time.Now(), source.Snapshot())
			time.Sleep(Every)
			source.change(func(s *metrics.Snapshot) {
				s.Denied, s.Users = nil, nil
				for i := range 5000 {
					s.Denied = append(s.Denied, metrics.Denied{User: fmt.Sprintf("u%04d", i), Reason: "key", Count: uint64(10000 + i)})
					s.Users = append(s.Users, metrics.UserConnections{User: fmt.Sprintf("u%04d", i), Current: int64(i)})
					s.Certificates = append(s.Certificates, metrics.Certificate{File: fmt.Sprintf("c%04d", i), Expiry: time.Now().Add(time.Hour)})
				}
			})
		}
		for i := range p.past.n {
			if n := len(p.past.get(i).denied.of); n > mostKept {
				t.Errorf("point %d keeps %d kinds of denials; want at most %d", i, n, mostKept)
			}
		}
		html := ask(p, "/").Body.String()
		if n := len(html); n > 64<<10 {
			t.Errorf("the page has %d bytes; want at most 64 KB", n)
		}
		for _, want := range []string{"4,979 more users have", "more, of other users or for other reasons.", "more files end later."} {
			if !strings.Contains(html, want) {
				t.Errorf("the page does not say %q", want)
			}
		}
		if got := cells(t, html, "denied", "u4999"); got != "key not permitted|14,999" {
			t.Errorf("the most frequent = %q; want all of them", got)
		}
	})
}
