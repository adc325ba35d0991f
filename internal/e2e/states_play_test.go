package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"redisgate/resp"
)

// theatre is where moves are played: on a Redis itself, which says what must come,
// and on another one through a gate.
type theatre struct {
	t             *testing.T
	direct, gated *stage
	oracle, shade *part // administrators of the one and of the other Redis
	plays         int
}

// playsInGate is for how long one gate bears the wrong passwords that are played.
const playsInGate = 10

// renew begins with other servers.
func (h *theatre) renew() {
	t := h.t
	direct, gated := stages(t)
	h.direct, h.gated = direct, gated
	h.oracle, h.shade = newPart(direct.admin()), newPart(gated.admin())
	for _, s := range []*stage{direct, gated} {
		(&performance{stage: s, t: t}).asApp("ACL", "SETUSER", "few", "on", ">pw", "~few:*", "&few:*", "-@all", "+get", "+set", "+incr", "+lpush", "+blpop",
			"+subscribe", "+psubscribe", "+unsubscribe", "+publish", "+multi", "+exec", "+discard", "+watch", "+ping", "+select", "+client|setname", "+copy")
		(&performance{stage: s, t: t}).asApp("ACL", "SETUSER", "ro", "on", ">pw", "%R~*", "&*", "+@read", "-scan", "-keys", "-randomkey", "-dbsize",
			"+multi", "+exec", "+watch", "+subscribe", "+unsubscribe", "+psubscribe", "+punsubscribe", "+publish", "+ping", "+select", "+client|getname")
	}
}

// player is one client on both stages.
type player struct {
	direct, gated *part
	raw           syscall.RawConn // direct's
	ids           [2]string
	unread        []byte
	quiet         bool // CLIENT REPLY may have made it so
	bound         bool // has state on a connection to Redis that CLIENT UNBLOCK would end
	gone          bool
}

func (h *theatre) player() *player {
	p := &player{direct: newPart(h.direct.dial()), gated: newPart(h.gated.dial())}
	raw, err := p.direct.nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		h.t.Fatal(err)
	}
	p.raw = raw
	for i, c := range []*part{p.direct, p.gated} {
		c.do(h.t, "AUTH", "app", "secret")
		p.ids[i] = c.do(h.t, "CLIENT", "ID").text
	}
	return p
}

// come returns what Redis has said to p so far. It never waits: Redis was asked
// something else meanwhile, twice, so that all is there.
func (p *player) come() (values []value, err error) {
	buf := make([]byte, 64<<10)
	for {
		n := 0
		p.raw.Read(func(fd uintptr) bool {
			n, err = syscall.Read(int(fd), buf)
			return true
		})
		if n > 0 {
			p.unread = append(p.unread, buf[:n]...)
			continue
		}
		if err == syscall.EINTR {
			continue
		}
		p.gone = n == 0 && err == nil || err == syscall.ECONNRESET || err == syscall.EPIPE
		break
	}
	for len(p.unread) > 0 {
		rest := bytes.NewReader(p.unread)
		r := bufio.NewReaderSize(rest, 16)
		v, err := readValue(r)
		if err != nil {
			return values, fmt.Errorf("Redis has said half of a reply: %q: %w", p.unread, err)
		}
		values = append(values, v)
		p.unread = p.unread[len(p.unread)-rest.Len()-r.Buffered():]
	}
	return values, nil
}

// seen is what Redis knows of a client.
type seen map[string]string

func (h *theatre) look(players []*player) map[string]seen {
	all := map[string]seen{}
	for _, line := range strings.Split(strings.TrimSpace(h.oracle.do(h.t, "CLIENT", "LIST").text), "\n") {
		s := seen{}
		for _, f := range strings.Fields(line) {
			name, v, _ := strings.Cut(f, "=")
			s[name] = v
		}
		all[s["id"]] = s
	}
	return all
}

// may says whether an ask is one whose answers must be the same.
func (p *player) may(a ask, s seen) bool {
	multi := s["multi"] != "-1"
	if strings.Contains(s["flags"], "b") && !slices.Contains(afterWait, strings.ToUpper(a.words[0])) {
		return false
	}
	switch a.kind {
	case alone:
		return !multi
	case publishes:
		return !(multi && s["resp"] == "3" && subscribed(s))
	case powerful:
		return !multi && s["user"] == "app"
	case leaves:
		return !p.quiet
	}
	return true
}

