package eventloop

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestRunsPostedFunctionsBeforeItStops(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ran := false
	if !l.Post(func() { ran = true }) {
		t.Error("Post() before Run = false; want true")
	}
	l.Stop()
	l.Stop()
	if l.Post(func() {}) {
		t.Error("Post() after Stop = true; want false")
	}
	if err := l.Run(); err != nil || !ran {
		t.Errorf("Run() = %v, ran %v; want nil, true", err, ran)
	}
	if err := l.Run(); err != ErrStopped {
		t.Errorf("second Run() = %v; want %v", err, ErrStopped)
	}
	ours, peer := pair(t, "tcp")
	if _, err := l.Attach(ours, &probe{}, false); err != ErrStopped {
		t.Errorf("Attach() after Run = %v; want %v", err, ErrStopped)
	}
	if n, err := peer.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("Read of the peer = %d, %v; want 0, EOF", n, err)
	}
}

func TestPostKeepsTheOrderOfEachGoroutine(t *testing.T) {
	r := run(t, Options{})
	const posters, each = 8, 2000
	var last [posters]int
	var wg sync.WaitGroup
	for i := range posters {
		wg.Go(func() {
			for n := 1; n <= each; n++ {
				r.Post(func() {
					if last[i] != n-1 {
						t.Errorf("goroutine %d: function %d ran after %d", i, n, last[i])
					}
					last[i] = n
				})
			}
		})
	}
	wg.Wait()
	r.on(func() {
		for i, n := range last {
			if n != each {
				t.Errorf("goroutine %d: %d functions ran; want %d", i, n, each)
			}
		}
	})
}

func TestPostThatWasAcceptedRuns(t *testing.T) {
	for range 50 {
		l, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- l.Run() }()
		var accepted atomic.Int64
		ran := int64(0)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for l.Post(func() { ran++ }) {
					accepted.Add(1)
				}
			})
		}
		l.Stop()
		if err := wait(t, done, "Run's return"); err != nil {
			t.Fatalf("Run() = %v; want nil", err)
		}
		wg.Wait()
		if got := accepted.Load(); ran != got {
			t.Fatalf("%d functions ran; want %d, as many as were accepted", ran, got)
		}
	}
}

func TestPostFromTheLoopRunsInTheNextTurn(t *testing.T) {
	r := run(t, Options{})
	done := make(chan []string, 1)
	r.on(func() {
		var order []string
		r.AtTurnEnd(func() { order = append(order, "turn end") })
		r.Post(func() {
			order = append(order, "posted")
			done <- slices.Clone(order)
		})
	})
	want := []string{"turn end", "posted"}
	if got := wait(t, done, "the posted function"); !slices.Equal(got, want) {
		t.Errorf("order = %q; want %q", got, want)
	}
}

type taskFunc func()

func (f taskFunc) Run() { f() }

func TestTurnOrder(t *testing.T) {
	r := run(t, Options{})
	ours, peer := pair(t, "unix")
	done := make(chan []string, 1)
	var order []string
	add := func(s string) func() { return func() { order = append(order, s) } }
	c := r.attach(ours, &probe{data: func(*Conn, []byte) {
		add("data")()
		r.Post(add("posted"))
		r.Ready(taskFunc(func() {
			add("task")()
			r.Ready(taskFunc(func() { add("task of a task")(); done <- order }))
		}))
	}})
	r.on(func() {
		r.AtTurnEnd(add("end 1"))
		r.AtTurnEnd(add("end 2"))
	})
	release := r.holdThen(func() {
		r.AtTurnEnd(func() {
			if !slices.Contains(order, "data") {
				order = nil
				r.Ready(taskFunc(add("task of the end")))
			}
		})
	})
	send(t, peer, "x")
	arrived(t, c, 1)
	release()
	want := []string{"data", "task of the end", "task", "end 1", "end 2", "posted", "task of a task"}
	if got := wait(t, done, "the last task"); !slices.Equal(got, want) {
		t.Errorf("order = %q; want %q", got, want)
	}
}

// A task that always has more to do must not keep connections, timers and posted functions from their turn.
func TestReadyTasksLetOthersIn(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		r.attach(ours, echo())
		var busy bool
		turns, runs := 0, 0
		var task taskFunc
		task = func() {
			if runs++; busy {
				r.Ready(task)
			}
		}
		r.on(func() {
			busy = true
			r.AtTurnEnd(func() { turns++ })
			r.Ready(task)
		})
		for range 20 {
			send(t, peer, "x")
			peer.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.ReadFull(peer, make([]byte, 1)); err != nil {
				t.Fatalf("no echo beside a busy task: %v", err)
			}
		}
		fired := make(chan struct{})
		r.on(func() { r.SetTimer(&Timer{F: func() { close(fired) }}, time.Millisecond) })
		wait(t, fired, "a timer beside a busy task")
		r.on(func() {
			busy = false
			if runs != turns && runs != turns+1 {
				t.Errorf("the task ran %d times in %d turns; want once a turn", runs, turns)
			}
		})
	})
}

