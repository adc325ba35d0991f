package upstream

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestGreeting: AUTH comes before HELLO before SELECT, each after the answer to
// the one before, and a client's request after all of them.
func TestGreeting(t *testing.T) {
	for _, tt := range []struct {
		user, password string
		key            Key
		want           []string
	}{
		{"", "", Key{0, 2}, []string{"PING"}},
		{"", "pw", Key{0, 2}, []string{"AUTH pw"}},
		{"u", "pw", Key{0, 2}, []string{"AUTH u pw"}},
		{"u", "pw", Key{7, 3}, []string{"AUTH u pw", "HELLO 3", "SELECT 7"}},
		{"", "", Key{7, 2}, []string{"SELECT 7"}},
		{"", "", Key{0, 3}, []string{"HELLO 3"}},
	} {
		s := newScripted(t)
		l := newLoud(t, s, func(d *Dialer, _ *Limits) {
			d.Username = tt.user
			if tt.password != "" {
				d.Password = func() (string, error) { return tt.password, nil }
			}
		})
		var r taker
		l.on(func() {
			c, err := l.Shared(tt.key)
			if err != nil {
				t.Fatal(err)
			}
			c.Send(&r, request("GET", "a"), false)
		})
		redis := s.accept()
		for _, want := range tt.want {
			redis.want(strings.Fields(want)...)
			if len(redis.in) > 0 {
				t.Errorf("%v: Redis is asked %q before it has answered %s", tt, redis.in, want)
			}
			for _, b := range []byte("%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n") {
				redis.say(string(b))
			}
		}
		redis.want("GET", "a").say(":1\r\n")
		l.until("a reply", func() bool { return string(r.got) == ":1\r\n" })
	}
}

// TestGreetingRefused: what waits for the connection is told that it was not sent,
// and after a refused AUTH nobody dials for a while.
func TestGreetingRefused(t *testing.T) {
	for _, tt := range []struct {
		answers []string
		kind    string
		rest    bool // the pool rests
	}{
		{[]string{"-WRONGPASS no\r\n"}, "auth", true},
		{[]string{"-WRONG", "PASS no\r\n"}, "auth", true},
		{[]string{"+OK\r\n", "-NOPROTO no\r\n"}, "auth", true},
		{[]string{"+OK\r\n", "+OK\r\n", "-ERR DB index is out of range\r\n"}, "dial", false},
		{[]string{"+OK\r\n+OK\r\n+OK\r\n+more\r\n"}, "dial", true},
		{[]string{"?\r\n"}, "dial", true},
		{nil, "dial", true},
	} {
		s := newScripted(t)
		l := newLoud(t, s, func(d *Dialer, _ *Limits) { d.Password = func() (string, error) { return "pw", nil } })
		var r taker
		k := Key{99, 3}
		l.on(func() {
			c, err := l.Shared(k)
			if err != nil {
				t.Fatal(err)
			}
			c.Send(&r, request("GET", "a"), false)
		})
		redis := s.accept()
		for _, a := range tt.answers {
			redis.say(a)
		}
		if tt.answers == nil {
			redis.nc.Close()
		}
		l.until("a loss", func() bool { return slices.Equal(r.lost, []string{"1 sent=false"}) })
		var err error
		l.on(func() { _, err = l.Shared(k) })
		if got := errors.Is(err, ErrUnreachable); got != tt.rest || !slices.Equal(l.failed(), []string{tt.kind}) {
			t.Errorf("%q: after it Shared() = %v, failures %v; want unreachable: %v, %s", tt.answers, err, l.failed(), tt.rest, tt.kind)
		}
		if tt.answers == nil || len(tt.answers) > 1 {
			continue
		}
		redis.nc.Close()
	}
}

// TestPasswordIsAskedAtEachDial, since it may have changed.
func TestPasswordIsAskedAtEachDial(t *testing.T) {
	s := newScripted(t)
	n := 0
	l := newLoud(t, s, func(d *Dialer, _ *Limits) {
		d.Password = func() (string, error) {
			if n++; n == 3 {
				return "", errors.New("no such file")
			}
			return fmt.Sprint("pw", n), nil
		}
	})
	var r taker
	for _, want := range []string{"pw1", "pw2"} {
		c := l.take(resp2, &r)
		s.accept().want("AUTH", want).say("+OK\r\n")
		l.until("open", func() bool { return c.state == open })
	}
	c := l.take(resp2, &r)
	l.until("closed", func() bool { return c.state == closed })
	if got := l.failed(); !slices.Equal(got, []string{"dial"}) {
		t.Errorf("failures %v; want dial", got)
	}
}

