// Package status is the page that an operator looks at first: what is served, who is
// connected, how much is done and refused, whether Redis answers and what ends soon. It
// is one page of HTML with a style sheet and a script of its own, and reads the same
// without the script.
//
// It shows the numbers that [metrics] gives to Prometheus, and what they were in the last
// ten minutes. It shows no secret and no text from the wire: users are called what the
// metrics call them. It only reads. Who may ask, by which method and for how long is
// decided by the server that it is part of, which is that of the metrics.
package status

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"sync"
	"time"

	"redisgate/metrics"
)

// Every is how often the page takes down the numbers, for the rates and the past.
const Every = 10 * time.Second

// fresh is how long an answer is given again. So the event loops are asked once a
// second at most, by however many readers.
const fresh = time.Second

//go:embed page.html.tmpl style.css script.js icon.svg
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html.tmpl"))

// contentPolicy lets the page load its own style, script and icon, ask itself for news, and
// nothing else: no text that got in could run, load, send or frame anything.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Facts is what the configuration in force says of what is served.
type Facts struct {
	Listeners []string // addresses
	Redis     string   // address
}

// Options is what a Page needs. All fields are required.
type Options struct {
	Source metrics.Source
	Facts  func() Facts // called by several goroutines
	Ready  func() bool  // clients can be served
	Build  metrics.Build
}

// Page is an http.Handler for / and /status/.
type Page struct {
	// Static after construction.
	o     Options
	began time.Time

	mu   sync.Mutex
	past history   // guarded by mu
	html []byte    // guarded by mu: the answer of a moment ago
	at   time.Time // guarded by mu: of html; zero: none
}

// New checks the options. The page has a past from when Watch runs.
func New(o Options) (*Page, error) {
	if o.Source == nil || o.Facts == nil || o.Ready == nil {
		return nil, errors.New("status: Source, Facts and Ready are required")
	}
	return &Page{o: o, began: time.Now()}, nil
}

// Watch takes down the numbers at once and then regularly, until ctx ends.
func (p *Page) Watch(ctx context.Context) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		s := p.o.Source.Snapshot()
		p.mu.Lock()
		p.past.add(time.Now(), s)
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// assets are the files beside the page, with their types.
var assets = map[string]struct{ file, kind string }{
	"/status/style.css": {"style.css", "text/css; charset=utf-8"},
	"/status/script.js": {"script.js", "text/javascript; charset=utf-8"},
	"/status/icon.svg":  {"icon.svg", "image/svg+xml"},
}

// ServeHTTP answers a GET or HEAD. Nothing of the request but its path is looked at, and
// nothing of it is repeated.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers without frame-ancestors
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if r.URL.Path == "/" {
		html, err := p.render()
		if err != nil {
			http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
			return
		}
		h.Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(html) // the reader may have gone
		return
	}
	a, ok := assets[r.URL.Path]
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	text, err := files.ReadFile(a.file)
	if err != nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	h.Set("Content-Type", a.kind)
	_, _ = w.Write(text)
}

// render gives the page as of now, or of a moment ago. Several at once wait for one.
func (p *Page) render() ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.at.IsZero() && time.Since(p.at) < fresh {
		return p.html, nil
	}
	s := p.o.Source.Snapshot()
	now := time.Now()
	var b bytes.Buffer
	if err := page.Execute(&b, p.view(now, s)); err != nil {
		return nil, err
	}
	p.html, p.at = b.Bytes(), now
	return p.html, nil
}
