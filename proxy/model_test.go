package proxy

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/redcon"

	"redisgate/resp"
)

// model is what a client may expect: its requests that have no reply yet, and what
// a reply to each must look like. An error is a possible reply to any.
type model struct {
	w      *world
	p      *peer
	name   string
	habits []string
	asked  []expectation
	sent   int  // bytes of all requests so far
	loose  bool // it has sent what cannot be told: replies are not looked at any more
	quits  bool

	framer resp.Framer
	frame  []byte

	// What it is, as its replies say.
	user  string
	proto int
	db    int
	multi bool
	spoil bool // EXEC must be refused
	queue []expectation
	watch *fakeLink                  // where the first key is watched
	may   bool                       // keys may be watched: Redis has refused to
	subs  map[string]map[string]bool // by kind and channel

	serials int
	reached map[string]*arrival // requests that have arrived at Redis, by id
	refused map[string]bool     // requests that must not
	last    int                 // serial of the last that has arrived
	pushed  int                 // number of the last message
	over_   bool
}

// expectation is a request and its reply.
type expectation struct {
	what   string
	id     string // key that no other request has, or empty
	verb   string // of a request that changes what the client is
	want   []byte // the reply that is no error, or nil for none but those that verb has
	n      int    // replies; negative: as many as there are subscriptions
	number int    // database or protocol
	user   string
	queues bool // inside MULTI
	start  int  // model.sent before it
	end    int  // and after it
}

func newModel(w *world, name string, habits []string) *model {
	m := &model{w: w, p: w.connect(), name: name, habits: habits, reached: map[string]*arrival{}, refused: map[string]bool{}}
	m.fresh()
	return m
}

// fresh is the state of a new connection.
func (m *model) fresh() {
	m.user, m.proto, m.db = "default", 2, 0
	m.multi, m.watch, m.may, m.queue = false, nil, false, nil
	m.subs = map[string]map[string]bool{"": {}, "p": {}, "s": {}}
}

// logf is for go test -v.
func (m *model) logf(format string, args ...any) {
	if testing.Verbose() {
		m.w.t.Logf(format, args...)
	}
}

// serial is a word that no other request has.
func (m *model) serial() string {
	m.serials++
	return fmt.Sprintf("%s.%d.", m.name, m.serials)
}

func (m *model) send(e expectation, args ...string) { m.sendRaw(e, string(request(args...))) }

func (m *model) sendRaw(e expectation, raw string) {
	if e.n == 0 {
		e.n = 1
	}
	e.start = m.sent
	m.sent += len(raw)
	m.quits = e.verb == "quit"
	e.what, e.end = fmt.Sprintf("%.60q", raw), m.sent
	m.logf("%s asks %s", m.name, e.what)
	m.asked = append(m.asked, e)
	m.p.unsent = append(m.p.unsent, raw...)
}

// sendEmpty sends what asks for nothing.
func (m *model) sendEmpty(raw string) {
	m.sent += len(raw)
	m.p.unsent = append(m.p.unsent, raw...)
}

// plain sends a request to which fakeRedis answers which it was.
func (m *model) plain(args ...string) {
	var b [][]byte
	for _, a := range args {
		b = append(b, []byte(a))
	}
	m.send(expectation{id: strings.TrimPrefix(args[1], "x"), want: redcon.AppendBulk(nil, fakeAnswer(b)), queues: true}, args...)
}

func (m *model) auth(user, password string) {
	m.send(expectation{want: replyOK, verb: "auth", user: user, queues: true}, "AUTH", user, password)
}

// read takes what the client has got.
func (m *model) read() {
	for p := m.p.got; len(p) > 0 && !m.loose; {
		n, end, err := m.framer.Next(p)
		if err != nil {
			m.w.t.Fatalf("client %s got what is no reply: %.100q: %v", m.name, append(m.frame, p...), err)
		}
		m.frame = append(m.frame, p[:n]...)
		p = p[n:]
		if end {
			what := "nothing"
			if len(m.asked) > 0 {
				what = m.asked[0].what
			}
			m.logf("%s gets %.100q for %s", m.name, m.frame, what)
			if !m.push(m.frame) {
				m.reply(m.frame)
			}
			m.frame = m.frame[:0]
		}
	}
	m.p.got = nil
}

