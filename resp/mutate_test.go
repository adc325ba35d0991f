package resp

import (
	"bytes"
	"math/rand/v2"
	"strings"
)

// randomStream is a few requests one behind the other, arrays and inline.
func randomStream(r *rand.Rand) []byte {
	var in []byte
	for range 1 + r.IntN(4) {
		words := requestWords[r.IntN(len(requestWords))]
		if r.IntN(4) == 0 {
			for i, w := range words {
				if i > 0 {
					in = append(in, ' ')
				}
				switch r.IntN(3) {
				case 0:
					in = append(in, w...)
				case 1:
					in = append(append(append(in, '"'), w...), '"')
				case 2:
					in = append(append(append(in, '\''), w...), '\'')
				}
			}
			in = append(in, "\r\n"[r.IntN(2):]...)
			continue
		}
		in = AppendCommand(in, words...)
	}
	return in
}

// requestWords are commands whose answers say what arrived, that change nothing
// for good, and that no changed byte turns into one that does.
var requestWords = [][]string{
	{"ECHO", "words"}, // not hello: that answers with an id
	{"ECHO", ""},
	{"ECHO", "\r\n$1\r\n*1\r\n"},
	{"ECHO", `a\x41\"\n' "`},
	{"ECHO", "0123456789abcdefghij"},
	{"PING"},
	{"PING", "pong"},
	{"SET", "key", "value"},
	{"SET", "key", "0123456789012345678901234567890123456789"},
	{"GET", "key"},
	{"MGET", "key", "other", "third"},
	{"NOSUCH", "a", "b", "c"},
	{""},
}

// damage is what lengths, line ends, quotes and escapes are made of.
const damage = "*$0123456789-+\r\n\r\n \"'\\x:?\x00a"

// randomDamage changes in a little, or not at all, and adds hostile beginnings.
func randomDamage(in []byte, r *rand.Rand) []byte {
	switch r.IntN(10) {
	case 0:
		return in
	case 1:
		i := r.IntN(len(in) + 1)
		h := hostile[r.IntN(len(hostile))].in
		if len(h) > 200 || strings.Contains(h, "Host:") { // on that Redis drops even replies that it owes
			return in
		}
		return bytes.Join([][]byte{in[:i], []byte(h), in[i:]}, nil)
	case 2:
		return in[:r.IntN(len(in)+1)]
	}
	mutate(&in, r, damage)
	return in
}
