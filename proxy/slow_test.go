package proxy

import (
	"testing"
	"time"
)

// read has a blind client take n bytes.
func (p *peer) read(n int) {
	p.take(n)
	p.w.settle()
}

func (p *peer) take(n int) {
	p.got = append(p.got, p.s.pending(n)...)
	p.s.drained(min(n, p.s.waiting()))
	if p.s.waiting() == 0 {
		p.s.unstuck()
	}
}

// ask has a client send a request, and its session see it.
func (p *peer) ask(args ...string) {
	p.unsent = append(p.unsent, request(args...)...)
	p.w.settle()
}

// loggedIn is a client of app, which has read its +OK.
func (w *world) loggedIn() *peer {
	p := w.connect()
	p.ask("AUTH", "app", "secret")
	p.got = nil
	return p
}

func (w *world) sharedLink(t *testing.T, n int) *fakeLink {
	t.Helper()
	if len(w.shared) < n {
		t.Fatalf("there are %d shared pipelines; want %d", len(w.shared), n)
	}
	return w.shared[n-1]
}

// answer has Redis say next on l.
func (l *fakeLink) answer(p []byte) {
	l.redis.asked = l.redis.asked[1:]
	l.inbox = append(l.inbox, frames{p: p})
	l.w.settle()
}

// A client that takes a large reply at less than 1 MB in 200 ms is cut when others
// wait behind it, also if it takes a little now and then.
func TestSlowReaderOfALargeReplyIsCut(t *testing.T) {
	for _, tt := range []struct {
		taken int // in 150 ms
		cut   bool
	}{{0, true}, {20 << 10, true}, {300 << 10, true}, {600 << 10, true}, {1200 << 10, false}} {
		w := newWorld(t)
		w.cut = pieces
		slow, behind := w.loggedIn(), w.loggedIn()
		slow.blind = true
		slow.ask("GET", "big")
		behind.ask("GET", "small")
		l := w.sharedLink(t, 1)
		l.answer(reply("=@20000000"))
		for range 10 {
			w.pass(150 * time.Millisecond)
			// Redis is faster than the client at any time.
			for left := tt.taken; left > 0; left -= 50 << 10 {
				slow.read(min(left, 50<<10))
			}
		}
		if slow.closed != tt.cut || slow.heldUp != tt.cut {
			t.Errorf("a client that takes %d bytes in 150 ms: cut = %v, held up others = %v; want %v",
				tt.taken, slow.closed, slow.heldUp, tt.cut)
		}
		if tt.cut {
			l.answer(reply("=small"))
			if got := string(behind.got); got != "$5\r\nsmall\r\n" {
				t.Errorf("the client behind got %q; want its reply", got)
			}
		}
		w.end()
	}
}

// A client that takes all there is, is not slow, however slowly it comes.
func TestSlowRedisIsNotTheClientsFault(t *testing.T) {
	w := newWorld(t)
	w.cut = pieces
	reader, behind := w.loggedIn(), w.loggedIn()
	reader.ask("GET", "big")
	behind.ask("GET", "small")
	l := w.sharedLink(t, 1)
	reader.blind = true
	l.redis.asked = l.redis.asked[1:]
	l.inbox = append(l.inbox, frames{p: reply("=@5000000")[:400<<10]})
	w.settle()
	reader.blind = false
	w.settle()
	w.pass(10 * time.Second)
	if reader.closed {
		t.Errorf("a client that waits for Redis was cut, for %q", reader.s.reason)
	}
	w.end()
}

// Who was given a large reply on a shared pipeline gets the next one elsewhere,
// though it takes it at once.
func TestLargeRepliesAreApart(t *testing.T) {
	w := newWorld(t)
	w.cut = pieces
	p := w.loggedIn()
	p.ask("GET", "big")
	w.sharedLink(t, 1).answer(reply("=@1500000"))
	p.ask("GET", "big")
	if len(w.shared) != 1 || len(w.own) != 1 {
		t.Errorf("after a large reply there are %d shared and %d dedicated connections; want 1 and 1", len(w.shared), len(w.own))
	}
	w.end()
}