// push takes a message that nobody asked for.
func (m *model) push(p []byte) bool {
	line := strings.Split(string(p[:min(len(p), 200)]), "\r\n")
	if len(line) < 7 || line[2] != "message" {
		return false
	}
	if want := m.aggregate(3); line[0] != want {
		m.w.t.Errorf("client %s of RESP%d got a message that begins with %q; want %q", m.name, m.proto, line[0], want)
	}
	if !m.subs[""][line[4]] {
		m.w.t.Errorf("client %s got a message of channel %q, to which it is not subscribed", m.name, line[4])
	}
	n, _ := strconv.Atoi(strings.TrimSpace(line[6]))
	if n <= m.pushed {
		m.w.t.Errorf("client %s got message %d after %d", m.name, n, m.pushed)
	}
	m.pushed = n
	return true
}

// aggregate begins a message, or a confirmation.
func (m *model) aggregate(n int) string {
	if m.proto == 3 {
		return fmt.Sprint(">", n)
	}
	return fmt.Sprint("*", n)
}

func (m *model) subscribed() int { return len(m.subs[""]) + len(m.subs["p"]) + len(m.subs["s"]) }

func (m *model) reply(p []byte) {
	t := m.w.t
	if len(m.asked) == 0 {
		t.Fatalf("client %s got %.100q, and has asked for nothing", m.name, p)
	}
	e := &m.asked[0]
	over := true
	switch {
	case e.start >= m.p.received, p[0] != '-' && e.end > m.p.received:
		t.Fatalf("client %s got %.100q for %s, which it has not sent", m.name, p, e.what)
	case p[0] == '-':
		m.error(e, string(p))
	case m.proto == 2 && m.subscribed() > 0 && !m.whileSubscribed(e):
		t.Fatalf("client %s is subscribed and got %.100q for %s", m.name, p, e.what)
	case m.multi && e.queues:
		if string(p) != "+QUEUED\r\n" {
			t.Fatalf("client %s got %.100q for %s inside MULTI", m.name, p, e.what)
		}
		m.queue = append(m.queue, *e)
	case strings.HasSuffix(e.verb, "subscribe"):
		over = m.confirmed(e, p)
	case e.verb == "exec" && m.multi && !m.spoil:
		m.executed(e, p)
	default:
		if want := m.want(e); !m.matches(e, p, want) {
			t.Fatalf("client %s got %.200q for %s; want %.200q", m.name, p, e.what, want)
		}
		m.arrived(e)
		m.become(e)
	}
	if over {
		m.asked = m.asked[1:]
	}
}

// whileSubscribed says that RESP2 permits a subscriber to ask e.
func (m *model) whileSubscribed(e *expectation) bool {
	switch e.verb {
	case "ping", "quit", "reset":
		return true
	}
	// Whether a command that redisgate does not know may be sent, Redis says.
	return strings.HasSuffix(e.verb, "subscribe") || strings.Contains(e.what, "NOSUCH")
}

// want is what e must be answered if not with an error.
func (m *model) want(e *expectation) []byte {
	switch e.verb {
	case "ping":
		if m.proto == 2 && m.subscribed() > 0 {
			return []byte("*2\r\n$4\r\npong\r\n$0\r\n\r\n")
		}
		return []byte("+PONG\r\n")
	case "whoami":
		return bulkOf(m.user)
	case "select":
		if m.multi && e.number >= fakeDatabases {
			return []byte("-ERR DB index is out of range\r\n")
		}
	case "hello":
		return []byte([]string{"*14\r\n", "%7\r\n"}[e.number-2] + "$6\r\nserver\r\n")
	case "exec":
		return nil // there is no transaction
	}
	return e.want
}

