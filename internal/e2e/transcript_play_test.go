package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"redisgate/internal/redistest"
	"redisgate/resp"
)

// stage is where conversations are played: Redis itself, or a gate before one.
type stage struct {
	dial  func() net.Conn   // as an application does it
	redis *redistest.Server // that is asked in the end
	admin func() net.Conn   // to Redis itself, logged in
}

const patience = 10 * time.Second // for a reply; what differs may never come

// line is what one step has brought.
type line struct {
	step   step
	values []string
}

// part is one connection of a conversation.
type part struct {
	nc  net.Conn
	r   *bufio.Reader
	out []byte // for the next write
}

func newPart(nc net.Conn) *part { return &part{nc: nc, r: bufio.NewReaderSize(nc, 64<<10)} }

func (p *part) send(words ...string) {
	p.out = resp.AppendCommand(p.out, words...)
	p.flush()
}

func (p *part) flush() {
	p.nc.SetWriteDeadline(time.Now().Add(patience))
	p.nc.Write(p.out) // that it has failed shows in what is read
	p.out = nil
}

// read reads a value and hides what masks say. closed says that there is no more.
func (p *part) read(with ...string) (v value, text string, closed bool) {
	wait := patience
	if slices.Contains(with, "soon") {
		wait = time.Second
	}
	p.nc.SetReadDeadline(time.Now().Add(wait))
	v, err := readValue(p.r)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return v, "(nothing)", true
	case errors.Is(err, errNotRESP):
		return v, err.Error(), true
	case err != nil: // how a connection ends is for its transport to say
		return v, "(closed)", true
	}
	shown := v
	always(&shown)
	for _, m := range with {
		masks[m](&shown)
	}
	return v, shown.String(), false
}

// do sends a command and wants a reply that is no error.
func (p *part) do(t *testing.T, words ...string) value {
	t.Helper()
	p.send(words...)
	v, text, closed := p.read()
	if closed || v.kind == '-' {
		t.Fatalf("%q = %s", words, text)
	}
	return v
}

// quit leaves and waits until the server has noticed.
func (p *part) quit() {
	p.send("QUIT")
	p.nc.SetReadDeadline(time.Now().Add(patience))
	io.Copy(io.Discard, p.r)
	p.nc.Close()
}

// performance is one conversation on one stage.
type performance struct {
	*stage
	t         *testing.T
	proto     int
	parts     map[string]*part
	order     []string
	variables map[string]string
	lines     []line
}

func (s *stage) play(t *testing.T, c conversation, proto int) []line {
	t.Helper()
	s.clean(t)
	p := &performance{stage: s, t: t, proto: proto, parts: map[string]*part{}, variables: map[string]string{}}
	var users []string
	var undo [][]string
	for _, st := range c.steps {
		words := make([]string, len(st.words))
		for i, w := range st.words {
			words[i] = expand(w, p.variables)
		}
		switch {
		case st.op != "do":
			p.take(st, words)
		case st.name == "user":
			users = append(users, words[0])
			p.asApp(append([]string{"ACL", "SETUSER", words[0], "reset"}, words[1:]...)...)
		case st.name == "server":
			p.asAdmin(words...)
		case st.name == "undo":
			undo = append(undo, words)
		case st.name == "open":
			p.open(words[0], words[1:]...)
		case st.name == "close":
			p.parts[words[0]].nc.Close()
			delete(p.parts, words[0])
		case st.name == "blocked":
			p.blocked(words[0])
		case st.name == "pause":
			ms, _ := strconv.Atoi(words[0])
			time.Sleep(time.Duration(ms) * time.Millisecond)
		}
	}
	p.fence()
	for _, words := range undo {
		p.asAdmin(words...)
	}
	if len(users) > 0 {
		p.asApp(append([]string{"ACL", "DELUSER"}, users...)...)
	}
	return p.lines
}

// take does what a line about a connection says.
func (p *performance) take(st step, words []string) {
	c := p.parts[st.name]
	if c == nil {
		c = p.open(st.name)
	}
	n := 0
	switch st.op {
	case ":":
		n = 1
		c.send(words...)
	case ">":
		c.send(words...)
	case ">>":
		c.out = append(c.out, strings.Join(words, "")...)
		c.flush()
	case "|":
		c.out = resp.AppendCommand(c.out, words...)
	case "<":
		if n = 1; len(words) > 0 {
			n, _ = strconv.Atoi(words[0])
		}
		c.flush()
	}
	l := line{step: st}
	for range n {
		v, text, closed := c.read(st.masks...)
		if st.variable != "" {
			p.variables[st.variable] = v.text
		}
		l.values = append(l.values, text)
		if closed {
			break
		}
	}
	if slices.Contains(st.masks, "unordered") {
		slices.Sort(l.values)
	}
	p.lines = append(p.lines, l)
}

func (p *performance) open(name string, as ...string) *part {
	p.t.Helper()
	c := newPart(p.dial())
	p.parts[name] = c
	p.order = append(p.order, name)
	if len(as) == 1 { // anonymous
		return c
	}
	if len(as) == 0 {
		as = []string{"app", "secret"}
	}
	c.do(p.t, "AUTH", as[0], as[1])
	if p.proto == 3 {
		c.do(p.t, "HELLO", "3")
	}
	return c
}

// fence reads what is left on each connection, and ends it.
func (p *performance) fence() {
	for _, name := range p.order {
		c := p.parts[name]
		if c == nil {
			continue
		}
		delete(p.parts, name)
		l := line{step: step{text: name + ", at the end"}}
		c.send("RESET")
		for {
			_, text, closed := c.read()
			l.values = append(l.values, text)
			if closed || text == "+RESET" {
				break
			}
		}
		p.lines = append(p.lines, l)
		c.quit()
	}
}

func (p *performance) asApp(words ...string) {
	p.t.Helper()
	c := newPart(p.dial())
	c.do(p.t, "AUTH", "app", "secret")
	c.do(p.t, words...)
	c.quit()
}

func (p *performance) asAdmin(words ...string) {
	p.t.Helper()
	c := newPart(p.admin())
	c.do(p.t, words...)
	c.quit()
}

// clean makes the stage what it was at first.
func (s *stage) clean(t *testing.T) {
	t.Helper()
	c := newPart(s.admin())
	for _, words := range []string{
		"CLIENT UNPAUSE", "FLUSHALL", "SCRIPT FLUSH", "FUNCTION FLUSH", "CONFIG RESETSTAT", "SLOWLOG RESET", "LATENCY RESET",
	} {
		c.do(t, strings.Fields(words)...)
	}
	c.quit()
	(&performance{stage: s, t: t}).asApp("ACL", "LOG", "RESET")
}

// blocked waits until n clients of Redis are blocked.
func (p *performance) blocked(n string) {
	p.t.Helper()
	c := newPart(p.admin())
	defer c.quit()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if strings.Contains(c.do(p.t, "INFO", "clients").text, fmt.Sprintf("blocked_clients:%s\r\n", n)) {
			return
		}
	}
	p.t.Errorf("never %s clients blocked", n)
}
