package proxy

import (
	"bytes"
	"strconv"
)

// secretSettings are the CONFIG parameters whose values are nobody's business
// (config.c, SENSITIVE_CONFIG, and what names a key's password).
var secretSettings = map[string]bool{
	"requirepass": true, "masterauth": true, "primaryauth": true, "masteruser": true, "primaryuser": true,
	"tls-key-file-pass": true, "tls-client-key-file-pass": true,
}

// configGet forwards CONFIG GET and empties the secret values in its reply.
func (s *session) configGet(raw []byte) bool {
	if !s.settled() {
		return false
	}
	sent := s.sent
	done := s.forward(raw, true)
	if s.sent != sent {
		s.capture = &capture{done: func(s *session, reply []byte, failed string) {
			if out, ok := emptySecrets(reply); ok {
				s.emit(out)
				return
			}
			if failed == "" {
				failed = textNotYet // a form that is not known, in which secrets could hide
			}
			s.emit(appendError(nil, failed))
		}}
	}
	return done
}

// emptySecrets rewrites a map, or a flat array, of bulk strings. ok is false if
// the reply is neither and no error; then nothing of it may be shown.
func emptySecrets(reply []byte) (out []byte, ok bool) {
	if len(reply) == 0 {
		return nil, false
	}
	if reply[0] == '-' {
		return reply, true
	}
	if reply[0] != '*' && reply[0] != '%' {
		return nil, false
	}
	head := bytes.IndexByte(reply, '\n') + 1
	n, err := strconv.Atoi(string(bytes.TrimSuffix(reply[1:head], []byte("\r\n"))))
	if err != nil {
		return nil, false
	}
	if reply[0] == '*' {
		n /= 2
	}
	out = append(out, reply[:head]...)
	rest := reply[head:]
	for range n {
		name, after, ok := bulk(rest)
		if !ok {
			return nil, false
		}
		value, after, ok := bulk(after)
		if !ok {
			return nil, false
		}
		if secretSettings[string(bytes.ToLower(name))] {
			value = nil
		}
		out, rest = appendBulk(appendBulk(out, name), value), after
	}
	return out, len(rest) == 0
}

// bulk takes one bulk string from the front of p.
func bulk(p []byte) (value, rest []byte, ok bool) {
	end := bytes.IndexByte(p, '\n') + 1
	if end < 4 || p[0] != '$' {
		return nil, nil, false
	}
	n, err := strconv.Atoi(string(p[1 : end-2]))
	if err != nil || n < 0 || n > len(p)-end-2 {
		return nil, nil, false
	}
	return p[end : end+n], p[end+n+2:], true
}
