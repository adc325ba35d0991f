// Package hunt makes random rules and random requests, for tests that hunt for ways around the rules: those of package
// policy, which compare verdicts with a server's, and its own, which runs the requests through a whole redisgate as users who
// may do little, and looks for anything that they touch or see beyond that.
//
// The package knows the table of commands. It does not know what is allowed to whom.
package hunt

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"redisgate/policy/command"
)

// Generator makes random rules and random requests, from the commands that both the table and a server know. It is for one
// goroutine; what it makes depends on its source of numbers alone.
type Generator struct {
	*rand.Rand
	Commands  []*command.Command // those that a server knows; read-only
	Templates []string           // what half of the requests are made after; whoever wants more of some kind appends to it
}

// New returns a generator for a server with commands of these names, as COMMAND LIST gives them.
func New(rng *rand.Rand, names []string) (*Generator, error) {
	g := &Generator{Rand: rng, Templates: slices.Clone(templates)}
	known := map[string]bool{}
	for _, n := range names {
		known[strings.ToLower(n)] = true
	}
	for _, c := range command.All() {
		// WAIT came into @blocking after Redis 7.0, so rules for that category mean different things there.
		if known[c.Name] && c.Name != "wait" {
			g.Commands = append(g.Commands, c)
		}
	}
	if len(g.Commands) < 300 {
		return nil, fmt.Errorf("the server shares %d commands with the table; want at least 300", len(g.Commands))
	}
	return g, nil
}

// Pick returns one of from.
func Pick[T any](g *Generator, from []T) T { return from[g.IntN(len(from))] }

// What rules and requests are made of. They overlap, so that rules often fit, and many are spelled like options.
var (
	KeyRules = strings.Fields(`~a* ~ab ~b? ~*b ~[ab]* ~[^a]* %R~a* %W~a* %R~*b %W~*b %RW~ab %rw~b %R~[a-b]? %W~STORE ~store %R~STREAMS
		%R~get %RW~* %R~* %W~* ~a\* ~ ~*a*b %R ~LIMIT`)
	ChannelRules = strings.Fields(`&a* &ab &b? &[ab]* &*b & &a\* &a*b`)
	KeyWords     = []string{"a", "ab", "b", "ba", "abb", "", "STORE", "store", "STREAMS", "get", "LIMIT", "a*", "a\x00b", "\xff", "c", "cc"}
	OtherWords   = strings.Fields(`0 1 2 3 -1 01 1x +1 99999999999999999999 GET set STORE STOREDIST LIMIT BY ASC DESC ALPHA COUNT BLOCK
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

// Rules makes the words of a user: a root selector, and up to three more.
func (g *Generator) Rules() []string {
	words := append([]string{"reset"}, g.Selector()...)
	for range g.IntN(4) {
		words = append(words, "("+strings.Join(g.Selector(), " ")+")")
	}
	return words
}

// Selector makes the words of one selector.
func (g *Generator) Selector() []string {
	var words []string
	switch g.IntN(6) {
	case 0:
		words = append(words, "~*")
	default:
		for range g.IntN(4) {
			words = append(words, Pick(g, KeyRules))
		}
	}
	switch g.IntN(3) {
	case 0:
		words = append(words, "&*")
	case 1:
		for range 1 + g.IntN(2) {
			words = append(words, Pick(g, ChannelRules))
		}
	}
	if g.IntN(3) > 0 {
		words = append(words, "+@all")
	}
	for range g.IntN(5) {
		sign := Pick(g, []string{"+", "-"})
		switch g.IntN(4) {
		case 0:
			words = append(words, sign+"@"+Pick(g, command.CategoryNames()))
		case 1:
			words = append(words, Pick(g, []string{"+select|1", "+set|ab", "+get|A", "+sort|a", "+publish|ab"}))
		default:
			words = append(words, sign+Pick(g, g.Commands).Name)
		}
	}
	return words
}

// Request makes a random request, often a good one and often not quite.
func (g *Generator) Request() [][]byte {
	var words []string
	if g.IntN(2) == 0 {
		for _, w := range strings.Split(Pick(g, g.Templates), " ") {
			words = append(words, g.fill(w))
		}
	} else {
		c := Pick(g, g.Commands)
		words = strings.Split(c.Name, "|")
		n := max(c.Arity, -c.Arity)
		if c.Arity < 0 {
			n += g.IntN(4)
		}
		for len(words) < n {
			words = append(words, g.fill(Pick(g, []string{"k", "k", "w", "n", "o"})))
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

func (g *Generator) fill(w string) string {
	switch w {
	case "k":
		return Pick(g, KeyWords)
	case "n":
		return strconv.Itoa(g.IntN(4))
	case "w":
		return Pick(g, OtherWords)
	case "o":
		return g.RandomCase(Pick(g, OtherWords))
	}
	return w
}

// mutate changes one thing behind the name of the command.
func (g *Generator) mutate(words []string) []string {
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
		words[i] = g.RandomCase(words[i])
	case 4:
		words[i] += "\x00x"
	case 5:
		words[i] = Pick(g, OtherWords)
	case 6:
		words = append(words[:i], words[i+1:]...)
	case 7:
		words = append(words, Pick(g, OtherWords), Pick(g, KeyWords))
	}
	return words
}

// RandomCase changes the case of some letters.
func (g *Generator) RandomCase(s string) string {
	b := []byte(s)
	for i, c := range b {
		if g.IntN(2) == 0 && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			b[i] ^= 0x20
		}
	}
	return string(b)
}
