package eventloop

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const tick = int64(1) << tickShift

// A random run of the wheel against what a list of times says: never early, at most a tick late, in the order of the ticks, and
// never without next having announced it.
func TestWheelFiresWhatIsDue(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	delays := []int64{1, tick, 10 * tick, 64 * tick, 100 * tick, 5000 * tick, 1 << 20 * tick}
	for range 20 {
		var w wheel
		now := rnd.Int64N(1 << 45)
		w.expire(now)
		timers := make([]Timer, 200)
		due := map[*Timer]int64{}
		var fired []int64
		set := func(tm *Timer) {
			when := now + rnd.Int64N(delays[rnd.IntN(len(delays))])
			due[tm] = when
			w.set(tm, when)
		}
		for i := range timers {
			tm := &timers[i]
			tm.F = func() {
				when, ok := due[tm]
				if !ok || when > now {
					t.Fatalf("a timer for %d fired at %d, armed %v", when, now, ok)
				}
				delete(due, tm)
				fired = append(fired, tm.due)
				if rnd.IntN(3) == 0 {
					set(tm)
				}
			}
			set(tm)
		}
		for range 3000 {
			switch rnd.IntN(10) {
			case 0:
				set(&timers[rnd.IntN(len(timers))])
			case 1:
				tm := &timers[rnd.IntN(len(timers))]
				if tm.armed {
					w.remove(tm)
				}
				delete(due, tm)
			default:
				step := rnd.Int64N(delays[rnd.IntN(len(delays))])
				if next := w.next(); next != never && rnd.IntN(2) == 0 {
					step = max(next-now, 0)
				}
				next, last := w.next(), now
				now += step
				fired = fired[:0]
				w.expire(now)
				if !slices.IsSorted(fired) {
					t.Fatalf("ticks of the timers fired at %d = %v; want them in order", now, fired)
				}
				if len(fired) > 0 && next > now {
					t.Fatalf("timers fired at %d; next was %d at %d", now, next, last)
				}
				for tm, when := range due {
					if when>>tickShift < now>>tickShift && when <= last {
						t.Fatalf("a timer for %d has not fired at %d", when, now)
					}
					if !tm.armed {
						t.Fatalf("a timer for %d is not armed at %d", when, now)
					}
				}
			}
		}
		// In the end all of them fire, by next alone.
		for len(due) > 0 {
			next := w.next()
			if next == never {
				t.Fatalf("next() = never; want a time, as %d timers are armed", len(due))
			}
			now = max(now, next)
			w.expire(now)
		}
	}
}

func TestWheelFiresInOrder(t *testing.T) {
	var w wheel
	var order []int64
	timers := make([]Timer, 300)
	whens := rand.New(rand.NewPCG(1, 2)).Perm(len(timers))
	for i, when := range whens {
		timers[i].F = func() { order = append(order, int64(when)) }
		w.set(&timers[i], int64(when)*tick*17)
	}
	w.expire(1000 * 17 * tick)
	if len(order) != len(timers) || !slices.IsSorted(order) {
		t.Errorf("order of ticks = %v; want all of them, ascending", order)
	}
}

func TestWheelOfTheFarFuture(t *testing.T) {
	var w wheel
	fired := 0
	tm := Timer{F: func() { fired++ }}
	for _, when := range []int64{never, never - 1, -1, farthest, farthest - tick} {
		w.set(&tm, when)
		if w.expire(1 << 61); fired != 0 {
			t.Errorf("a timer for %d fired at %d", when, int64(1)<<61)
		}
		if next := w.next(); next <= 1<<61 || next == never {
			t.Errorf("next() with a timer for %d = %d; want a later time", when, next)
		}
	}
	w.set(&tm, 1<<61)
	if w.expire(1<<61 + tick); fired != 1 {
		t.Errorf("fired %d times; want 1", fired)
	}
	if next := w.next(); next != never {
		t.Errorf("next() of an empty wheel = %d; want never", next)
	}
}

