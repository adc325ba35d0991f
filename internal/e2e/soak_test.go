//go:build soak

package e2e

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/internal/redistest"
)

// TestSoak plays good clients and bad ones for REDISGATE_SOAK, by default a minute,
// against two workers: what they began must have ended with them, and no reply may be
// another's.
func TestSoak(t *testing.T) {
	length := time.Minute
	if text := os.Getenv("REDISGATE_SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	rs := redistest.Start(t, redistest.Options{})
	g := gatetest.Start(t, gatetest.Options{Upstream: rs.Socket(), Workers: 2, Users: map[string]string{
		"app": "on >secret ~* &* +@all", "few": "on >secret ~few:* &few:* +@all -@dangerous",
	}})
	s := &soak{t: t, g: g, rs: rs}
	s.play(max(2*time.Second, length/10)) // pools, caches and buffers fill
	before := s.rest()
	s.play(length)
	after := s.rest()
	t.Logf("%d conversations; %d ended early by what was done to them on purpose", s.done.Load(), s.cut.Load())
	t.Logf("before: %+v", before)
	t.Logf("after:  %+v", after)
	if s.done.Load() < int64(length/time.Second) {
		t.Errorf("%d conversations in %v; want more", s.done.Load(), length)
	}
	switch {
	case after.clients != 0 || after.dedicated > before.dedicated+16:
		t.Error("connections are left")
	case after.goroutines > before.goroutines+4:
		buf := make([]byte, 1<<20)
		t.Errorf("goroutines are left:\n%s", buf[:runtime.Stack(buf, true)])
	case after.descriptors > before.descriptors+20:
		t.Error("descriptors are left")
	case after.heap > before.heap+8<<20:
		t.Error("memory is left")
	case after.sessions != 0:
		t.Error("sessions hold bytes")
	}
}

type soak struct {
	t         *testing.T
	g         *gatetest.Gate
	rs        *redistest.Server
	done, cut atomic.Int64
	ids       atomic.Int64
}

// remains is what a gate holds.
type remains struct {
	clients, sessions, heap            int64
	goroutines, descriptors, dedicated int
}

// rest waits until nobody is there any more, and looks at what is left.
func (s *soak) rest() (r remains) {
	waitUntil(s.t, "all clients are gone", func() bool {
		snap, ok := s.g.Server.Snapshot(time.Second)
		r.clients, r.sessions, r.dedicated = snap.Connections, snap.Memory, snap.Dedicated
		return ok && r.clients == 0 && r.sessions == 0
	})
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.heap = int64(m.HeapAlloc)
	r.goroutines = runtime.NumGoroutine()
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		r.descriptors = len(open)
	}
	return r
}

// play has a few dozen clients come and go.
func (s *soak) play(length time.Duration) {
	until := time.Now().Add(length)
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), uint64(length)))
			for time.Now().Before(until) && !s.t.Failed() {
				s.one(r)
			}
		})
	}
	all.Go(func() { // what happens to all of them now and then
		for n := 0; time.Now().Before(until) && !s.t.Failed(); n++ {
			time.Sleep(200 * time.Millisecond)
			switch n % 10 {
			case 3:
				s.rs.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
			case 6:
				s.rs.Do("CLIENT", "KILL", "TYPE", "pubsub")
			}
		}
	})
	all.Wait()
}

// one is one client's life.
func (s *soak) one(r *rand.Rand) {
	nc, err := tls.Dial("tcp", s.g.TCP, s.g.TLS())
	if err != nil {
		s.t.Error(err)
		return
	}
	defer nc.Close()
	c := &soaker{part: newPart(nc), s: s, rnd: r, id: fmt.Sprint(s.ids.Add(1))}
	name := "app"
	if r.IntN(4) == 0 {
		name, c.few = "few", true
	}
	if r.IntN(2) == 0 {
		c.say("HELLO", "3", "AUTH", name, "secret")
	} else {
		c.say("AUTH", name, "secret")
	}
	for n := r.IntN(6); n >= 0 && !c.over; n-- {
		lives[r.IntN(len(lives))](c)
	}
	if c.over {
		s.cut.Add(1)
	}
	s.done.Add(1)
}

// soaker is a client.
type soaker struct {
	*part
	s    *soak
	rnd  *rand.Rand
	id   string
	few  bool
	over bool // nothing more can be said
}

func (c *soaker) key(name string) string { return "few:" + name + ":" + c.id }

// say sends and returns the reply, or a zero one if the connection has ended.
func (c *soaker) say(words ...string) value {
	c.send(words...)
	return c.hear()
}

