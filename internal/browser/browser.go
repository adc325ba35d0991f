// Package browser is a real, headless Chromium for tests. It speaks the DevTools protocol
// over a pipe, so that nothing listens and no library is needed. It knows no page.
package browser

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"redisgate/internal/child"
)

// patience is how long Chromium may take for one thing, on a busy machine.
const patience = 60 * time.Second

// Browser is one tab of a Chromium of its own.
type Browser struct {
	t    testing.TB
	to   io.Writer
	page string // session of the tab

	mu       sync.Mutex
	last     int
	waiting  map[int]chan message // guarded by mu
	loads    int                  // guarded by mu: times that a page has loaded
	errors   []string             // guarded by mu
	requests []string             // guarded by mu: URLs
	gone     chan struct{}
}

type message struct {
	ID        int             `json:"id"`
	Method    string          `json:"method"`
	SessionID string          `json:"sessionId"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Error     *struct{ Message string }
}

// Start runs a Chromium, whose path that is, until the end of the test.
func Start(t testing.TB, path string) *Browser {
	t.Helper()
	in, to, err := os.Pipe()
	must(t, err)
	from, out, err := os.Pipe()
	must(t, err)
	// Tests run as root in containers, where Chromium's sandbox does not start; the only
	// pages that it sees are ours.
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-lcd-text",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{in, out}
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.WaitDelay = patience // for its children, who have that too
	must(t, child.Start(cmd))
	in.Close()
	out.Close()
	b := &Browser{t: t, to: to, waiting: map[int]chan message{}, gone: make(chan struct{})}
	go b.listen(from)
	t.Cleanup(func() {
		b.mu.Lock()
		_, _ = io.WriteString(to, `{"id":0,"method":"Browser.close"}`+"\x00")
		b.mu.Unlock()
		ended := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		ended.Stop()
		to.Close()
		<-b.gone
		from.Close()
		if t.Failed() {
			t.Logf("chromium: %.2000s", said.String())
		}
	})
	type target struct{ TargetID, Type string }
	var targets struct{ TargetInfos []target }
	tab := -1
	b.Until("chromium opens no tab", func() bool {
		b.call("", "Target.getTargets", nil, &targets)
		tab = slices.IndexFunc(targets.TargetInfos, func(i target) bool { return i.Type == "page" })
		return tab >= 0
	})
	var attached struct{ SessionID string }
	b.call("", "Target.attachToTarget", map[string]any{"targetId": targets.TargetInfos[tab].TargetID, "flatten": true}, &attached)
	b.page = attached.SessionID
	for _, of := range []string{"Page", "Runtime", "Log", "Network"} {
		b.Do(of+".enable", nil, nil)
	}
	return b
}

// Do calls a method of the tab and waits for its result, which into may be nil for.
func (b *Browser) Do(method string, params map[string]any, into any) {
	b.t.Helper()
	b.call(b.page, method, params, into)
}

func (b *Browser) call(session, method string, params map[string]any, into any) {
	b.t.Helper()
	b.mu.Lock()
	b.last++
	answer := make(chan message, 1)
	b.waiting[b.last] = answer
	request := map[string]any{"id": b.last, "method": method}
	if params != nil {
		request["params"] = params
	}
	if session != "" {
		request["sessionId"] = session
	}
	text, err := json.Marshal(request)
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	b.mu.Unlock()
	must(b.t, err)
	select {
	case m := <-answer:
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if into != nil {
			must(b.t, json.Unmarshal(m.Result, into))
		}
	case <-b.gone:
		b.t.Fatalf("chromium ended at %s", method)
	case <-time.After(patience):
		b.t.Fatalf("chromium does not answer %s", method)
	}
}

// listen hands out answers, and notes what happens in the page.
func (b *Browser) listen(from io.Reader) {
	defer close(b.gone)
	for r := bufio.NewReader(from); ; {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if answer := b.waiting[m.ID]; answer != nil {
			delete(b.waiting, m.ID)
			answer <- m
		} else {
			b.note(m)
		}
		b.mu.Unlock()
	}
}

// note is told of events. b.mu is held.
func (b *Browser) note(m message) {
	switch m.Method {
	case "Page.loadEventFired":
		b.loads++
	case "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown":
		b.errors = append(b.errors, m.Method+": "+string(m.Params))
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL string } }
		if json.Unmarshal(m.Params, &p) == nil && !strings.HasPrefix(p.Request.URL, "about:") {
			b.requests = append(b.requests, p.Request.URL)
		}
	}
}

// Open goes to a page and waits until it has loaded.
func (b *Browser) Open(url string) {
	b.t.Helper()
	b.mu.Lock()
	before := b.loads
	b.mu.Unlock()
	var answer struct{ ErrorText string }
	b.Do("Page.navigate", map[string]any{"url": url}, &answer)
	if answer.ErrorText != "" {
		b.t.Fatalf("%s: %s", url, answer.ErrorText)
	}
	b.Until(url+" does not load", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.loads > before
	})
}

// Until waits for something, or fails the test with that complaint.
func (b *Browser) Until(complaint string, is func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatal(complaint)
		}
	}
}

// Value evaluates an expression in the page, also where scripts of the page are off.
func Value[V any](b *Browser, expression string) (v V) {
	b.t.Helper()
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct{ Text string }
	}
	b.Do("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &answer)
	if answer.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, answer.ExceptionDetails.Text)
	}
	if len(answer.Result.Value) > 0 { // undefined has none
		must(b.t, json.Unmarshal(answer.Result.Value, &v))
	}
	return v
}

// Look sets how the page is shown: its size in CSS pixels, a phone's or a desk's
// display, and the scheme that its reader prefers, "light" or "dark".
func (b *Browser) Look(width, height int, phone bool, scheme string) {
	b.t.Helper()
	b.Do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}, nil)
	b.Do("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Scripts turns scripts of pages on or off, from the next page on.
func (b *Browser) Scripts(on bool) {
	b.t.Helper()
	b.Do("Emulation.setScriptExecutionDisabled", map[string]any{"value": !on}, nil)
}

// Picture takes a PNG of the page, of its height but no more than most pixels high.
func (b *Browser) Picture(width, most int) []byte {
	b.t.Helper()
	high := min(Value[int](b, "document.documentElement.scrollHeight"), most)
	var answer struct{ Data string }
	b.Do("Page.captureScreenshot", map[string]any{
		"format": "png", "captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": width, "height": high, "scale": 1},
	}, &answer)
	loose, err := base64.StdEncoding.DecodeString(answer.Data)
	must(b.t, err)
	tight, err := shrink(loose)
	must(b.t, err)
	return tight
}

// Complaints are what the console has shown so far: errors of scripts, violations of the
// page's policy, files that are not there.
func (b *Browser) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.errors...)
}

// Requests are the URLs that were asked for so far.
func (b *Browser) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.requests...)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(fmt.Errorf("browser: %w", err))
	}
}
