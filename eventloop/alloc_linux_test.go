//go:build linux && !portable && !race && !msan && !asan

package eventloop

import (
	"io"
	"testing"
	"time"
)

// echoer answers, and uses on the way whatever a session uses for each of its commands.
type echoer struct {
	l     *Loop
	c     *Conn
	timer Timer
	out   []byte
}

func (e *echoer) Data(p []byte) {
	e.out = append(e.out, p...)
	e.l.SetTimer(&e.timer, time.Minute)
	e.c.QuickAck()
	e.l.Ready(e)
}

func (e *echoer) Run() {
	e.c.Pause()
	e.c.Write(e.out)
	e.out = e.out[:0]
	e.l.StopTimer(&e.timer)
	e.c.Resume()
}

func (e *echoer) EOF()         {}
func (e *echoer) Hangup()      {}
func (e *echoer) Drained()     {}
func (e *echoer) Closed(error) {}

func TestEventsDoNotAllocate(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		r := run(t, o)
		ours, peer := pair(t, network)
		e := &echoer{l: r.Loop}
		e.timer.F = func() {}
		r.on(func() {
			var err error
			if e.c, err = r.Attach(ours, e, false); err != nil {
				t.Error(err)
			}
			r.AtTurnEnd(func() { _ = r.Now() })
		})
		done := make(chan struct{}, 1)
		posted := func() { done <- struct{}{} }
		b := make([]byte, 100)
		round := func() {
			if _, err := peer.Write(b); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(peer, b); err != nil {
				t.Fatal(err)
			}
			r.Post(posted)
			<-done
		}
		if n := testing.AllocsPerRun(2000, round); n != 0 {
			t.Errorf("allocations of a round trip = %v; want 0", n)
		}
	})
}