// matches says that p may be the reply to e, of which want is known.
func (m *model) matches(e *expectation, p, want []byte) bool {
	switch e.verb {
	case "hello":
		return bytes.HasPrefix(p, want)
	case "list":
		return bytes.Contains(p, []byte("id=")) && p[0] == []byte("$=")[m.proto-2]
	}
	return bytes.Equal(p, want)
}

// become takes note of what e, which has succeeded, has changed.
func (m *model) become(e *expectation) {
	switch e.verb {
	case "multi":
		m.multi, m.spoil, m.queue = true, false, nil
	case "discard":
		m.ended()
	case "watch":
		if m.watch == nil {
			m.watch = m.reached[e.id].link
		}
	case "unwatch":
		m.watch, m.may = nil, false
	case "auth", "hello":
		if e.user != "" {
			m.user = e.user
			if m.user == "five" {
				m.db = 5
			}
		}
		if e.verb == "hello" {
			m.proto = e.number
		}
	case "select":
		m.db = e.number
	case "reset":
		m.fresh()
	}
}

// error takes the error p for e.
func (m *model) error(e *expectation, p string) {
	lost := strings.HasPrefix(p, "-"+textLost)
	if !lost && !strings.HasPrefix(p, "-OOM") && !strings.HasPrefix(p, "-ERR Protocol error") {
		m.mustNotArrive(e, p)
		if e.verb == "exec" {
			for i := range m.queue {
				m.mustNotArrive(&m.queue[i], p)
			}
		}
	}
	m.spoil = m.spoil || m.multi && e.queues
	m.may = m.may || e.verb == "watch" && strings.HasPrefix(p, "-OOM")
	if e.verb == "exec" && (m.multi || strings.HasPrefix(p, "-EXECABORT")) {
		m.aborted()
	} else {
		m.arrived(e)
	}
}

func (m *model) mustNotArrive(e *expectation, text string) {
	if e.id == "" {
		return
	}
	m.refused[e.id] = true
	if a := m.reached[e.id]; a != nil && !a.link.unreached && !strings.HasPrefix(text, "-EXECABORT") {
		m.w.t.Errorf("client %s got %.100q for %s, which has arrived at %s", m.name, text, e.what, a.link.name)
	}
}

// confirmed takes one of a subscription's replies, and says whether it is the last.
func (m *model) confirmed(e *expectation, p []byte) bool {
	kind := strings.TrimSuffix(strings.TrimSuffix(e.verb, "subscribe"), "un")
	if e.n < 0 {
		e.n = max(1, len(m.subs[kind]))
	}
	line := strings.Split(string(p), "\r\n")
	if len(line) > 4 {
		if strings.HasSuffix(e.verb, "unsubscribe") {
			delete(m.subs[kind], line[4])
		} else {
			m.subs[kind][line[4]] = true
		}
	}
	n := fmt.Sprint(":", m.subscribed())
	if line[0] != m.aggregate(3) || line[2] != e.verb || line[len(line)-2] != n {
		m.w.t.Fatalf("client %s got %.100q for %s; want %s, %s", m.name, p, e.what, m.aggregate(3), n)
	}
	e.n--
	return e.n == 0
}

// over checks what a client that is gone has got.
func (m *model) over() {
	s := &m.p.s
	if m.over_ || m.loose || m.p.blind {
		return
	}
	m.over_ = true
	m.logf("%s has ended: %s", m.name, s.reason)
	switch {
	case !m.p.finished:
	case s.reason == "client", s.reason == "drain", s.reason == "quit":
		if len(m.asked) > 0 && m.asked[0].end <= m.p.received {
			m.w.t.Errorf("client %s has ended (%s) without a reply to %s", m.name, s.reason, m.asked[0].what)
		}
	}
	if s.reason == "quit" && !m.quits {
		m.w.t.Errorf("client %s has ended (quit), which it has not asked for", m.name)
	}
}
