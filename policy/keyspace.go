package policy

import (
	"bytes"
	"strconv"
)

// The channels on which Redis tells what happens to keys: __keyspace@5__:name and __keyevent@5__:del (notify.c).
var keyspaceChannels = [...]string{"__keyspace@", "__keyevent@"}

// mayHearKeyspace reports whether a channel, or all that a pattern may match, is outside the keyspace events of databases
// that are not the user's. A pattern is judged by the text before its first special character.
func (u *User) mayHearKeyspace(channel []byte, isPattern bool) bool {
	head, open := channel, false
	if isPattern {
		if i := bytes.IndexAny(channel, `*?[\`); i >= 0 {
			head, open = channel[:i], true
		}
	}
	for _, p := range keyspaceChannels {
		if len(head) < len(p) {
			if open && p[:len(head)] == string(head) {
				return false
			}
			continue
		}
		if string(head[:len(p)]) != p {
			continue
		}
		digits, _, ok := bytes.Cut(head[len(p):], []byte("__"))
		if !ok {
			if open {
				return false
			}
			continue
		}
		db, err := strconv.Atoi(string(digits))
		if err == nil && strconv.Itoa(db) == string(digits) && !u.MayUse(db) {
			return false
		}
	}
	return true
}