// TestBackOff: while Redis is away dials become rare, and it is found when it is back.
func TestBackOff(t *testing.T) {
	s := newScripted(t)
	s.stop()
	l := newLoud(t, s, nil)
	var longest time.Duration
	for range 8 {
		var r taker
		l.until("a dial", func() bool {
			c, err := l.Shared(resp2)
			if err == nil {
				c.Send(&r, request("PING"), false)
			}
			return err == nil
		})
		l.until("its failure", func() bool { return slices.Equal(r.lost, []string{"1 sent=false"}) })
		l.on(func() { longest = max(longest, l.delay) })
	}
	if longest != longestWait {
		t.Errorf("after 8 failures dials rest for %v; want %v", longest, longestWait)
	}
	if _, shared := l.failed(), l.limits.shared.Load(); shared != 0 {
		t.Errorf("%d pipelines are counted; want 0", shared)
	}
	s.start()
	var c *Conn
	l.until("a dial", func() bool {
		var err error
		c, err = l.Shared(resp2)
		return err == nil
	})
	s.accept().want("PING").say("+PONG\r\n")
	l.until("open", func() bool { return c.state == open && l.delay == 0 && !l.down() })
}

// open connects a dedicated connection.
func (l *loud) open(s *scripted, k Key, r Receiver) (*Conn, *server) {
	l.t.Helper()
	c := l.take(k, r)
	redis := s.accept()
	if k.DB != 0 {
		redis.want("SELECT", fmt.Sprint(k.DB)).say("+OK\r\n")
	} else {
		redis.want("PING").say("+PONG\r\n")
	}
	l.until("open", func() bool { return c.state == open })
	return c, redis
}

// TestLostInFlight: what has left may have run, and what has not, has not.
func TestLostInFlight(t *testing.T) {
	s := newScripted(t)
	l := newLoud(t, s, nil)
	var a, b taker
	c, redis := l.open(s, resp2, &a)
	l.on(func() { c.Send(&a, request("GET", "1"), false) })
	redis.want("GET", "1")
	l.on(func() { c.Send(&b, request("GET", "2"), true); c.Close() })
	if !slices.Equal(a.lost, []string{"1 sent=true", "0 sent=true"}) || !slices.Equal(b.lost, []string{"1 sent=false"}) {
		t.Errorf("lost %v and %v; want the first sent, the second not", a.lost, b.lost)
	}
}

// TestReleased connections serve again only if nothing is owed on them.
func TestReleased(t *testing.T) {
	s := newScripted(t)
	l := newLoud(t, s, nil)
	var r, next taker
	c, redis := l.open(s, Key{3, 2}, &r)
	l.on(func() { l.Release(c, true) })
	if again := l.take(Key{3, 2}, &next); again != c {
		t.Error("an idle connection is not used again")
	}
	l.on(func() { c.Send(&next, request("GET", "a"), false) })
	redis.want("GET", "a").say("$1\r\n")
	l.until("a part", func() bool { return next.began == 1 })
	l.on(func() { l.Release(c, true) }) // in the middle of a reply
	redis.ended()
	if r.got != nil || !slices.Equal(next.lost, []string{"1 sent=true"}) {
		t.Errorf("the owner of before got %q, the one of now lost %v; want nothing, one reply", r.got, next.lost)
	}

	c, redis = l.open(s, Key{3, 2}, &r)
	l.on(func() { l.Release(c, true) })
	other, _ := l.open(s, resp2, &next) // in another database: a connection of its own
	if other == c {
		t.Error("a connection in another database is used")
	}
	l.on(func() { l.Release(other, false) })
	redis.nc.Close() // an idle one is closed by Redis
	l.until("forgotten", func() bool { return len(l.idle) == 0 })
	if got := l.failed(); got != nil {
		t.Errorf("failures %v; want none", got)
	}
	if n := l.limits.dedicated.Load(); n != 0 {
		t.Errorf("%d dedicated connections are counted; want 0", n)
	}
}

// TestIdleConnectionsAreBounded in number and in time.
func TestIdleConnectionsAreBounded(t *testing.T) {
	s := newScripted(t)
	l := newLoud(t, s, nil)
	var r taker
	var conns []*Conn
	for range warm + 4 {
		c, _ := l.open(s, resp2, &r)
		conns = append(conns, c)
	}
	l.on(func() {
		for _, c := range conns {
			l.Release(c, true)
		}
		if len(l.idle) != warm || l.limits.dedicated.Load() != warm {
			t.Errorf("%d idle, %d counted; want %d", len(l.idle), l.limits.dedicated.Load(), warm)
		}
		for _, c := range l.idle[:5] {
			c.idleSince -= int64(idleFor) + 1
		}
		l.tidyUp()
		if len(l.idle) != warm-5 {
			t.Errorf("%d idle after 5 have got old; want %d", len(l.idle), warm-5)
		}
		for _, c := range l.idle {
			c.idleSince -= int64(idleFor) + 1
		}
		l.tidyUp()
		if len(l.idle) != 1 || l.limits.dedicated.Load() != 1 {
			t.Errorf("%d idle after all have got old, %d counted; want 1", len(l.idle), l.limits.dedicated.Load())
		}
	})
}

