package proxy

import (
	"bytes"
	"fmt"
	"strings"
)

// executed takes the replies to a transaction that has run, p, each of which may
// change what those behind it have to be.
func (m *model) executed(e *expectation, p []byte) {
	t := m.w.t
	head, rest, _ := bytes.Cut(p, []byte("\r\n"))
	if want := fmt.Sprint("*", len(m.queue)); string(head) != want {
		t.Fatalf("client %s got %.200q for %s; want %s", m.name, p, e.what, want)
	}
	asked := m.proto // in which all of it has arrived
	m.multi = false
	for i := range m.queue {
		q := &m.queue[i]
		n, _, err := m.framer.Next(rest)
		if err != nil {
			t.Fatalf("client %s got %.200q for %s: %v", m.name, p, e.what, err)
		}
		got := rest[:n]
		rest = rest[n:]
		if a := m.reached[q.id]; a != nil && m.watch != nil && a.link != m.watch {
			t.Errorf("client %s: keys are watched on %s, and %s ran on %s", m.name, m.watch.name, q.what, a.link.name)
		}
		if got[0] == '-' {
			m.failed(q, string(got))
			continue
		}
		want := m.want(q)
		if q.verb == "select" && q.number >= fakeDatabases || !m.matches(q, got, want) {
			t.Fatalf("client %s got %.200q for %s in a transaction; want %.200q", m.name, got, q.what, want)
		}
		m.arrivedIn(q, asked)
		db := m.db
		m.become(q)
		if q.verb != "select" {
			m.db = db // nobody is moved in the middle of a transaction
		}
	}
	m.ended()
}

// failed takes an error in the place of q's reply in a transaction.
func (m *model) failed(q *expectation, p string) {
	switch {
	case strings.HasPrefix(p, "-"+textRulesMoved):
		m.mustNotArrive(q, p)
	case q.verb == "auth", q.verb == "hello", q.verb == "select" && q.number >= fakeDatabases, q.verb == "" && q.id == "":
	default:
		m.w.t.Fatalf("client %s got %.200q for %s in a transaction", m.name, p, q.what)
	}
}

// aborted takes note of a transaction that has not run.
func (m *model) aborted() {
	for i := range m.queue {
		if v := m.queue[i].verb; v == "auth" || v == "hello" {
			break // who has asked for what follows is not known
		}
		m.arrived(&m.queue[i])
		if m.queue[i].verb == "select" {
			break // nor where
		}
	}
	m.ended()
}

// ended is the state after a transaction.
func (m *model) ended() { m.multi, m.watch, m.may, m.queue = false, nil, false, nil }
