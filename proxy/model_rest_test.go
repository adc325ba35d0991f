package proxy

import "github.com/tidwall/redcon"

// compare finds differences between what the client must think that it is and its
// session, when nothing is under way.
func (m *model) compare() {
	s := &m.p.s
	if m.loose || m.p.blind || len(m.asked) > 0 || len(m.p.unsent) > 0 || s.phase >= ending {
		return
	}
	m.same("user", s.user.Name, m.user)
	m.same("database", s.db, m.db)
	m.same("protocol", int(s.proto), m.proto)
	m.same("transaction", s.multi != nil, m.multi)
	m.same("watch", s.watch, m.watch != nil || s.watch && m.may)
	n, watched := 0, false
	if s.subs != nil {
		n = s.subs.count()
	}
	m.same("subscriptions", n, m.subscribed())
	n = 0
	if s.own != nil {
		r := &s.own.(*fakeLink).redis
		n, watched = r.channels(), r.watched
	}
	m.same("subscriptions in Redis", n, m.subscribed())
	m.same("watch in Redis", watched, m.watch != nil)
}

func (m *model) same(what string, got, want any) {
	if got != want {
		m.w.t.Fatalf("client %s at rest: %s = %v; want %v", m.name, what, got, want)
	}
}

func bulkOf(s string) []byte { return redcon.AppendBulkString(nil, s) }