// TestDedicatedAreCounted from the beginning of their dial to the end of it, if
// not longer: clients that come and go must not have dials without number.
func TestDedicatedAreCounted(t *testing.T) {
	s := newScripted(t)
	l := newLoud(t, s, func(_ *Dialer, m *Limits) { m.Set(100, 2) })
	var r taker
	first, second := l.take(resp2, &r), l.take(resp2, &r)
	busy := func() bool {
		_, err := l.Dedicated(resp2, &r)
		return errors.Is(err, ErrBusy)
	}
	l.on(func() {
		first.Send(&r, request("GET", "a"), false)
		if !busy() {
			t.Error("a third connection is given; want busy")
		}
		l.Release(first, false)
		if first.state != closed || !slices.Equal(r.lost, []string{"1 sent=false"}) {
			t.Errorf("a connection that is given back while it connects: state %v, lost %v; want closed, one", first.state, r.lost)
		}
		if !busy() || l.limits.dedicated.Load() != 2 {
			t.Errorf("while its dial goes on another is given, %d are counted; want busy, 2", l.limits.dedicated.Load())
		}
	})
	for range 2 {
		s.accept().want("PING").say("+PONG\r\n")
	}
	l.until("the end of the dials", func() bool { return l.limits.dedicated.Load() == 1 && second.state == open })
	l.on(func() { l.Release(second, true) })
	third := l.take(Key{1, 2}, &r)
	if n := l.limits.dedicated.Load(); n != 2 {
		t.Errorf("%d are counted; want 2, one of them idle", n)
	}
	fourth := l.take(Key{2, 2}, &r) // the idle one makes room
	l.on(func() {
		if second.state != closed || !busy() {
			t.Errorf("the idle connection's state is %v; want closed, and no more are given", second.state)
		}
		l.Release(third, true)
		l.Release(fourth, true)
	})
	for range 2 {
		s.accept().nc.Close()
	}
	l.until("all forgotten", func() bool { return l.limits.dedicated.Load() == 0 })
	l.on(func() {
		if !l.down() {
			t.Error("dials that failed after their owner had left count for nothing")
		}
	})
}

// TestSharedAreCounted: one that is quiet makes room for one of another key.
func TestSharedAreCounted(t *testing.T) {
	s := newScripted(t)
	l := newLoud(t, s, func(_ *Dialer, m *Limits) { m.Set(1, 100) })
	var r taker
	var c *Conn
	l.on(func() { c, _ = l.Shared(resp2) })
	redis := s.accept().want("PING").say("+PONG\r\n")
	l.until("open", func() bool { return c.state == open })
	l.on(func() {
		if again, err := l.Shared(resp2); again != c || err != nil {
			t.Errorf("Shared() = %p, %v; want the same, %p", again, err, c)
		}
		c.Send(&r, request("GET", "a"), false)
		if _, err := l.Shared(Key{1, 2}); !errors.Is(err, ErrBusy) {
			t.Errorf("Shared() = %v; want busy: the only one is in use", err)
		}
	})
	redis.want("GET", "a").say(":1\r\n")
	l.until("a reply", func() bool { return r.ended == 1 })
	l.on(func() {
		if _, err := l.Shared(Key{1, 2}); err != nil || c.state != closed || l.limits.shared.Load() != 1 {
			t.Errorf("Shared() = %v, the other's state %v, %d counted; want nil, closed, 1", err, c.state, l.limits.shared.Load())
		}
	})
	s.accept().want("SELECT", "1").say("+OK\r\n")
}

// TestPausedConnectionIsNotRead until it is resumed.
func TestPausedConnectionIsNotRead(t *testing.T) {
	s := newScripted(t)
	l := newLoud(t, s, nil)
	var r taker
	c := l.take(resp2, &r)
	l.on(func() { c.Pause(); c.Pause(); c.Send(&r, request("GET", "a"), false) })
	redis := s.accept().want("PING").say("+PONG\r\n").want("GET", "a").say(":1\r\n")
	l.on(func() { c.Resume() })
	l.until("open", func() bool { return c.state == open })
	for range 20 {
		l.on(func() {})
	}
	l.on(func() {
		if r.got != nil {
			t.Errorf("a paused connection delivers %q", r.got)
		}
		c.Resume()
	})
	l.until("a reply", func() bool { return string(r.got) == ":1\r\n" })
	redis.nc.Close()
	l.until("the end", func() bool { return c.state == closed })
}

// What is gathered goes out when there is enough of it, and not at the end of the turn
// only.
func TestMuchIsHandedOverAtOnce(t *testing.T) {
	s := newScripted(t)
	l := newLoud(t, s, nil)
	c, redis := l.open(s, resp2, &taker{})
	go func() { _, _ = io.Copy(io.Discard, redis.nc) }()
	l.on(func() {
		for _, step := range []struct{ size, wait int }{{enough - 1, enough - 1}, {1, 0}, {3 * enough, 0}, {1, 1}} {
			if c.Append(make([]byte, step.size)); len(c.out) != step.wait {
				t.Errorf("%d bytes wait after %d more; want %d", len(c.out), step.size, step.wait)
			}
			if l.Held() != step.wait {
				t.Errorf("%d bytes are held after %d more; want %d", l.Held(), step.size, step.wait)
			}
		}
	})
}