// afterWait is what a client that waits may ask for already: when several are woken
// at once, who goes on first is nobody's promise.
var afterWait = []string{"GET", "MGET", "STRLEN", "PING", "ECHO", "MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH", "AUTH", "HELLO", "SELECT", "RESET", "NOSUCH"}

func subscribed(s seen) bool { return s["sub"] != "0" || s["psub"] != "0" || s["ssub"] != "0" }

// frees is the client that an ask unblocks, or -1.
func (a ask) frees() int {
	if len(a.words) > 2 && strings.EqualFold(a.words[1], "unblock") && a.words[2][0] == '$' {
		n, _ := strconv.Atoi(a.words[2][1:])
		return n
	}
	return -1
}

// binds notes what watches or subscribes, and what surely ends that.
func (p *player) binds(a ask, s seen) {
	switch word := strings.ToLower(a.words[0]); word {
	case "watch", "subscribe", "psubscribe", "ssubscribe":
		p.bound = true
	case "exec", "discard", "unwatch":
		p.bound = p.bound && (s["multi"] == "-1" || subscribed(s))
	}
}

// play plays the moves and returns the first difference, or "".
func (h *theatre) play(moves []move, clients int) (difference string) {
	if h.plays%playsInGate == 0 {
		h.renew()
	}
	h.plays++
	h.reset()
	players := make([]*player, clients)
	for i := range players {
		players[i] = h.player()
	}
	defer func() {
		for _, p := range players {
			p.direct.nc.Close()
			p.gated.nc.Close()
		}
	}()
	for n, m := range moves {
		if d := h.move(players, m); d != "" {
			return fmt.Sprintf("move %d, %s\n%s", n+1, m, d)
		}
	}
	return h.end(players)
}

func (h *theatre) move(players []*player, m move) string {
	p := players[m.who]
	s := h.look(players)[p.ids[0]]
	sent := 0
	for _, a := range m.asks {
		if !p.may(a, s) || a.frees() >= 0 && players[a.frees()].bound {
			continue
		}
		p.binds(a, s)
		for i, c := range []*part{p.direct, p.gated} {
			words := slices.Clone(a.words)
			for j, w := range words {
				if k, err := strconv.Atoi(strings.TrimPrefix(w, "$")); err == nil && w[0] == '$' {
					words[j] = players[k].ids[i]
				}
			}
			c.out = resp.AppendCommand(c.out, words...)
		}
		p.quiet = p.quiet || strings.EqualFold(strings.Join(a.words[:min(2, len(a.words))], " "), "client reply")
		sent++
	}
	if sent == 0 {
		return ""
	}
	p.direct.flush()
	p.gated.flush()
	h.oracle.do(h.t, "PING")
	h.oracle.do(h.t, "PING")
	for i, q := range players {
		if d := h.compare(q); d != "" {
			return fmt.Sprintf("client %d: %s", i, d)
		}
	}
	if d := h.settle(); d != "" {
		return d
	}
	for i, q := range players {
		if q.gone {
			q.direct.nc.Close()
			q.gated.nc.Close()
			players[i] = h.player()
		}
	}
	return ""
}

// end has each client that does not wait say RESET, and compares what comes until
// that is answered.
func (h *theatre) end(players []*player) string {
	for i, p := range players {
		if strings.Contains(h.look(players)[p.ids[0]]["flags"], "b") {
			continue
		}
		p.direct.send("RESET")
		p.gated.send("RESET")
		h.oracle.do(h.t, "PING")
		h.oracle.do(h.t, "PING")
		if d := h.compare(p); d != "" {
			return fmt.Sprintf("client %d, at the end: %s", i, d)
		}
	}
	return ""
}

// reset makes both stages what they were at first.
func (h *theatre) reset() {
	for _, c := range []*part{h.oracle, h.shade} {
		for deadline := time.Now().Add(patience); !strings.Contains(c.do(h.t, "INFO", "clients").text, "blocked_clients:0\r\n"); {
			if time.Now().After(deadline) {
				h.t.Fatal("clients that have left still wait")
			}
		}
		for _, words := range []string{"FLUSHALL", "CONFIG RESETSTAT"} {
			c.do(h.t, strings.Fields(words)...)
		}
	}
}
