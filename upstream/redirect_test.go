package upstream

import (
	"context"
	"testing"
	"time"
)

// TestRedirect: what is owed comes from the old Redis, and everything else goes to the
// new one. Idle connections to the old one end, and so do others when they are released.
func TestRedirect(t *testing.T) {
	from, to := newScripted(t), newScripted(t)
	l := newLoud(t, from, nil)
	var owed, quiet, own, dialing, later taker
	send := func(k Key, r *taker) (c *Conn) {
		t.Helper()
		var err error
		if c, err = l.Shared(k); err != nil {
			t.Fatal(err)
		}
		c.Send(r, request("GET", "a"), false)
		return c
	}
	var first, second, third *Conn
	l.on(func() { first = send(resp2, &owed) })
	old := from.accept().want("PING").say("+PONG\r\n").want("GET", "a")
	l.on(func() { second = send(Key{1, 2}, &quiet) })
	from.accept().want("SELECT", "1").say("+OK\r\n").want("GET", "a").say(":1\r\n")
	l.until("a reply", func() bool { return string(quiet.got) == ":1\r\n" })
	idle, used := l.take(resp2, &own), l.take(resp2, &own)
	for range 2 {
		from.accept().want("PING").say("+PONG\r\n")
	}
	l.until("the dials", func() bool { return idle.state == open && used.state == open })
	l.on(func() { l.Release(idle, true) })
	l.on(func() { third = send(Key{2, 2}, &dialing) })
	slow := from.accept().want("SELECT", "2") // and no answer yet

	l.on(func() {
		l.Redirect(&Dialer{Network: "unix", Address: to.path, Timeout: patience})
		if first.Usable() || first.state != open || second.state != closed || third.Usable() || third.state != connecting || idle.state != closed || used.state != open || !used.Outdated() {
			t.Errorf("states after the change: owes %v, quiet %v, dialing %v, idle %v, used %v; want open, closed, connecting, closed, open",
				first.state, second.state, third.state, idle.state, used.state)
		}
		send(resp2, &later)
	})
	to.accept().want("PING").say("+PONG\r\n").want("GET", "a").say(":2\r\n")
	l.until("a reply of the new one", func() bool { return string(later.got) == ":2\r\n" })
	old.say(":1\r\n")
	slow.say("+OK\r\n").want("GET", "a").say(":3\r\n")
	l.until("the replies that were owed", func() bool { return string(owed.got) == ":1\r\n" && string(dialing.got) == ":3\r\n" })
	l.on(func() { l.Release(used, true) })
	l.until("the end of the old ones", func() bool { return first.state == closed && third.state == closed && used.state == closed })
	if shared, dedicated := l.limits.InUse(); shared != 1 || dedicated != 0 {
		t.Errorf("%d shared and %d dedicated connections are counted; want 1 and 0", shared, dedicated)
	}
	if f := l.failed(); len(f) != 0 || len(owed.lost)+len(dialing.lost)+len(quiet.lost) != 0 {
		t.Errorf("failures %v, lost %v %v %v; want none", f, owed.lost, dialing.lost, quiet.lost)
	}
}

// TestControlRedirect: a check that is out when Redis is reached in another way from
// now on is made again there, and nobody hears that Redis were down.
func TestControlRedirect(t *testing.T) {
	from, to := newScripted(t), newScripted(t)
	c := NewControl(&Dialer{Network: "unix", Address: from.path, Timeout: patience})
	defer c.Close()
	checked := make(chan error, 1)
	go func() { checked <- c.Check(context.Background()) }()
	from.accept().want("PING").say("+PONG\r\n").want("hello", "2") // and no answer yet
	c.Redirect(&Dialer{Network: "unix", Address: to.path, Timeout: patience})
	at := to.accept().want("PING").say("+PONG\r\n").want("hello", "2").say("-ERR unknown command\r\n")
	at.want("ping").say("+PONG\r\n").want("info").say("$21\r\nredis_version:9.9.9\r\n\r\n")
	select {
	case err := <-checked:
		if err != nil || !c.Up() || c.Server().Version != "9.9.9" {
			t.Errorf("Check() = %v, up %v, server %+v; want the new one's", err, c.Up(), c.Server())
		}
	case <-time.After(patience):
		t.Error("the check does not end")
	}
}

// TestControlRedirectMeanwhile: what the old one has told says nothing of the new one.
func TestControlRedirectMeanwhile(t *testing.T) {
	from := newScripted(t)
	c := NewControl(&Dialer{Network: "unix", Address: from.path, Timeout: patience})
	defer c.Close()
	checked := make(chan error, 1)
	go func() { checked <- c.Check(context.Background()) }()
	at := from.accept().want("PING").say("+PONG\r\n").want("hello", "2").say("-ERR unknown command\r\n")
	at.want("ping").say("+PONG\r\n").want("info") // and no answer yet
	old := c.way.Load()
	c.Redirect(&Dialer{Network: "unix", Address: from.path + "-nowhere", Timeout: patience})
	select {
	case err := <-checked:
		if err == nil || c.Up() {
			t.Errorf("Check() = %v, up %v; want that the new one is not there", err, c.Up())
		}
	case <-time.After(patience):
		t.Error("the check does not end")
	}
	c.learn(old, func() { t.Error("the old one is heard") })
}

// TestRedirectForgetsFailures: dials to the old Redis that end later neither have the new
// one be down nor up.
func TestRedirectForgetsFailures(t *testing.T) {
	from, to := newScripted(t), newScripted(t)
	l := newLoud(t, from, nil)
	var lost, kept, none taker
	left := l.take(resp2, &lost) // whose owner leaves
	early := from.accept().want("PING")
	stays := l.take(resp2, &kept)
	late := from.accept().want("PING")
	cut := l.take(resp2, &none)
	fails := from.accept().want("PING")
	l.on(func() {
		left.Close()
		l.Redirect(&Dialer{Network: "unix", Address: to.path, Timeout: patience})
	})
	early.nc.Close()
	fails.nc.Close()
	l.until("the ends of two dials", func() bool { return !left.dialing && cut.state == closed })
	l.on(func() {
		if l.down() || l.delay != 0 {
			t.Errorf("the new one is down for %v", l.delay)
		}
		if _, err := l.Shared(resp2); err != nil {
			t.Errorf("Shared() = %v; want a connection to the new one", err)
		}
	})
	if f := l.failed(); len(f) != 2 {
		t.Errorf("failures %v; want both dials", f)
	}
	to.accept().nc.Close()
	l.until("the failure of the new one", func() bool { return l.delay != 0 })
	late.say("+PONG\r\n")
	l.until("the end of the last dial", func() bool { return !stays.dialing })
	l.on(func() {
		if stays.state != open || l.delay == 0 {
			t.Errorf("state %v, delay %v; want the old one open, and the new one down", stays.state, l.delay)
		}
	})
}
