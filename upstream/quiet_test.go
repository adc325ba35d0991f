package upstream

import (
	"context"
	"fmt"
	"testing"

	"redisgate/eventloop"
)

// quiet is a pool on a loop that does not run: its connections have no socket and
// are fed by hand.
type quiet struct {
	*Pool
	failures []string // kinds
}

func newQuiet(t testing.TB) *quiet {
	t.Helper()
	loop, err := eventloop.New(eventloop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { loop.Stop(); loop.Run() })
	q := &quiet{}
	q.Pool, err = NewPool(context.Background(), Options{
		Loop: loop, Dialer: &Dialer{}, Limits: NewLimits(100, 100),
		Notify: func(kind string, err error) { q.failures = append(q.failures, kind) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// pipeline is an open shared connection.
func (q *quiet) pipeline(k Key) *Conn {
	c := &Conn{pool: q.Pool, dialer: q.dialer, key: k, shared: true, state: open}
	q.active[k] = c
	q.limits.shared.Add(1)
	return c
}

// single is an open dedicated connection.
func (q *quiet) single(k Key, owner Receiver) *Conn {
	q.limits.dedicated.Add(1)
	return &Conn{pool: q.Pool, dialer: q.dialer, key: k, owner: owner, state: open}
}

// taker is a receiver that keeps what it is told.
type taker struct {
	got, pushed    []byte
	began, ended   int
	deliveries     int
	refused, large int
	pushes, rooms  int
	lost           []string
	then           func() // called after each delivery
}

func (r *taker) Reply(d Delivery) {
	r.got = append(r.got, d.Data...)
	r.began += d.Began
	r.ended += d.Ended
	r.deliveries++
	if d.Refused {
		r.refused++
	}
	if d.Large {
		r.large++
	}
	if r.then != nil {
		r.then()
	}
}

func (r *taker) Push(p []byte, end bool) {
	r.pushed = append(r.pushed, p...)
	if end {
		r.pushes++
	}
}

func (r *taker) Lost(n int, sent bool) { r.lost = append(r.lost, fmt.Sprintf("%d sent=%v", n, sent)) }
func (r *taker) Room()                 { r.rooms++ }

var (
	resp2 = Key{Proto: 2}
	resp3 = Key{Proto: 3}
)

// TestQuietPipelinesAreLeftToOtherWorkers: a worker has none while another keeps all that
// there may be, but not for longer than that one uses them.
func TestQuietPipelinesAreLeftToOtherWorkers(t *testing.T) {
	a, b := newQuiet(t), newQuiet(t)
	b.limits = a.limits
	k := Key{0, 2}
	used, unused := a.pipeline(k), a.pipeline(Key{1, 2})
	a.limits.Set(2, 1)
	var r taker
	for range 3 {
		used.Send(&r, request("GET", "a"), false)
		a.tidyUp()
		used.out = nil // as if it had a socket
		used.Data([]byte("+a\r\n"))
	}
	if !used.Usable() || unused.Usable() {
		t.Errorf("used is there: %v, unused is there: %v; want the former alone", used.Usable(), unused.Usable())
	}
	if shared, _ := a.limits.InUse(); shared != 1 {
		t.Errorf("%d places are taken; want 1", shared)
	}
	if _, err := b.Shared(k); err != nil {
		t.Errorf("Shared() = %v", err)
	}
	if _, err := b.Shared(Key{1, 2}); err != ErrBusy {
		t.Errorf("Shared() = %v while all places are used; want ErrBusy", err)
	}
	a.limits.Set(3, 1)
	for range 3 {
		a.tidyUp()
	}
	if !used.Usable() {
		t.Error("a pipeline is closed although there are places")
	}
}
