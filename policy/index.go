package policy

import (
	"unsafe"

	"github.com/armon/go-radix"

	"redisgate/policy/command"
)

// index finds in one walk what many patterns say of a subject, most of them being literals or prefixes: a thousand cost
// little more than three. It is built once, when the rules are read, and never changed.
type index struct {
	tree  *radix.Tree // of the texts of literals and prefixes, to *node
	rest  needs       // of patterns that match whatever is not empty
	globs []keyPattern
}

// node is what patterns with one text say. The longest text that a subject begins with is enough to know, since below has
// what all shorter prefixes allow.
type node struct {
	whole needs // for a subject that is this text
	below needs // for any that begins with it
}

// needs is a set of command.Need, by bit: those that one pattern meets, or several each on its own. Two patterns of which
// one allows reading and the other writing do not meet the need for both.
type needs uint8

// meets is the needs that a pattern with these rights meets.
func meets(may command.Need) needs {
	var set needs
	for need := command.Any; need <= command.Read|command.Write; need++ {
		if may&need == need {
			set |= 1 << need
		}
	}
	return set
}

func (n needs) has(need command.Need) bool { return n&(1<<need) != 0 }

// indexFrom is how many patterns are worth an index. Trying patterns in turn takes 2 ns for each whose first byte differs and
// 6 for others; the walk takes 20 ns, and 35 among a thousand (BenchmarkPatterns).
const indexFrom = 6

// newIndex returns nil if trying the patterns in turn is faster.
func newIndex(patterns []keyPattern) *index {
	if len(patterns) < indexFrom {
		return nil
	}
	return buildIndex(patterns)
}

func buildIndex(patterns []keyPattern) *index {
	x := &index{tree: radix.New()}
	nodes := map[string]*node{}
	at := func(text string) *node {
		n := nodes[text]
		if n == nil {
			n = &node{}
			nodes[text] = n
			x.tree.Insert(text, n)
		}
		return n
	}
	for _, p := range patterns {
		switch p.kind {
		case literal:
			at(p.lit).whole |= meets(p.may)
		case prefix:
			at(p.lit).below |= meets(p.may)
		case anything:
			x.rest |= meets(p.may)
		case glob:
			x.globs = append(x.globs, p)
		case never:
		}
	}
	for text, n := range nodes {
		x.tree.WalkPath(text, func(_ string, shorter any) bool {
			n.below |= shorter.(*node).below
			return false
		})
	}
	return x
}

// match reports whether one pattern matches s and meets the need.
func (x *index) match(s []byte, need command.Need) bool {
	// The tree takes strings, and a copy of the key would be an allocation a request. It compares this one and keeps nothing
	// of it: what LongestPrefix returns is the tree's own text. So the string lives no longer than s may be read.
	text, v, ok := x.tree.LongestPrefix(unsafe.String(unsafe.SliceData(s), len(s)))
	if ok {
		n, _ := v.(*node)
		if n.below.has(need) || len(text) == len(s) && n.whole.has(need) {
			return true
		}
	}
	if len(s) > 0 && x.rest.has(need) {
		return true
	}
	for i := range x.globs {
		if p := &x.globs[i]; p.may&need == need && matchGlob(p.text, s) {
			return true
		}
	}
	return false
}
