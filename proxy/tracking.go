package proxy

import (
	"strings"

	"redisgate/policy/command"
	"redisgate/resp"
)

// tracking is client-side caching: Redis tells on which keys that this client has
// read, or that begin with its prefixes, something has changed. It remembers that by
// connection, so the client has one of its own, with all its commands, as long as
// tracking is on.
type tracking struct {
	flags    []string // as CLIENT TRACKINGINFO shows them
	prefixes []string
}

// clientTracking is CLIENT TRACKING ON|OFF with options. That a user may have BCAST
// was judged with the rest of the request.
func (s *session) clientTracking(_ *command.Command, args [][]byte, raw []byte) bool {
	on := equalFold(args[2], "on")
	t := &tracking{flags: []string{"on"}}
	for i := 3; i < len(args); i++ {
		switch word := strings.ToLower(string(args[i])); word {
		case "redirect":
			s.fail(textRedirect)
			return true
		case "prefix":
			if i++; i < len(args) {
				t.prefixes = append(t.prefixes, string(args[i]))
			}
		default:
			t.flags = append(t.flags, word) // Redis says what is wrong with it
		}
	}
	if !on && s.tracking == nil {
		if equalFold(args[2], "off") {
			s.sayOK()
		} else {
			s.fail(textSyntax)
		}
		return true
	}
	if !s.settled() {
		return false
	}
	l, waits := s.onOwn()
	if l == nil {
		return !waits
	}
	s.tainted = true
	l.SetSubscriber(s.subs != nil || on && s.proto == 3)
	s.capture = &capture{done: func(s *session, reply []byte, failed string) {
		switch {
		case failed != "":
			reply = appendError(nil, failed)
		case reply[0] != '+':
		case on:
			s.tracking = t
		default:
			s.tracking = nil
		}
		s.emit(reply)
	}}
	l.Send(s, raw, true)
	s.sent++
	return true
}

// clientCaching is CLIENT CACHING YES|NO, about the next command.
func (s *session) clientCaching(_ *command.Command, args [][]byte, raw []byte) bool {
	switch {
	case !equalFold(args[2], "yes") && !equalFold(args[2], "no"):
		s.fail(textSyntax)
	case s.tracking == nil:
		s.fail("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled")
	default:
		return s.forward(raw, true)
	}
	return true
}

// redirect is the client that invalidations go to: 0 is this one, -1 none.
func (s *session) redirect() int64 {
	if s.tracking != nil {
		return 0
	}
	return -1
}

func (s *session) clientGetRedir(*command.Command, [][]byte, []byte) bool {
	s.say(appendInt(nil, s.redirect()))
	return true
}

// clientTrackingInfo is CLIENT TRACKINGINFO (networking.c, clientTrackingInfoCommand).
func (s *session) clientTrackingInfo(*command.Command, [][]byte, []byte) bool {
	t := s.tracking
	if t == nil {
		t = &tracking{flags: []string{"off"}}
	}
	var out []byte
	if s.proto == 3 {
		out = appendBulkString(resp.AppendMap(nil, 3), "flags")
		out = resp.AppendSet(out, len(t.flags))
	} else {
		out = appendBulkString(appendArray(nil, 6), "flags")
		out = appendArray(out, len(t.flags))
	}
	for _, f := range t.flags {
		out = appendBulkString(out, f)
	}
	out = appendInt(appendBulkString(out, "redirect"), s.redirect())
	out = appendArray(appendBulkString(out, "prefixes"), len(t.prefixes))
	for _, p := range t.prefixes {
		out = appendBulkString(out, p)
	}
	s.say(out)
	return true
}
