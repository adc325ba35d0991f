package upstream

import (
	"fmt"
	"slices"
	"testing"
)

// TestPausedByTwo: a pipeline goes on when all who had it stopped agree.
func TestPausedByTwo(t *testing.T) {
	q := newQuiet(t)
	c := q.pipeline(resp2)
	c.Pause()
	c.Pause()
	c.Resume()
	if c.paused == 0 {
		t.Error("a connection that two have paused goes on after one has resumed it")
	}
	c.Resume()
	if c.paused != 0 || !c.Retired() {
		t.Errorf("paused %d times, retired %v; want 0, true", c.paused, c.Retired())
	}
}

func TestReleasedConnectionIsNotPaused(t *testing.T) {
	q := newQuiet(t)
	var r taker
	c := q.single(resp2, &r)
	c.Pause()
	q.Release(c, true)
	if c.paused != 0 || len(q.idle) != 1 {
		t.Errorf("paused %d times, %d idle; want 0, 1", c.paused, len(q.idle))
	}
}

func TestOthersWait(t *testing.T) {
	q := newQuiet(t)
	c := q.pipeline(resp2)
	var a, b taker
	c.Send(&a, nil, false)
	if c.OthersWait(&a) || !c.OthersWait(&b) {
		t.Errorf("OthersWait(a) = %v, OthersWait(b) = %v; want false, true", c.OthersWait(&a), c.OthersWait(&b))
	}
	c.Send(&b, nil, false)
	if !c.OthersWait(&a) {
		t.Error("OthersWait(a) = false; want true")
	}
}

// TestLost tells each receiver of its replies, those that have come excepted.
func TestLost(t *testing.T) {
	q := newQuiet(t)
	c := q.pipeline(resp2)
	var a, b, owner taker
	for range 3 {
		c.Send(&a, []byte("x"), false)
	}
	c.SendRun(&b, []byte("y"), 2)
	c.Send(&a, []byte("z"), false)
	c.AwaitRoom(&b)
	c.Data([]byte(":1\r\n:2\r\n$5\r\nab"))
	c.Close()
	c.Close()
	if !slices.Equal(a.lost, []string{"1 sent=false", "1 sent=false"}) || !slices.Equal(b.lost, []string{"1 sent=false"}) || b.rooms != 1 {
		t.Errorf("lost %v and %v, room %d times; want 1 and 1, 1, once", a.lost, b.lost, b.rooms)
	}
	if a.began != 3 || a.ended != 2 {
		t.Errorf("%d replies began and %d ended; want 3, 2", a.began, a.ended)
	}
	d := q.single(resp2, &owner)
	d.Close()
	if !slices.Equal(owner.lost, []string{"0 sent=true"}) {
		t.Errorf("the owner of an idle connection was told %v; want that it is lost", owner.lost)
	}
	if s, d := q.limits.InUse(); s != 0 || d != 0 {
		t.Errorf("InUse() = %d, %d; want 0, 0", s, d)
	}
}

// TestLostWhileAnotherSessionLeaves: callbacks may release and close as they like.
func TestLostReenters(t *testing.T) {
	q := newQuiet(t)
	r := &closer{q: q}
	r.c = q.single(resp2, r)
	r.c.Send(r, nil, false)
	r.c.Send(r, nil, true)
	r.c.AwaitRoom(r)
	r.c.Close()
	if r.lost != 2 || q.limits.dedicated.Load() != 0 {
		t.Errorf("lost %d times, %d in use; want 2, 0", r.lost, q.limits.dedicated.Load())
	}
}

// closer gives its connection back as soon as it is lost.
type closer struct {
	taker
	q    *quiet
	c    *Conn
	lost int
}

func (r *closer) Lost(int, bool) {
	r.lost++
	r.c.Resume()
	r.q.Release(r.c, false)
	r.c.Close()
	r.c.Forget(r)
}

func TestRoom(t *testing.T) {
	q := newQuiet(t)
	c := q.pipeline(resp2)
	c.state = connecting
	var a, b, left taker
	for !c.Full() {
		c.Send(&a, make([]byte, 1000), false)
	}
	if n := c.Unsent(); n <= maxUnsent || n > maxUnsent+1000 {
		t.Errorf("full with %d bytes; want just over %d", n, maxUnsent)
	}
	c.AwaitRoom(&a)
	c.AwaitRoom(&left)
	c.AwaitRoom(&b)
	c.Forget(&left)
	c.Forget(&left)
	c.Close()
	if a.rooms != 1 || b.rooms != 1 || left.rooms != 0 {
		t.Errorf("told of room %d, %d and %d times; want 1, 1, 0", a.rooms, b.rooms, left.rooms)
	}
}

func TestTooManyAwaited(t *testing.T) {
	q := newQuiet(t)
	c := q.pipeline(resp2)
	var r taker
	for range maxAwaited {
		c.Send(&r, nil, true)
	}
	if !c.Full() {
		t.Errorf("a pipeline with %d replies awaited is not full", c.q.len())
	}
	c.AwaitRoom(&r)
	c.Data([]byte(":1\r\n"))
	if c.Full() || r.rooms != 1 {
		t.Errorf("after one reply: full %v, told %d times; want false, 1", c.Full(), r.rooms)
	}
}

func TestQueue(t *testing.T) {
	var q queue
	next, first := 0, 0
	check := func() {
		t.Helper()
		if q.len() != next-first {
			t.Fatalf("len() = %d; want %d", q.len(), next-first)
		}
		for i := range q.len() {
			if got := q.at(i).n; got != first+i {
				t.Fatalf("at(%d) = %d; want %d", i, got, first+i)
			}
		}
		if next > first && (q.front().n != first || q.back().n != next-1) {
			t.Fatalf("front and back are %d and %d; want %d and %d", q.front().n, q.back().n, first, next-1)
		}
		if next == first && (q.front() != nil || q.back() != nil) {
			t.Fatal("an empty queue has a front or a back")
		}
	}
	push := func(n int) {
		for range n {
			q.push(entry{n: next})
			next++
		}
		check()
	}
	pop := func(n int) {
		for range n {
			q.pop()
			first++
		}
		check()
	}
	check()
	push(10)
	pop(7)
	push(30) // grows while its head is not at 0
	pop(33)
	push(queueKeep)
	pop(100)
	push(1000)
	if len(q.ring)&(len(q.ring)-1) != 0 {
		t.Errorf("the ring has %d entries; want a power of 2", len(q.ring))
	}
	pop(q.len())
	if q.ring != nil {
		t.Errorf("an empty queue keeps %d entries after a burst", len(q.ring))
	}
	push(5)
	pop(5)
	if len(q.ring) == 0 || len(q.ring) > queueKeep {
		t.Errorf("an empty queue keeps %d entries; want a few", len(q.ring))
	}
	for i := range q.ring {
		if q.ring[i] != (entry{}) {
			t.Errorf("entry %d of an empty queue holds %v", i, fmt.Sprint(q.ring[i]))
		}
	}
}