// A timer that arms itself for now must wait for the next turn, not keep this one.
func TestTimerThatArmsItselfAtOnceFiresOnceATurn(t *testing.T) {
	for _, now := range []int64{5 * tick, 5*tick + 1, 64 * tick, 6*tick - 1} {
		var w wheel
		fired := 0
		var tm Timer
		tm.F = func() {
			if fired++; fired < 10 {
				w.set(&tm, now)
			}
		}
		w.set(&tm, 1)
		if w.expire(now); fired != 1 {
			t.Errorf("at %d the timer fired %d times; want 1", now, fired)
		}
		if w.expire(now + tick); fired != 2 {
			t.Errorf("a tick after %d the timer had fired %d times; want 2", now, fired)
		}
	}
}

func TestWheelReleasesStoppedTimers(t *testing.T) {
	var w wheel
	timers := make([]Timer, 100)
	for i := range timers {
		w.set(&timers[i], int64(i)*tick*3)
	}
	for i := range timers {
		w.remove(&timers[i])
		if timers[i].next != nil || timers[i].prev != nil {
			t.Fatal("a stopped timer refers to another")
		}
	}
	if next := w.next(); next != never {
		t.Errorf("next() = %d; want never", next)
	}
}

func TestTimersFireOnTheLoop(t *testing.T) {
	each(t, func(t *testing.T, _ string, o Options) {
		r := run(t, o)
		fired := make(chan time.Duration, 10)
		var start int64
		timers := make([]Timer, 5)
		set := func(i int, d time.Duration) { r.SetTimer(&timers[i], d) }
		for i := range timers {
			d := time.Duration(10*(i+1)) * time.Millisecond
			timers[i].F = func() {
				if passed := time.Duration(r.Now() - start); passed < d {
					t.Errorf("a timer for %v fired after %v", d, passed)
				}
				fired <- d
			}
		}
		r.on(func() {
			start = r.Now()
			set(3, 5*time.Millisecond)
			set(3, 40*time.Millisecond) // later than before
			set(1, time.Hour)
			set(1, 20*time.Millisecond) // earlier than before
			set(4, 10*time.Millisecond) // stopped
			set(2, 30*time.Millisecond)
			set(0, 10*time.Millisecond)
			r.StopTimer(&timers[4])
			r.StopTimer(&timers[4])
		})
		for i := range 4 {
			if want, got := time.Duration(10*(i+1))*time.Millisecond, wait(t, fired, "a timer"); got != want {
				t.Errorf("timer %d to fire was that for %v; want %v", i, got, want)
			}
		}
		r.on(func() {
			if timers[4].armed || timers[0].armed {
				t.Error("a stopped or fired timer is armed")
			}
			set(0, -time.Second) // as soon as can be, and anew after firing
			start = r.Now() - int64(time.Second)
		})
		wait(t, fired, "a timer that was armed again")
	})
}

func TestTimerWakesAnIdleLoop(t *testing.T) {
	each(t, func(t *testing.T, _ string, o Options) {
		r := run(t, o)
		fired := make(chan struct{}, 1)
		tm := &Timer{}
		left := 10
		tm.F = func() {
			if left--; left == 0 {
				fired <- struct{}{}
				return
			}
			r.SetTimer(tm, 2*time.Millisecond)
		}
		r.on(func() { r.SetTimer(tm, 2*time.Millisecond) })
		wait(t, fired, "the last of ten timers")
		before := Stats{}
		r.on(func() {
			before = r.Stats()
			r.SetTimer(tm, time.Hour) // its deadline is not in the way
			r.StopTimer(tm)
		})
		time.Sleep(30 * time.Millisecond)
		r.on(func() {
			if n := r.Stats().Waits - before.Waits; n > 5 {
				t.Errorf("an idle loop woke %d times; want at most that of a former deadline", n)
			}
		})
	})
}
