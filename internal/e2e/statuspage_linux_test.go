package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"redisgate/auth"
	"redisgate/internal/browser"
	"redisgate/internal/process"
	"redisgate/internal/redistest"
	"redisgate/resp"
	"redisgate/tlsconf"
)

// picturesEnv names a directory for the pictures of the documentation, which are taken
// after some minutes of load. `make screenshots` sets it.
const picturesEnv = "REDISGATE_SCREENSHOTS"

// scripting is a user's name that would be a script in a page which does not escape it.
const scripting = `"><img/src=x/onerror=alert(1)><script>alert(2)</script>`

// watched starts a redisgate whose users have that name, besides app, and says where its
// page is.
func watched(t *testing.T, redis string, names ...string) (g gate, page string) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "gate-") // its files' names are in pictures
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	more := ""
	for _, name := range names {
		more += fmt.Sprintf("\n[[user]]\nname = '%s'\nmax_connections = 20\nacl = 'on %s ~data:* -@all +@read +@write +@connection'\n",
			name, auth.Rule(auth.Hash([]byte(process.Password))))
	}
	p, err := process.Start(process.Options{
		Binary: path, Dir: dir, Redis: redis, Rules: "~data:* &* -@all +@read +@write +@pubsub +@connection", Extra: more,
		Certificate: lasting(t, dir),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return gate{p}, strings.TrimSuffix(p.Metrics, "metrics")
}

// lasting makes a certificate that does not end soon, which needs no look.
func lasting(t *testing.T, dir string) *process.Certificate {
	t.Helper()
	c, err := process.NewCertificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	const lifetime = 90 * 24 * time.Hour
	if c.CA, err = tlsconf.NewAuthority("test CA", time.Now(), lifetime); err != nil {
		t.Fatal(err)
	}
	server, err := c.CA.Server(nil, time.Now(), lifetime)
	if err != nil {
		t.Fatal(err)
	}
	key, err := server.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{c.CAFile: c.CA.CertPEM(), c.CertFile: server.CertPEM(), c.KeyFile: key} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// enter logs a user in and keeps the connection.
func enter(t *testing.T, g gate, user string) net.Conn {
	t.Helper()
	nc := g.dial(t)
	tell(t, nc, "+OK\r\n", "AUTH", user, process.Password)
	return nc
}

func tell(t *testing.T, nc net.Conn, want string, command ...string) {
	t.Helper()
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	got := make([]byte, len(want))
	if _, err := nc.Write(resp.AppendCommand(nil, command...)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
		t.Fatalf("%q = %q, %v; want %q", command, got, err, want)
	}
}

const noKey = "-NOPERM No permissions to access a key\r\n"

// keepAsking has a client ask as often as it may until the test ends.
func keepAsking(t *testing.T, g gate, user string, pause time.Duration) {
	nc := enter(t, g, user)
	var over atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		reply := make([]byte, 64)
		for i := 0; !over.Load(); i++ {
			command := []string{"SET", fmt.Sprintf("data:%d", i%100), "some value"}
			if i%50 == 49 {
				command = []string{"GET", "other"}
			}
			nc.SetDeadline(time.Now().Add(20 * time.Second))
			if _, err := nc.Write(resp.AppendCommand(nil, command...)); err != nil {
				return
			}
			if _, err := nc.Read(reply); err != nil {
				return
			}
			time.Sleep(pause)
		}
	}()
	t.Cleanup(func() { over.Store(true); nc.Close(); <-done })
}

// badContrast lists text that WCAG's level AA finds hard to read: less than 4.5 to 1
// against what is behind it.
const badContrast = `(() => {
  const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m };
  const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const out = [];
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('svg') || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    let behind = e, ground;
    for (; behind; behind = behind.parentElement) { ground = parse(getComputedStyle(behind).backgroundColor); if (ground[3] === 1) break }
    const a = light(parse(getComputedStyle(e).color)), b = light(ground);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (!(ratio >= 4.5)) out.push(e.textContent.trim().slice(0, 40) + ': ' + ratio.toFixed(2));
  }
  return out;
})()`

// cell is the last column of the row that begins with name, in the section of that id.
func cell(section, name string) string {
	return fmt.Sprintf(`(() => { const r = [...document.querySelectorAll('section[aria-labelledby=%s] tbody tr')].find((r) => r.cells[0].textContent.trim() === %q);
		return r ? r.cells[r.cells.length - 1].firstChild.textContent.trim() : '' })()`, section, name)
}

// TestStatusPage shows the page of a real redisgate under real load to a real browser.
func TestStatusPage(t *testing.T) {
	chromium := redistest.RequireTool(t, "chromium")
	rs := redistest.Start(t, redistest.Options{})
	g, page := watched(t, rs.Socket(), scripting)
	keepAsking(t, g, "app", time.Millisecond)
	enter(t, g, "app")
	tell(t, enter(t, g, scripting), noKey, "GET", "other")
	const typed = "typed-by-a-stranger"
	tell(t, g.dial(t), "-WRONGPASS invalid username-password pair or user is disabled.\r\n", "AUTH", typed, typed)

	b := browser.Start(t, chromium)
	text := func(selector string) string {
		t.Helper()
		return browser.Value[string](b, fmt.Sprintf("document.querySelector(%q)?.textContent.trim() ?? 'no %s'", selector, selector))
	}
	b.Look(1180, 1000, false, "light")
	b.Open(page)
	if got := text(".state .word"); got != "Serving" {
		t.Errorf("the state is %q; want Serving", got)
	}
	if got := browser.Value[string](b, cell("users", "app")); got != "2" {
		t.Errorf("app has %q connections; want 2", got)
	}
	if got := browser.Value[string](b, cell("denied", scripting)); got != "1" {
		t.Errorf("%s has %q denials; want 1", scripting, got)
	}
	if html := browser.Value[string](b, "document.documentElement.outerHTML"); strings.Contains(html, typed) || strings.Contains(html, process.Password) {
		t.Error("the page has what a client has sent, or a password")
	}
	if got := browser.Value[string](b, cell("doors", "Wrong user or password")); got != "1" {
		t.Errorf("%q log-ins have failed; want 1", got)
	}
	if n := browser.Value[int](b, "document.querySelectorAll('img, main script').length"); n != 0 {
		t.Errorf("a user's name has become %d elements", n)
	}
	for _, section := range []string{"doors", "redis", "files", "about"} {
		if got := text("section[aria-labelledby=" + section + "] h2"); got == "" || strings.HasPrefix(got, "no ") {
			t.Errorf("the section %s has the heading %q", section, got)
		}
	}
	if got := browser.Value[string](b, cell("redis", "Health")); got != "answers" {
		t.Errorf("Redis %q; want answers", got)
	}

	ground := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int{1180, 700, 360} {
			b.Look(width, 800, width == 360, scheme)
			if got := browser.Value[int](b, "document.documentElement.scrollWidth"); got > width {
				t.Errorf("%d pixels wide, the page needs %d", width, got)
			}
		}
		if bad := browser.Value[[]string](b, badContrast); len(bad) > 0 {
			t.Errorf("hard to read in %s:\n%s", scheme, strings.Join(bad, "\n"))
		}
		ground[scheme] = browser.Value[string](b, "getComputedStyle(document.body).backgroundColor")
	}
	if ground["light"] == ground["dark"] {
		t.Errorf("light and dark have the same ground %s", ground["light"])
	}

	// It keeps up without being loaded again, and stands still when it is told to.
	browser.Value[int](b, "window.marked = 1")
	enter(t, g, "app")
	b.Until("a third connection of app does not appear", func() bool { return browser.Value[string](b, cell("users", "app")) == "3" })
	b.Until("commands have no rate", func() bool {
		return !strings.Contains("–0", browser.Value[string](b, "document.querySelectorAll('.tiles .value')[1].firstChild.textContent"))
	})
	if browser.Value[int](b, "window.marked ?? 0") != 1 {
		t.Error("the page was loaded again to keep up")
	}
	browser.Value[any](b, "document.getElementById('pause').click()")
	if got := text("#pause"); got != "Resume" {
		t.Errorf("the button is %q after Pause; want Resume", got)
	}
	if got := b.Complaints(); len(got) > 0 {
		t.Errorf("the console has errors:\n%s", strings.Join(got, "\n"))
	}
	for _, url := range b.Requests() {
		if !strings.HasPrefix(url, page) {
			t.Errorf("the page asked for %s, which is elsewhere", url)
		}
	}

	// Its policy holds: what would have got in does not run.
	browser.Value[any](b, "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\"><p style=\"color: red\">')")
	b.Until("the policy lets an inline style and another image in", func() bool { return len(b.Complaints()) >= 2 })
	if browser.Value[int](b, "window.ran ?? 0") != 0 {
		t.Error("an inline script has run")
	}

	// Without scripts it is the same page.
	headings := "[...document.querySelectorAll('h1, h2, caption, thead, dt')].map((h) => h.textContent)"
	with := browser.Value[[]string](b, headings)
	b.Scripts(false)
	b.Open(page)
	if without := browser.Value[[]string](b, headings); !slices.Equal(with, without) || len(without) < 20 {
		t.Errorf("without scripts the page has %q; want %q", without, with)
	}
	if got := text("#reload"); got != "Reload" {
		t.Errorf("without scripts the link is %q; want Reload", got)
	}
	if got := browser.Value[string](b, cell("users", "app")); got != "3" {
		t.Errorf("without scripts app has %q connections; want 3", got)
	}

	b.Scripts(true)
	b.Open(page)
	rs.Kill9()
	b.Until("the page does not tell that Redis is gone", func() bool {
		return text(".state .word") == "Redis is away" && strings.Contains(text(".notices"), "RedisgateRedisDown")
	})
	b.Do("Network.emulateNetworkConditions", map[string]any{"offline": true, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}, nil)
	b.Until("the page does not tell that it is old", func() bool { return strings.Contains(text("#news"), "does not answer") })
}