// A client that was stopped on one connection is stopped on the next one too.
func TestOutputIsBoundedAfterAMove(t *testing.T) {
	w := newWorld(t)
	w.cut = pieces
	p := w.loggedIn()
	p.blind = true
	p.ask("GET", "a")
	p.ask("GET", "b")
	l := w.sharedLink(t, 1)
	l.answer(reply("=@600000"))
	l.answer(reply("=@450000")) // goes over the limit with its last piece
	for p.s.waiting() >= outputHigh-(50<<10) {
		p.read(50 << 10)
	}
	p.unsent = nil
	for range 20 {
		p.ask("GET", "c")
	}
	next := w.own
	if len(next) == 0 || l.pauses != 1 || !l.closed {
		t.Fatal("a client that was stopped works on the shared pipeline; want a connection of its own")
	}
	for range 20 {
		if len(next[0].redis.asked) > 0 {
			next[0].answer(reply("=@600000"))
		}
	}
	if n := p.s.waiting(); n > 2*outputHigh {
		t.Errorf("%d bytes wait for a client that does not read; want at most %d", n, 2*outputHigh)
	}
	w.end()
}

// pieces are those in which an event loop reads.
func pieces(n int) int { return min(n, 64<<10) }

// A session that ends and whose last words are not taken does not wait for ever.
func TestLastWordsHaveADeadline(t *testing.T) {
	w := newWorld(t)
	p := w.loggedIn()
	p.blind = true
	p.ask("GET", "a")
	w.sharedLink(t, 1).answer(reply("=@1000"))
	p.ask("QUIT")
	w.pass(59 * time.Second)
	if p.closed {
		t.Error("a session ended before output_timeout")
	}
	w.pass(2 * time.Second)
	if !p.closed {
		t.Error("a session waits after output_timeout for a client to take its last words")
	}
	w.end()
}

// A pipeline that takes no more is not given the first request of another session.
func TestFullPipelineMakesAllWait(t *testing.T) {
	w := newWorld(t)
	first, second, third := w.loggedIn(), w.loggedIn(), w.loggedIn()
	first.ask("GET", "a")
	l := w.sharedLink(t, 1)
	l.sent, l.full = nil, true
	second.ask("GET", "b")
	third.ask("GET", "c")
	if len(l.sent) > 0 {
		t.Errorf("a full pipeline was sent %q", l.sent)
	}
	third.s.gone("client")
	if len(l.waiters) != 1 {
		t.Errorf("%d sessions wait for room; want 1", len(l.waiters))
	}
	l.room()
	w.settle()
	if want := string(request("GET", "b")); string(l.sent) != want {
		t.Errorf("a pipeline with room again was sent %q; want %q", l.sent, want)
	}
	w.end()
}

// Own replies that wait for one of Redis are bounded like any output.
func TestOwnRepliesThatWaitAreBounded(t *testing.T) {
	w := newWorld(t)
	p := w.loggedIn()
	p.ask("GET", "a")
	names := []string{"UNSUBSCRIBE"}
	for range 900 {
		names = append(names, "")
	}
	for range 100 {
		p.unsent = append(p.unsent, request(names...)...)
	}
	w.settle()
	n := 0
	for _, d := range p.s.deferred {
		n += len(d.text)
	}
	if n > outputHigh+(64<<10) {
		t.Errorf("own replies of %d bytes wait for one of Redis; want at most about %d", n, outputHigh)
	}
	w.sharedLink(t, 1).answer(reply("=a"))
	if len(p.unsent) > 0 || p.s.backlog() > 0 || len(p.got) < 100*900*30 {
		t.Errorf("the client has %d bytes to send and %d that wait, and got %d; want all answered", len(p.unsent), p.s.backlog(), len(p.got))
	}
	w.end()
}