func (c *soaker) hear() value {
	c.nc.SetReadDeadline(time.Now().Add(2 * patience))
	for {
		v, err := readValue(c.part.r)
		if err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				c.s.t.Errorf("client %s: no reply comes", c.id)
			}
			c.over = true
			return value{}
		}
		if v.kind != '>' {
			return v
		}
	}
}

// want checks a reply that has the client's own number in it. Redis may have been
// lost meanwhile.
func (c *soaker) want(v value, text string) {
	if c.over || v.kind == '-' && (strings.HasPrefix(v.text, "ERR redisgate:") || strings.HasPrefix(v.text, "EXECABORT")) {
		return
	}
	if v.text != text {
		c.s.t.Errorf("client %s got %.200s; want %q", c.id, v.String(), text)
	}
}

var lives = []func(c *soaker){
	func(c *soaker) { // small things
		for range 50 {
			set := c.say("SET", c.key("k"), c.id)
			v := c.say("GET", c.key("k"))
			if v.kind == '-' || c.over {
				return
			}
			if set.kind == '+' { // or it was lost with its connection, and another value is there
				c.want(v, c.id)
			}
			c.want(c.say("ECHO", c.id), c.id)
		}
	},
	func(c *soaker) { // a pipeline
		for range 200 {
			c.send("ECHO", c.id)
		}
		for range 200 {
			if c.want(c.hear(), c.id); c.over {
				return
			}
		}
	},
	func(c *soaker) { // large values
		text := c.id + strings.Repeat("x", 1+c.rnd.IntN(2<<20))
		if v := c.say("SET", c.key("large"), text); v.kind == '+' {
			if v := c.say("GET", c.key("large")); v.kind == '$' && !v.null {
				c.want(v, text)
			}
		}
		c.say("DEL", c.key("large"))
	},
	func(c *soaker) { // a transaction on a watched key
		c.say("WATCH", c.key("w"))
		c.say("MULTI")
		c.say("ECHO", c.id)
		c.say("CLIENT", "SETNAME", "n"+c.id)
		c.say("INCR", c.key("n"))
		if v := c.say("EXEC"); len(v.parts) == 3 {
			c.want(v.parts[0], c.id)
		}
	},
	func(c *soaker) { // waits, and leaves
		c.send("BLPOP", c.key("l"), "0")
		c.over = true
	},
	func(c *soaker) { // waits, and gets it
		c.say("BLPOP", c.key("l"), "0.01")
		c.say("RPUSH", c.key("l"), c.id)
		if v := c.say("BLPOP", c.key("l"), "5"); len(v.parts) == 2 {
			c.want(v.parts[1], c.id)
		}
	},
	func(c *soaker) { // a subscriber that hears itself
		c.send("SUBSCRIBE", c.key("c"))
		c.send("PING")
		c.send("UNSUBSCRIBE")
		c.over = true
	},
	func(c *soaker) { // a script
		if !c.few {
			c.want(c.say("EVAL", "return ARGV[1]", "0", c.id), c.id)
		}
	},
	func(c *soaker) { // caching
		c.say("HELLO", "3")
		c.say("CLIENT", "TRACKING", "ON")
		c.say("GET", c.key("k"))
		c.say("SET", c.key("k"), "x")
		c.say("CLIENT", "TRACKING", "OFF")
	},
	func(c *soaker) { // names of keys
		c.say("SCAN", "0")
		c.say("CLIENT", "LIST")
	},
	func(c *soaker) { // users that come and go
		if !c.few {
			c.say("ACL", "SETUSER", "u"+c.id, "on", "nopass", "~*", "+@all")
			c.say("ACL", "DELUSER", "u"+c.id)
		}
	},
	func(c *soaker) { // what is no request
		c.part.out = append(c.part.out, "*1\r\n$-5\r\n"...)
		c.flush()
		c.over = true
	},
	func(c *soaker) { // asks for much, reads nothing, leaves
		c.say("SET", c.key("much"), strings.Repeat("y", 500_000))
		for range 40 {
			c.part.out = append(c.part.out, "*2\r\n$3\r\nGET\r\n$"+fmt.Sprint(len(c.key("much")))+"\r\n"+c.key("much")+"\r\n"...)
		}
		c.flush()
		c.over = true
	},
	func(c *soaker) { // half a request
		c.part.out = append(c.part.out, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\nhalf"...)
		c.flush()
		c.over = true
	},
	func(c *soaker) { // another user, and nobody
		c.say("AUTH", "app", "secret")
		c.few = false
		c.want(c.say("ECHO", c.id), c.id)
		c.say("RESET")
		c.say("AUTH", "app", "secret")
	},
}
