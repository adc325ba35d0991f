package proxy

import (
	"strings"

	"redisgate/policy/command"
)

// subscriptions is what a client has subscribed to. While there is any, its
// dedicated connection is pinned and carries all of its commands.
type subscriptions struct {
	channels, patterns, shards map[string]struct{}
	bytes                      int
	held                       *int64 // the worker's count of bytes that sessions hold

	// What the last request has changed, until Redis has answered it.
	set   *map[string]struct{}
	names []string
	added bool
}

// maxSubscribed bounds the names that one client may be subscribed to, in bytes.
const maxSubscribed = 1 << 20

func (u *subscriptions) count() int { return len(u.channels) + len(u.patterns) + len(u.shards) }

// kind returns the names that cmd is about.
func (u *subscriptions) kind(cmd *command.Command) *map[string]struct{} {
	switch strings.TrimSuffix(strings.TrimSuffix(cmd.Name, "subscribe"), "un") {
	case "p":
		return &u.patterns
	case "s":
		return &u.shards
	}
	return &u.channels
}

// nameCost is what a name costs besides its bytes.
const nameCost = 64

func (u *subscriptions) charge(delta int) {
	u.bytes += delta
	*u.held += int64(delta)
}

// add takes the names into set, all of them or, if that were too many, none.
func (u *subscriptions) add(set *map[string]struct{}, names [][]byte) bool {
	cost := 0
	for _, name := range names {
		if _, ok := (*set)[string(name)]; !ok {
			cost += len(name) + nameCost
		}
	}
	if u.bytes+cost > maxSubscribed {
		return false
	}
	if *set == nil {
		*set = map[string]struct{}{}
	}
	u.set, u.names, u.added = set, nil, true
	for _, name := range names {
		if _, ok := (*set)[string(name)]; !ok {
			u.put(string(name))
		}
	}
	return true
}

func (u *subscriptions) put(name string) {
	(*u.set)[name] = struct{}{}
	u.names = append(u.names, name)
	u.charge(len(name) + nameCost)
}

// remove takes the names out of set, and all that are in it if there are none.
func (u *subscriptions) remove(set *map[string]struct{}, names [][]byte) {
	u.set, u.names, u.added = set, nil, false
	for _, name := range names {
		u.take(string(name))
	}
	if len(names) == 0 {
		for name := range *set {
			u.take(name)
		}
	}
}

func (u *subscriptions) take(name string) {
	if _, ok := (*u.set)[name]; ok {
		delete(*u.set, name)
		u.names = append(u.names, name)
		u.charge(-len(name) - nameCost)
	}
}

// answered forgets what the last request has changed.
func (u *subscriptions) answered() { u.set, u.names = nil, nil }

// undo takes back what the last request has changed: Redis has refused it.
func (u *subscriptions) undo() {
	if u.set == nil {
		return
	}
	for _, name := range u.names {
		if u.added {
			u.take(name)
		} else {
			u.put(name)
		}
	}
	u.answered()
}

// unsubscribe forgets all subscriptions, Redis has done so or will with the connection.
func (s *session) unsubscribe() {
	if s.subs != nil {
		s.subs.charge(-s.subs.bytes)
		s.subs = nil
	}
}

// subscribe is SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and their opposites. Each
// channel is one reply (pubsub.c, addReplyPubsubSubscribed).
func (s *session) subscribe(cmd *command.Command, args [][]byte, raw []byte) bool {
	off := strings.HasSuffix(cmd.Name, "unsubscribe")
	if s.subs == nil && off {
		if s.silence != loud {
			if !s.settled() {
				return false
			}
			s.put(s.unsubscribedNothing(cmd, args[1:])) // it is a message
			return true
		}
		s.say(s.unsubscribedNothing(cmd, args[1:]))
		return true
	}
	// The names are counted as Redis counts them when the request arrives there:
	// so nothing may be on its way that could still fail.
	if !s.settled() {
		return false
	}
	l, waits := s.onOwn()
	if l == nil {
		return !waits
	}
	if s.subs == nil {
		s.subs = &subscriptions{held: &s.k.bufs.held}
		l.SetSubscriber(true)
	}
	set := s.subs.kind(cmd)
	n := len(args) - 1
	if off {
		if n == 0 {
			n = max(1, len(*set))
		}
		s.subs.remove(set, args[1:])
	} else if !s.subs.add(set, args[1:]) {
		s.fail(textSubscribed)
		s.settle()
		return true
	}
	l.SendMany(s, raw, n)
	s.sent += uint64(n)
	s.many = s.sent
	s.apart = true
	return true
}

// unsubscribedNothing is Redis's answer to a client that has no subscription.
func (s *session) unsubscribedNothing(cmd *command.Command, names [][]byte) []byte {
	var out []byte
	for i := 0; i == 0 || i < len(names); i++ {
		if s.proto == 3 {
			out = append(out, ">3\r\n"...)
		} else {
			out = appendArray(out, 3)
		}
		out = appendBulkString(out, cmd.Name)
		if len(names) == 0 {
			out = append(out, s.null()...)
		} else {
			out = appendBulk(out, names[i])
		}
		out = appendInt(out, 0)
	}
	return out
}

// duringSubscription says that RESP2 permits cmd while subscribed (server.c, processCommand).
func duringSubscription(cmd *command.Command) bool {
	return cmd.Route == command.RouteSubscribe || cmd.Name == "ping" || cmd.Name == "quit" || cmd.Name == "reset"
}

func appendSubscribedText(dst []byte, name string) []byte {
	dst = append(dst, "ERR Can't execute '"...)
	dst = append(dst, name...)
	return append(dst, "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"...)
}
