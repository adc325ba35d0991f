package policy

import "bytes"

// eventKey returns the name of the key that a message on channel is about, if it is one of the server's notifications:
// __keyspace@5__:name, whose message is the event, or __keyevent@5__:del, whose message is the name (notify.c).
func eventKey(channel, message []byte) (key []byte, ok bool) {
	for i, p := range keyspaceChannels {
		if !bytes.HasPrefix(channel, []byte(p)) {
			continue
		}
		if i == 1 {
			return message, true
		}
		_, key, _ := bytes.Cut(channel, []byte("__:"))
		return key, true
	}
	return nil, false
}

// MayTellOfKeys reports whether a message on a channel that begins with head can be a notification about a key. To be sure
// that it is none, head needs as many bytes as EventHead, or the channel is as short as head.
func MayTellOfKeys(head []byte) bool {
	for _, p := range keyspaceChannels {
		if n := min(len(head), len(p)); string(head[:n]) == p[:n] {
			return true
		}
	}
	return false
}

// EventHead is the length of the beginning of a channel by which notifications are known.
const EventHead = len("__keyspace@")

// MayHear reports whether the user may get a message on a channel that he has subscribed to: any but a notification about
// a key that he may not read.
func (u *User) MayHear(channel, message []byte) bool {
	key, ok := eventKey(channel, message)
	return !ok || u.MayRead(key)
}
