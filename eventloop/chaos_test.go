package eventloop

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// Every connection carries a stream each way, while handlers pause, resume, write in all sizes and half-close at random. Not a byte
// may be lost, doubled or displaced, and nothing may stand still.
func TestStreamsSurviveEveryInterruption(t *testing.T) {
	each(t, func(t *testing.T, network string, o Options) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		const connections, size = 12, 600_000
		o.ReadBuffer, o.MaxEvents = 3000, 5
		r := run(t, o)
		stream := pattern(size)
		var wg sync.WaitGroup
		for i := range connections {
			ours, peer := pair(t, network)
			peer.SetDeadline(time.Now().Add(3 * patience))
			s := &streamer{t: t, r: r, rnd: rand.New(rand.NewPCG(seed, uint64(i))), in: stream, out: stream, done: wg.Done}
			s.resume.F = func() { s.c.Resume() }
			wg.Add(3)
			r.on(func() {
				var err error
				if s.c, err = r.Attach(ours, s, i%4 == 0); err != nil {
					t.Error(err)
					return
				}
				s.Run()
			})
			rnd := rand.New(rand.NewPCG(seed, uint64(connections+i)))
			go func() {
				defer wg.Done()
				speak(t, peer, stream, rnd)
			}()
			go func() {
				defer wg.Done()
				if got, err := io.ReadAll(peer); err != nil || !bytes.Equal(got, stream) {
					t.Errorf("connection %d: the peer read %d bytes, %v; want the stream of %d", i, len(got), err, size)
				}
			}()
		}
		wg.Wait()
		r.on(func() {
			if n := len(r.slots.entries) - len(r.slots.free); n != 0 {
				t.Errorf("%d connections are left; want 0", n)
			}
		})
	})
}

func speak(t *testing.T, peer net.Conn, stream []byte, rnd *rand.Rand) {
	for rest := stream; len(rest) > 0; {
		n := min(1+rnd.IntN(20_000), len(rest))
		if _, err := peer.Write(rest[:n]); err != nil {
			t.Errorf("writing of the peer: %v", err)
			return
		}
		rest = rest[n:]
	}
	if err := peer.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Error(err)
	}
}

// streamer is our end of a connection: in has still to come, out has still to go.
type streamer struct {
	t       *testing.T
	r       *rig
	c       *Conn
	rnd     *rand.Rand
	in, out []byte
	eof     bool
	resume  Timer
	done    func()
}

func (s *streamer) Data(p []byte) {
	if len(p) > len(s.in) || !bytes.Equal(p, s.in[:len(p)]) {
		s.t.Errorf("Data gave %d bytes that are not the next of the stream", len(p))
		s.in = nil
		return
	}
	s.in = s.in[len(p):]
	switch s.rnd.IntN(12) {
	case 0:
		s.c.Pause()
		s.r.SetTimer(&s.resume, time.Duration(s.rnd.IntN(3))*time.Millisecond)
	case 1:
		s.c.Pause()
		s.r.Ready(taskFunc(s.c.Resume))
	case 2:
		s.c.Pause()
		s.r.Post(s.c.Resume)
	case 3:
		s.c.Pause()
		s.c.Resume()
	}
}

func (s *streamer) EOF() {
	if len(s.in) > 0 || s.eof {
		s.t.Errorf("EOF with %d bytes to come, the second %v", len(s.in), s.eof)
	}
	s.eof = true
	s.end()
}

// Run writes a little, or more than the socket takes.
func (s *streamer) Run() {
	for s.c.Pending() == 0 && len(s.out) > 0 {
		n := min(1+s.rnd.IntN(1+s.rnd.IntN(200_000)), len(s.out))
		p := bytes.Clone(s.out[:n])
		s.c.Write(p)
		clear(p)
		s.out = s.out[n:]
		if s.rnd.IntN(3) == 0 {
			s.r.Ready(s)
			return
		}
	}
	s.end()
}

func (s *streamer) Drained() { s.Run() }

// end ends what has come to its end. A task may find that it has already.
func (s *streamer) end() {
	if len(s.out) > 0 {
		return
	}
	s.c.CloseWrite()
	if s.eof && s.c.Pending() == 0 && s.done != nil {
		s.c.Close()
		s.done()
		s.done = nil
	}
}

func (s *streamer) Hangup() {}

func (s *streamer) Closed(err error) {
	s.t.Errorf("Closed(%v); want no call", err)
}
