package hunt_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"redisgate/internal/gatetest"
	"redisgate/resp"
)

// patience is how long the gate may take for a pipeline. It ends tests that hang, nothing else.
const patience = 60 * time.Second

// wire is a connection to the gate, replaced when it ends.
type wire struct {
	gate  *gatetest.Gate
	tls   bool
	proto int // the version of RESP to speak

	nc     net.Conn
	framer resp.Framer
	rest   []byte // read and not looked at
	marks  int
	ended  int // connections that were ended, in all
}

func (w *wire) dial() (err error) {
	w.framer, w.rest = resp.Framer{}, nil
	if w.tls {
		w.nc, err = tls.Dial("tcp", w.gate.TCP, w.gate.TLS())
	} else {
		w.nc, err = net.Dial("unix", w.gate.Unix)
	}
	return err
}

func (w *wire) close() {
	if w.nc != nil {
		w.nc.Close()
		w.nc = nil
	}
}

// fresh appends what makes a session the user's, whatever state it was in.
func (w *wire) fresh(b []byte) []byte {
	b = resp.AppendCommand(b, "RESET")
	b = resp.AppendCommand(b, "AUTH", "hunter", "pass")
	if w.proto == 3 {
		b = resp.AppendCommand(b, "HELLO", "3")
	}
	return b
}

// answers are the replies to a pipeline.
type answers struct {
	replies [][]byte // and pushes
	lost    bool     // the connection has ended before the last
	good    int      // neither errors nor pushes
	denied  int
}

// do sends requests and returns what comes until they are all answered; meanwhile may be nil.
func (w *wire) do(requests []byte, meanwhile func() error) (*answers, error) {
	if w.nc == nil {
		if err := w.dial(); err != nil {
			return nil, err
		}
	}
	w.marks++
	mark := fmt.Sprintf("mark %d.", w.marks)
	requests = resp.AppendCommand(requests, "PING", mark)
	w.nc.SetDeadline(time.Now().Add(patience))
	written := make(chan error, 1)
	go func(nc net.Conn) {
		_, err := nc.Write(requests)
		written <- err
	}(w.nc)
	if meanwhile != nil {
		if err := meanwhile(); err != nil {
			return nil, err
		}
	}
	a, err := w.until([]byte(mark))
	if err == nil && a.lost {
		w.close()
		w.ended++
	}
	<-written // of a connection that has ended it may be an error
	return a, err
}

// until reads up to the reply that has mark in it. Messages that are behind it are for the next time.
func (w *wire) until(mark []byte) (*answers, error) {
	a := &answers{}
	var reply []byte
	buf := make([]byte, 64<<10)
	for {
		for len(w.rest) > 0 {
			n, end, err := w.framer.Next(w.rest)
			if err != nil {
				return nil, fmt.Errorf("after %q: %w", reply, err)
			}
			reply = append(reply, w.rest[:n]...)
			w.rest = w.rest[n:]
			if !end {
				continue
			}
			if len(reply) < 200 && bytes.Contains(reply, mark) {
				return a, nil
			}
			a.add(reply)
			reply = nil
		}
		n, err := w.nc.Read(buf)
		w.rest = append(w.rest[:0], buf[:n]...)
		switch ne, ok := err.(net.Error); {
		case ok && ne.Timeout():
			return nil, fmt.Errorf("no more than %d replies in %v, the last %.100q", len(a.replies), patience, a.replies[max(0, len(a.replies)-1):])
		case err != nil && n == 0:
			a.add(reply)
			a.lost = true
			return a, nil
		}
	}
}

func (a *answers) add(reply []byte) {
	a.replies = append(a.replies, reply)
	switch {
	case len(reply) == 0 || reply[0] == '>':
	case reply[0] != '-':
		a.good++
	case bytes.HasPrefix(reply, []byte("-NOPERM")):
		a.denied++
	}
}

// seen lists the replies that have a secret in them.
func (a *answers) seen(kind string) []finding {
	var out []finding
	for i, reply := range a.replies {
		if at := bytes.Index(reply, []byte(secret)); at >= 0 {
			out = append(out, finding{kind, fmt.Sprintf("reply %d: %.60q ... %.100q", i, reply, reply[max(0, at-20):])})
		}
	}
	return out
}
