package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// move is what one client sends in one write: one command, or several harmless ones.
type move struct {
	who  int
	asks []ask
}

// ask is one command. $0, $1 ... stand for the number of a client.
type ask struct {
	words []string
	kind  kind
}

// kind says when a command may be asked, since elsewhere an answer is meant to
// differ: docs/DIVERGENCES.md.
type kind uint8

const (
	anywhere  kind = iota
	alone          // not in MULTI
	publishes      // not in MULTI by a RESP3 subscriber, whom Redis 7.0 answers with broken RESP
	powerful       // by app, who may do everything, and not in MULTI
	leaves         // ends the connection; Redis 7.0 does not after CLIENT REPLY OFF
)

func (m move) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:", m.who)
	for i, a := range m.asks {
		if i > 0 {
			b.WriteString(" |")
		}
		for _, w := range a.words {
			if w == "" || strings.ContainsAny(w, " \"\\") {
				w = fmt.Sprintf("%q", w)
			}
			b.WriteString(" " + w)
		}
	}
	return b.String()
}

// pool is commands of one sort, a line each, with the words that stand for a choice.
type pool struct {
	weight int
	kind   kind
	batch  bool // may be one of several in a write
	asks   []string
}

var pools = map[string]pool{
	"plain": {weight: 30, batch: true, asks: []string{
		"GET K", "SET K V", "INCR n", "INCR few:n", "APPEND K V", "DEL K", "GETDEL K", "EXISTS K K", "LRANGE L 0 -1", "LLEN L", "TTL K", "MGET K K",
		"MSET K V K V", "SET K V PX 100000", "SET K V GET", "STRLEN K", "TYPE K", "PING", "PING V", "ECHO V", "LPOP L", "OBJECT ENCODING K", "TIME now",
		"COPY K K", "COPY K K DB 1 REPLACE", "MOVE K 2", "GETRANGE K 0 1",
	}},
	"push":    {weight: 12, batch: true, asks: []string{"LPUSH L V", "RPUSH L V V", "ZADD z 1 V", "ZADD few:z 1 V", "XADD x 1-* f V"}},
	"wrong":   {weight: 5, batch: true, asks: []string{"GET", "NOSUCH V", "CLIENT NOSUCH", "GET K K", "INCR L", "SET K V XX NX", "LPUSH K", "CONFIG", "SELECT x", "SELECT 99", "SELECT -1"}},
	"multi":   {weight: 14, batch: true, asks: []string{"MULTI", "MULTI", "EXEC", "EXEC", "DISCARD"}},
	"watch":   {weight: 7, batch: true, asks: []string{"WATCH K", "WATCH K L", "UNWATCH"}},
	"select":  {weight: 5, batch: true, asks: []string{"SELECT 0", "SELECT 0", "SELECT 1", "SELECT 2"}},
	"auth":    {weight: 8, asks: []string{"AUTH app secret", "AUTH app secret", "AUTH app secret", "AUTH few pw", "AUTH ro pw"}},
	"unknown": {weight: 1, asks: []string{"AUTH nobody pw", "AUTH somebody pw", "AUTH pw", "HELLO 3 AUTH few no SETNAME bad"}},
	"hello": {weight: 7, asks: []string{
		"HELLO", "HELLO 2", "HELLO 3", "HELLO 3", "HELLO 3 AUTH app secret", "HELLO 2 AUTH app secret SETNAME me", "HELLO 3 AUTH few pw SETNAME V",
		"HELLO 4", "HELLO 3 SETNAME", "HELLO x",
	}},
	"subscribe": {weight: 9, kind: alone, asks: []string{
		"SUBSCRIBE C", "SUBSCRIBE C C", "PSUBSCRIBE P", "SSUBSCRIBE C", "UNSUBSCRIBE", "UNSUBSCRIBE C", "PUNSUBSCRIBE", "PUNSUBSCRIBE P", "SUNSUBSCRIBE", "SUNSUBSCRIBE C",
	}},
	"publish": {weight: 10, kind: publishes, asks: []string{"PUBLISH C V", "PUBLISH C V", "SPUBLISH C V", "PUBSUB NUMSUB C C", "PUBSUB NUMPAT"}},
	"reply":   {weight: 3, kind: alone, asks: []string{"CLIENT REPLY OFF", "CLIENT REPLY SKIP", "CLIENT REPLY SKIP", "CLIENT REPLY ON", "CLIENT REPLY maybe"}},
	"loud":    {weight: 3, kind: alone, asks: []string{"CLIENT REPLY ON"}},
	"block": {weight: 9, asks: []string{
		"BLPOP L 0", "BRPOP L L 0", "BLMOVE L L LEFT RIGHT 0", "BZPOPMIN z few:z 0", "BLMPOP 0 2 L L LEFT", "XREAD BLOCK 0 STREAMS x $", "BLPOP L x", "BRPOPLPUSH L L 0",
	}},
	"unblock": {weight: 6, kind: powerful, asks: []string{"CLIENT UNBLOCK $I", "CLIENT UNBLOCK $I ERROR", "CLIENT UNBLOCK $I TIMEOUT", "CLIENT UNBLOCK 0"}},
	"script":  {weight: 3, asks: []string{"EVAL \"return redis.call('incr',KEYS[1])\" 1 n", "EVAL \"return {1,2,{3}}\" 0", "EVAL \"return redis.call('get','s')\" 0", "EVALSHA ffffffffffffffffffffffffffffffffffffffff 0"}},
	"client":  {weight: 4, asks: []string{"CLIENT SETNAME V", "CLIENT GETNAME", "CLIENT SETNAME \"a b\"", "CLIENT NO-EVICT on", "CLIENT GETREDIR"}},
	"info":    {weight: 3, kind: alone, asks: []string{"CLIENT INFO"}},
	"whole":   {weight: 2, kind: powerful, asks: []string{"DBSIZE", "SWAPDB 0 1", "FLUSHDB", "FLUSHALL"}},
	"kill":    {weight: 1, kind: powerful, asks: []string{"CLIENT KILL ID $I", "CLIENT KILL ID 0", "CLIENT KILL ID $I SKIPME no"}},
	"reset":   {weight: 2, asks: []string{"RESET"}},
	"quit":    {weight: 1, kind: leaves, asks: []string{"QUIT"}},
}

