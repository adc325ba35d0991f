package policy

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/policy/command"
)

// generator makes random rules and random requests, from the commands that both the table and a server know.
type generator struct {
	*rand.Rand
	commands []*command.Command
}

func newGenerator(t *testing.T, rng *rand.Rand, client *redis.Client) *generator {
	t.Helper()
	g := &generator{Rand: rng}
	names, err := client.Do(context.Background(), "COMMAND", "LIST").StringSlice()
	if err != nil {
		t.Fatalf("COMMAND LIST = %v; want names", err)
	}
	known := map[string]bool{}
	for _, n := range names {
		known[strings.ToLower(n)] = true
	}
	for _, c := range command.All() {
		// WAIT came into @blocking after Redis 7.0, so rules for that category mean different things there.
		if known[c.Name] && c.Name != "wait" {
			g.commands = append(g.commands, c)
		}
	}
	if len(g.commands) < 300 {
		t.Fatalf("the server shares %d commands with the table; want at least 300", len(g.commands))
	}
	return g
}

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }

var (
	keyRules = strings.Fields(`~a* ~ab ~b? ~*b ~[ab]* ~[^a]* %R~a* %W~a* %R~*b %W~*b %RW~ab %rw~b %R~[a-b]? %W~STORE ~store %R~STREAMS
		%R~get %RW~* %R~* %W~* ~a\* ~ ~*a*b %R ~LIMIT`)
	channelRules = strings.Fields(`&a* &ab &b? &[ab]* &*b & &a\* &a*b`)
	keyWords     = []string{"a", "ab", "b", "ba", "abb", "", "STORE", "store", "STREAMS", "get", "LIMIT", "a*", "a\x00b", "\xff", "c", "cc"}
	otherWords   = strings.Fields(`0 1 2 3 -1 01 1x +1 99999999999999999999 GET set STORE STOREDIST LIMIT BY ASC DESC ALPHA COUNT BLOCK
		STREAMS GROUP NOACK DB REPLACE EX PX NX XX KEEPTTL OVERFLOW INCRBY u8 WITHDIST KEYS AUTH AUTH2 COPY ANY LEFT RIGHT MIN MAX
		WEIGHTS AGGREGATE m km > $ * a* GET# BCAST ON TRACKING IDLE IFEQ`)
)

// templates are requests of commands whose keys move: k a key, n a small number, w any word, o an option's place.
var templates = []string{
	"set k w", "set k w GET", "set k w EX n", "set k w NX GET", "set k w o", "set k w o o", "set k w IFEQ w",
	"bitfield k GET u8 n", "bitfield k SET u8 n n", "bitfield k OVERFLOW SAT INCRBY u8 n n", "bitfield k GET u8 n GET u8 n o",
	"sort k", "sort k BY w", "sort k BY a* GET # LIMIT n n STORE k", "sort k STORE k", "sort k STORE k ASC", "sort k o STORE k o",
	"sort k STORE k STORE k", "sort_ro k LIMIT n n", "sort_ro k o",
	"georadius k n n n km", "georadius k n n n km STORE k", "georadius k n n n km STORE k STOREDIST k", "georadius k n n n km o STORE k o",
	"georadiusbymember k w n km STORE k", "georadiusbymember k w n km o STOREDIST k", "georadius_ro k n n n km o",
	"xread STREAMS k n", "xread COUNT n BLOCK n STREAMS k k n n", "xread o STREAMS k n",
	"xreadgroup GROUP w w STREAMS k >", "xreadgroup COUNT n GROUP w k STREAMS k >", "xreadgroup GROUP w k NOACK STREAMS k k > >",
	"eval w n k k w", "evalsha w n k", "eval_ro w n k k", "fcall w n k w", "fcall_ro w n k",
	"zunion n k k", "zunionstore k n k k", "zinter n k k WEIGHTS n n", "zinterstore k n k AGGREGATE MIN", "zdiff n k", "zdiffstore k n k k",
	"zintercard n k k", "sintercard n k k LIMIT n", "lmpop n k k LEFT", "zmpop n k MIN", "blmpop n n k k LEFT", "bzmpop n n k MAX",
	"copy k k", "copy k k DB n", "copy k k REPLACE DB n", "copy k k o n", "move k n", "swapdb n n", "select n",
	"migrate w n k n n", "migrate w n  n n KEYS k k", "migrate w n k n n AUTH w", "migrate w n  n n AUTH2 w w COPY KEYS k",
	"subscribe k k", "psubscribe k k", "ssubscribe k", "publish k w", "spublish k w", "unsubscribe k",
	"mset k w k w", "mget k k k", "del k k", "pfmerge k", "pfmerge k k k", "rename k k", "bitop AND k k k", "blpop k k n",
	"object encoding k", "memory usage k", "xgroup create k w $", "xinfo stream k", "lcs k k", "smove k k w", "get k",
	"geoadd k n n w", "geoadd k 0 0 m", "zadd k n w", "rpush k w n", "sadd k w n", "pfadd k w", "xadd k * w w", "hset k w n",
	"xgroup create k w $ MKSTREAM", "xgroup create k STREAMS $ MKSTREAM", "exists k k", "client tracking ON BCAST", "command getkeys get k", "scan n", "watch k k", "getex k EX n", "spop k",
}