// The list alone keeps the loop going, without an event from outside.
func TestLoopDoesNotParkWhileATaskIsReady(t *testing.T) {
	each(t, func(t *testing.T, _ string, o Options) {
		r := run(t, o)
		done := make(chan struct{})
		left := 100
		var task taskFunc
		task = func() {
			if left--; left > 0 {
				r.Ready(task)
			} else {
				close(done)
			}
		}
		r.Post(func() { r.Ready(task) })
		wait(t, done, "the last run of a task")
	})
}

func TestInputOfFirstConnectionsComesFirst(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		var order []int
		var conns []*Conn
		var peers []net.Conn
		seen := make(chan struct{}, 100)
		for i := range 20 {
			ours, peer := pair(t, network)
			p := &probe{data: func(*Conn, []byte) { order = append(order, i); seen <- struct{}{} }}
			r.on(func() { r.attachHere(ours, p, i >= 18) })
			conns, peers = append(conns, p.c), append(peers, peer)
		}
		release := r.hold()
		for i, peer := range peers {
			send(t, peer, "x")
			arrived(t, conns[i], 1)
		}
		release()
		for range peers {
			wait(t, seen, "Data")
		}
		r.on(func() {
			slices.Sort(order[:2])
			if order[0] != 18 || order[1] != 19 {
				t.Errorf("order of connections = %v; want 18 and 19 first", order)
			}
		})
	})
}

func TestOneWakeUpForManyPosts(t *testing.T) {
	r := run(t, Options{})
	var before, after Stats
	release := r.hold()
	var wg sync.WaitGroup
	r.Post(func() { before = r.Stats() })
	for range 10 {
		wg.Go(func() { r.Post(func() {}) })
	}
	wg.Wait()
	last := make(chan struct{})
	r.Post(func() { after = r.Stats(); close(last) })
	release()
	wait(t, last, "the last function")
	if before != after {
		t.Errorf("Stats = %+v, then %+v; want all functions in one turn", before, after)
	}
	if before.Wakeups > 1 { // that of the hold
		t.Errorf("Wakeups = %d; want at most 1, as a busy loop need not be woken", before.Wakeups)
	}
}

// Every post and every byte comes just when the loop may be about to park.
func TestNoWakeUpIsLost(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		rounds := 5000
		if o.Blocking { // slow where the process has one P
			rounds = 1000
		}
		var wg sync.WaitGroup
		for i := range 4 {
			ours, peer := pair(t, network)
			r.attach(ours, echo())
			peer.SetDeadline(time.Now().Add(3 * patience))
			wg.Go(func() { // bytes
				b := make([]byte, 1)
				for n := range rounds {
					if _, err := peer.Write(b); err != nil {
						t.Errorf("round %d: %v", n, err)
						return
					}
					if _, err := io.ReadFull(peer, b); err != nil {
						t.Errorf("round %d: %v", n, err)
						return
					}
				}
			})
			wg.Go(func() { // posts
				done := make(chan struct{}, 1)
				f := func() { done <- struct{}{} }
				for n := range rounds {
					r.Post(f)
					select {
					case <-done:
					case <-time.After(patience):
						t.Errorf("round %d: a posted function has not run", n)
						return
					}
				}
			})
			if i == 0 { // timers, whose deadlines are set and cleared meanwhile
				timer := &Timer{}
				left := 100
				timer.F = func() {
					if left--; left > 0 {
						r.SetTimer(timer, time.Millisecond)
					} else {
						wg.Done()
					}
				}
				wg.Add(1)
				r.on(func() { r.SetTimer(timer, 0) })
			}
		}
		wg.Wait()
	})
}

// What was held back happens before the loop waits, once, and may give it more to do.
func TestBeforeParking(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		calls := 0
		done := make(chan int, 1)
		c := r.attach(ours, echo())
		r.on(func() {
			r.BeforeParking(func() { t.Error("what was replaced is called") })
			r.BeforeParking(func() {
				calls++
				c.Write([]byte("x"))
				r.Ready(taskFunc(func() { done <- calls }))
			})
		})
		if got := wait(t, done, "a task of what was held back"); got != 1 {
			t.Errorf("%d calls; want 1", got)
		}
		peer.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.ReadFull(peer, make([]byte, 1)); err != nil {
			t.Errorf("what was written is not there: %v", err)
		}
		for range 3 {
			r.on(func() {})
		}
		r.on(func() {
			if calls != 1 {
				t.Errorf("%d calls; want 1", calls)
			}
			r.BeforeParking(func() { t.Error("what was taken back is called") })
			r.BeforeParking(nil)
		})
		r.on(func() {})
	})
}
