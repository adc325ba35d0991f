package proxy

import (
	"redisgate/policy/command"
	"redisgate/resp"
)

// Client-side caching: Redis tells on which keys that this client has read, or that
// begin with its prefixes, something has changed. It remembers that by connection,
// so the client has one of its own, with all its commands, as long as tracking is on.

// clientTracking is CLIENT TRACKING ON|OFF with options. That a user may have BCAST
// was judged with the rest of the request. What is wrong with options, Redis says.
func (s *session) clientTracking(_ *command.Command, args [][]byte, raw []byte) bool {
	on := equalFold(args[2], "on")
	for i := 3; i < len(args); i++ {
		if equalFold(args[i], "redirect") {
			s.fail(textRedirect)
			return true
		}
		if equalFold(args[i], "prefix") {
			i++
		}
	}
	if len(args) == 3 && !on && !s.tracking {
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
	if on && s.proto == 3 {
		l.SetSubscriber(true)
	}
	s.capture = &capture{done: func(s *session, reply []byte, failed string) {
		switch {
		case failed != "":
			reply = appendError(nil, failed)
		case reply[0] != '+':
		default:
			s.tracking = on
		}
		if s.own != nil {
			s.own.SetSubscriber(s.hears())
		}
		s.emit(reply)
	}}
	l.Send(s, raw, true)
	s.sent++
	return true
}

// clientCaching is CLIENT CACHING YES|NO, about the next command.
func (s *session) clientCaching(_ *command.Command, _ [][]byte, raw []byte) bool {
	if !s.tracking {
		s.fail("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled")
		return true
	}
	return s.forward(raw, true)
}

// redirect is the client that invalidations go to: 0 is this one, -1 none.
func (s *session) redirect() int64 {
	if s.tracking {
		return 0
	}
	return -1
}

func (s *session) clientGetRedir(*command.Command, [][]byte, []byte) bool {
	s.say(appendInt(nil, s.redirect()))
	return true
}

// clientTrackingInfo is CLIENT TRACKINGINFO (networking.c, clientTrackingInfoCommand).
// While tracking is on, Redis knows more of it than the session.
func (s *session) clientTrackingInfo(_ *command.Command, _ [][]byte, raw []byte) bool {
	if s.tracking {
		return s.forward(raw, true)
	}
	var out []byte
	if s.proto == 3 {
		out = resp.AppendSet(appendBulkString(resp.AppendMap(nil, 3), "flags"), 1)
	} else {
		out = appendArray(appendBulkString(appendArray(nil, 6), "flags"), 1)
	}
	out = appendInt(appendBulkString(appendBulkString(out, "off"), "redirect"), -1)
	s.say(appendArray(appendBulkString(out, "prefixes"), 0))
	return true
}