// rules makes the words of a user: a root selector, and up to three more.
func (g *generator) rules() []string {
	words := append([]string{"reset"}, g.selector()...)
	for range g.IntN(4) {
		words = append(words, "("+strings.Join(g.selector(), " ")+")")
	}
	return words
}

func (g *generator) selector() []string {
	var words []string
	switch g.IntN(6) {
	case 0:
		words = append(words, "~*")
	default:
		for range g.IntN(4) {
			words = append(words, pick(g, keyRules))
		}
	}
	switch g.IntN(3) {
	case 0:
		words = append(words, "&*")
	case 1:
		for range 1 + g.IntN(2) {
			words = append(words, pick(g, channelRules))
		}
	}
	if g.IntN(3) > 0 {
		words = append(words, "+@all")
	}
	for range g.IntN(5) {
		sign := pick(g, []string{"+", "-"})
		switch g.IntN(4) {
		case 0:
			words = append(words, sign+"@"+pick(g, command.CategoryNames()))
		case 1:
			words = append(words, pick(g, []string{"+select|1", "+set|ab", "+get|A", "+sort|a", "+publish|ab"}))
		default:
			words = append(words, sign+pick(g, g.commands).Name)
		}
	}
	return words
}

// user makes the same random user here and on the server.
func (g *generator) user(t *testing.T, client *redis.Client) (*User, []string) {
	t.Helper()
	for {
		words := g.rules()
		line := []any{"ACL", "SETUSER", "app"}
		for _, w := range words {
			line = append(line, w)
		}
		serverErr := client.Do(context.Background(), line...).Err()
		u, err := NewUser("app", words, Options{})
		if serverErr == nil && err == nil {
			return u, words
		}
		if serverErr == nil || err == nil || serverErr.Error() != "ERR "+err.Error() {
			t.Fatalf("NewUser(%q) = %v; the server says %v", words, err, serverErr)
		}
	}
}

// request makes a random request, often a good one and often not quite.
func (g *generator) request() [][]byte {
	var words []string
	if g.IntN(2) == 0 {
		for _, w := range strings.Split(pick(g, templates), " ") {
			words = append(words, g.fill(w))
		}
	} else {
		c := pick(g, g.commands)
		words = strings.Split(c.Name, "|")
		n := max(c.Arity, -c.Arity)
		if c.Arity < 0 {
			n += g.IntN(4)
		}
		for len(words) < n {
			words = append(words, g.fill(pick(g, []string{"k", "k", "w", "n", "o"})))
		}
	}
	for range g.IntN(6) - 3 {
		words = g.mutate(words)
	}
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	return args
}

func (g *generator) fill(w string) string {
	switch w {
	case "k":
		return pick(g, keyWords)
	case "n":
		return strconv.Itoa(g.IntN(4))
	case "w":
		return pick(g, otherWords)
	case "o":
		return g.randomCase(pick(g, otherWords))
	}
	return w
}

// mutate changes one thing behind the name of the command.
func (g *generator) mutate(words []string) []string {
	from := 1
	if c := command.ByName(words[0]); c != nil && c.Flags.Has(command.FlagContainer) {
		from = 2
	}
	if len(words) <= from {
		return words
	}
	i := from + g.IntN(len(words)-from)
	j := from + g.IntN(len(words)-from)
	words = append([]string(nil), words...)
	switch g.IntN(8) {
	case 0:
		words[i], words[j] = words[j], words[i]
	case 1:
		words = append(words[:i], append([]string{words[j]}, words[i:]...)...)
	case 2:
		words = append(words, words[i:]...)
	case 3:
		words[i] = g.randomCase(words[i])
	case 4:
		words[i] += "\x00x"
	case 5:
		words[i] = pick(g, otherWords)
	case 6:
		words = append(words[:i], words[i+1:]...)
	case 7:
		words = append(words, pick(g, otherWords), pick(g, keyWords))
	}
	return words
}

func (g *generator) randomCase(s string) string {
	b := []byte(s)
	for i, c := range b {
		if g.IntN(2) == 0 && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			b[i] ^= 0x20
		}
	}
	return string(b)
}
