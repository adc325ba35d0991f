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
	for _, name := range names {
		if _, ok := (*set)[string(name)]; !ok {
			(*set)[string(name)] = struct{}{}
			u.bytes += len(name) + nameCost
		}
	}
	return true
}

func (u *subscriptions) remove(set *map[string]struct{}, name string) {
	if _, ok := (*set)[name]; ok {
		delete(*set, name)
		u.bytes -= len(name) + nameCost
	}
}

// subscribe is SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and their opposites. Each
// channel is one reply (pubsub.c, addReplyPubsubSubscribed).
func (s *session) subscribe(cmd *command.Command, args [][]byte, raw []byte) bool {
	off := strings.HasSuffix(cmd.Name, "unsubscribe")
	if s.subs == nil && off {
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
		s.subs = &subscriptions{}
		l.SetSubscriber()
	}
	set := s.subs.kind(cmd)
	n := len(args) - 1
	switch {
	case !off:
		if !s.subs.add(set, args[1:]) {
			s.fail(textSubscribed)
			s.settle()
			return true
		}
	case n == 0:
		n = max(1, len(*set))
		for name := range *set {
			s.subs.remove(set, name)
		}
	default:
		for _, name := range args[1:] {
			s.subs.remove(set, string(name))
		}
	}
	l.SendMany(s, raw, n)
	s.sent += uint64(n)
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
