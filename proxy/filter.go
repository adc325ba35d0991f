package proxy

import (
	"bytes"
	"strconv"

	"redisgate/policy/command"
)

// filtered sends SCAN, KEYS or RANDOMKEY for a user who may read some keys only,
// and cuts the answer down to those.
func (s *session) filtered(cmd *command.Command, raw []byte) bool {
	if !s.settled() {
		return false
	}
	sent := s.sent
	done := s.forward(raw, true) // what is captured is nobody's to wait behind
	if s.sent == sent {
		return done
	}
	filter := (*session).filterKeys
	switch cmd.Name {
	case "scan":
		filter = (*session).filterScan
	case "randomkey":
		s.capture = &capture{done: func(s *session, reply []byte, failed string) { s.filterRandom(reply, failed, 1) }}
		return done
	}
	s.capture = &capture{most: s.k.limits.OutputBytes, done: func(s *session, reply []byte, failed string) {
		switch out, ok := filter(s, reply); {
		case failed != "":
			s.emit(appendError(nil, failed))
		case reply[0] == '-':
			s.emit(reply)
		case !ok:
			s.emit(appendError(nil, textNotYet)) // names could hide in it
		default:
			s.emit(out)
			s.k.bufs.give(out)
		}
	}}
	return done
}

// filterScan reads `*2 cursor keys`.
func (s *session) filterScan(reply []byte) (out []byte, ok bool) {
	head, rest := line(reply)
	cursor, rest, ok := bulk(rest)
	if string(head) != "*2" || !ok {
		return nil, false
	}
	keys, ok := s.filterKeys(rest)
	if !ok {
		return nil, false
	}
	out = s.k.bufs.append(nil, appendBulk([]byte("*2\r\n"), cursor))
	out = s.k.bufs.append(out, keys)
	s.k.bufs.give(keys)
	return out, true
}

// filterKeys reads an array of names; the result is from the session's buffers.
func (s *session) filterKeys(reply []byte) (out []byte, ok bool) {
	head, rest := line(reply)
	if len(head) < 2 || head[0] != '*' && head[0] != '~' {
		return nil, false
	}
	n, err := strconv.Atoi(string(head[1:]))
	if err != nil || n < 0 {
		return nil, false
	}
	names := rest
	left := 0
	for range n {
		key, after, ok := bulk(rest)
		if !ok {
			return nil, false
		}
		if s.user.MayRead(key) {
			left++
		}
		rest = after
	}
	if len(rest) > 0 {
		return nil, false
	}
	out = s.k.bufs.append(nil, append(strconv.AppendInt(append(s.k.scratch[:0], head[0]), int64(left), 10), "\r\n"...))
	for range n {
		key, after, _ := bulk(names)
		if s.user.MayRead(key) {
			out = s.k.bufs.append(out, names[:len(names)-len(after)])
		}
		names = after
	}
	return out, true
}

// randomTries is how often RANDOMKEY is asked before the answer is nil.
const randomTries = 100

func (s *session) filterRandom(reply []byte, failed string, tries int) {
	key, rest, ok := bulk(reply)
	switch {
	case failed != "":
		s.emit(appendError(nil, failed))
	case ok && len(rest) == 0 && s.user.MayRead(key), reply[0] == '-', string(reply) == string(s.null()):
		s.emit(reply)
	case !ok || len(rest) > 0:
		s.emit(appendError(nil, textNotYet))
	case tries == randomTries:
		s.emit(s.null())
	case s.own == nil || !s.own.Usable():
		s.emit(appendError(nil, textLost))
	default:
		s.ask(s.own, 0, func(s *session, reply []byte, failed string) { s.filterRandom(reply, failed, tries+1) }, "RANDOMKEY")
	}
}

// line takes one line from the front of p.
func line(p []byte) (text, rest []byte) {
	i := bytes.IndexByte(p, '\n')
	if i < 1 {
		return nil, nil
	}
	return p[:i-1], p[i+1:]
}
