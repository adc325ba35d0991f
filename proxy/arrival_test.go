package proxy

import (
	"strconv"
	"strings"

	"redisgate/policy/command"
)

// arrival is a request of a model that has arrived at Redis.
type arrival struct {
	link  *fakeLink
	db    int
	proto int
	may   map[string]bool // the users who might ask it there and then
}

// reached is told of each request that arrives at Redis. Those with a serial are
// known by it: whose they are can be told on shared connections too.
func (f *fuzz) reached(l *fakeLink, args [][]byte) {
	if len(args) < 2 {
		return
	}
	id := strings.TrimPrefix(string(args[1]), "x")
	part := strings.Split(strings.TrimPrefix(id, "few"), ".")
	if len(part) != 3 {
		return
	}
	client, _ := strconv.Atoi(part[0])
	serial, _ := strconv.Atoi(part[1])
	if client < 1 || client > len(f.clients) || serial < 1 {
		return
	}
	m := f.clients[client-1]
	if m.loose {
		return
	}
	switch {
	case m.reached[id] != nil:
		f.t.Errorf("%.60q of client %s arrives at %s, and has arrived at %s", args, m.name, l.name, m.reached[id].link.name)
	case m.refused[id]:
		f.t.Errorf("%.60q of client %s arrives at %s, and has been refused", args, m.name, l.name)
	case serial <= m.last:
		f.t.Errorf("%.60q of client %s arrives at %s, after its request %d", args, m.name, l.name, m.last)
	}
	m.last = serial
	if w := m.waitsFor(); w != nil {
		f.t.Errorf("%.60q of client %s arrives at %s while a command blocks on %s", args, m.name, l.name, w.name)
	}
	for _, other := range f.w.links() {
		if other != l && !other.closed && other.owes(&m.p.s) {
			f.t.Errorf("%.60q of client %s arrives at %s, and %s has not answered it", args, m.name, l.name, other.name)
		}
	}
	m.reached[id] = &arrival{link: l, db: l.redis.ahead, proto: int(l.key.Proto), may: f.permitted(l, args)}
}

// waitsFor is the connection on which Redis has not answered the client's blocking
// command, or nil.
func (m *model) waitsFor() *fakeLink {
	for _, l := range m.w.links() {
		if a := l.redis.asked; !l.closed && len(a) > 0 && l.owner == &m.p.s && !l.redis.multi && string(a[0][0]) == "BLPOP" {
			if m.reached[string(a[0][1])] != nil {
				return l
			}
		}
	}
	return nil
}

// permitted returns who may ask this, of the users of this moment.
func (f *fuzz) permitted(l *fakeLink, args [][]byte) map[string]bool {
	may := map[string]bool{}
	cmd, failure := command.Lookup(args)
	for _, name := range fuzzNames {
		u := f.w.set.Lookup([]byte(name))
		if u == nil {
			continue
		}
		var uses command.Uses
		if failure == command.Found {
			may[name] = u.Authorise(l.redis.ahead, cmd, args, &uses).Allowed()
		} else {
			may[name] = u.AuthoriseUnknown().Allowed()
		}
	}
	return may
}

// arrived checks that e, which has been answered, ran where it should have and was
// permitted, if it ran.
func (m *model) arrived(e *expectation) { m.arrivedIn(e, m.proto) }

func (m *model) arrivedIn(e *expectation, proto int) {
	a := m.reached[e.id]
	switch {
	case a == nil:
	case !a.may[m.user]:
		m.w.t.Errorf("%s of client %s has arrived at %s, and %s may not ask it", e.what, m.name, a.link.name, m.user)
	case a.db != m.db || a.proto != proto:
		m.w.t.Errorf("%s of client %s ran in database %d, RESP%d; want %d, RESP%d", e.what, m.name, a.db, a.proto, m.db, proto)
	}
}
