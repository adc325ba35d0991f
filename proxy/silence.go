package proxy

import "redisgate/policy/command"

// silence is what CLIENT REPLY has made of the session's replies.
type silence uint8

const (
	loud     silence = iota
	silent           // OFF: no replies until ON
	skipNext         // SKIP: the next request has no reply
	skipped          // that request is under way
)

// clientReply is CLIENT REPLY ON|OFF|SKIP. Redis is not told: it answers, and what
// it says is dropped here.
func (s *session) clientReply(_ *command.Command, args [][]byte, _ []byte) bool {
	if !s.settled() {
		return false
	}
	switch {
	case equalFold(args[2], "on"):
		s.silence = loud
		s.sayOK()
	case equalFold(args[2], "off"):
		s.silence = silent
	case equalFold(args[2], "skip"):
		if s.silence != silent {
			s.silence = skipNext
		}
	default:
		s.fail(textSyntax)
	}
	return true
}

// skipReply begins the request that CLIENT REPLY SKIP was about, if that was the
// last, and unskipReply takes it back.
func (s *session) skipReply() {
	if s.silence == skipNext {
		s.silence = skipped
	}
}

func (s *session) unskipReply() {
	if s.silence == skipped {
		s.silence = skipNext
	}
}