// habits favour some sorts, so that a run gets deep into what they do.
var habits = [][]string{
	{},
	{"multi", "watch", "plain", "select", "wrong"},
	{"subscribe", "publish", "hello", "reset"},
	{"block", "push", "unblock", "multi"},
	{"reply", "loud", "plain", "subscribe", "publish", "multi"},
	{"auth", "hello", "multi", "plain", "unknown"},
}

var choices = map[string][]string{
	"K": {"s", "s", "t", "few:s", "few:t", "n", "few:n"},
	"L": {"l", "l", "few:l"},
	"V": {"one", "two", "x", ""},
	"C": {"few:c", "few:c", "c", "d"},
	"P": {"few:*", "*", "c*"},
}

// stateMoves returns n moves of several clients that depend on nothing but the seed.
func stateMoves(seed uint64, n, clients int) []move {
	r := rand.New(rand.NewPCG(seed, 1))
	var names []string
	var weights []int
	total := 0
	favour := habits[seed%uint64(len(habits))]
	for _, name := range sortedPools {
		w := pools[name].weight
		for _, f := range favour {
			if f == name {
				w *= 4
			}
		}
		names, weights, total = append(names, name), append(weights, w), total+w
	}
	draw := func() pool {
		at := r.IntN(total)
		for i, w := range weights {
			if at -= w; at < 0 {
				return pools[names[i]]
			}
		}
		panic("weights do not add up")
	}
	moves := make([]move, n)
	for i := range moves {
		p := draw()
		m := move{who: r.IntN(clients), asks: []ask{p.draw(r, clients)}}
		for p.batch && len(m.asks) < 6 && r.IntN(4) == 0 {
			if p = draw(); p.batch {
				m.asks = append(m.asks, p.draw(r, clients))
			}
		}
		moves[i] = m
	}
	return moves
}

func (p pool) draw(r *rand.Rand, clients int) ask {
	words, err := splitWords(p.asks[r.IntN(len(p.asks))])
	if err != nil {
		panic(err)
	}
	for i, w := range words {
		if some := choices[w]; some != nil {
			words[i] = some[r.IntN(len(some))]
		} else if w == "$I" {
			words[i] = fmt.Sprintf("$%d", r.IntN(clients))
		}
	}
	if words[0] != "SET" && r.IntN(8) == 0 {
		words[0] = strings.ToLower(words[0])
	}
	return ask{words: words, kind: p.kind}
}