// TestStatusPagePictures takes the pictures of the documentation, and looks whether they
// are small enough for it.
func TestStatusPagePictures(t *testing.T) {
	const largest = 100_000
	chromium := redistest.RequireTool(t, "chromium")
	rs := redistest.Start(t, redistest.Options{})
	g, page := watched(t, rs.Socket(), "orders", "reports", "sessions")
	dir, rounds := t.TempDir(), 1
	if kept := os.Getenv(picturesEnv); kept != "" {
		dir, rounds = kept, 26
	}
	for range 3 {
		keepAsking(t, g, "orders", 4*time.Millisecond)
		keepAsking(t, g, "sessions", 2*time.Millisecond)
	}
	enter(t, g, "app")
	for i := range rounds {
		if i%8 == 0 {
			keepAsking(t, g, "reports", time.Duration(20-i/2)*time.Millisecond)
		}
		busy(t, g)
		if rounds > 1 {
			time.Sleep(10 * time.Second)
		}
	}
	b := browser.Start(t, chromium)
	for _, p := range []struct {
		name, scheme string
		width, most  int
	}{
		{"status-light.png", "light", 1080, 1900},
		{"status-dark.png", "dark", 1080, 1900},
		{"status-phone.png", "light", 360, 1200},
	} {
		b.Look(p.width, 800, p.width < 500, p.scheme)
		b.Open(page)
		png := b.Picture(p.width, p.most)
		if len(png) > largest {
			t.Errorf("%s has %d bytes; want at most %d", p.name, len(png), largest)
		}
		if err := os.WriteFile(filepath.Join(dir, p.name), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
