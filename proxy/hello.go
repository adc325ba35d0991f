package proxy

import (
	"strconv"

	"github.com/tidwall/redcon"

	"redisgate/policy/command"
	"redisgate/upstream"
)

// hello is what HELLO asks for.
type hello struct {
	proto         uint8
	auth, setName bool
	user          []byte
	password      []byte
	name          []byte
}

// readHello reads HELLO [version [AUTH user password] [SETNAME name]] of a client
// that speaks proto, or says what is wrong (networking.c, helloCommand).
func readHello(args [][]byte, proto uint8) (h hello, wrong string) {
	h.proto = proto
	next := 1
	if len(args) > 1 {
		v, err := strconv.ParseInt(string(args[1]), 10, 64)
		if err != nil || len(args[1]) > 1 && (args[1][0] == '0' || args[1][0] == '+') {
			return h, textProtoNumber
		}
		if v < 2 || v > 3 {
			return h, textNoProto
		}
		h.proto, next = uint8(v), 2
	}
	for i := next; i < len(args); i++ {
		left := len(args) - i - 1
		switch {
		case equalFold(args[i], "auth") && left >= 2:
			h.auth, h.user, h.password = true, args[i+1], args[i+2]
			i += 2
		case equalFold(args[i], "setname") && left >= 1:
			h.setName, h.name = true, args[i+1]
			i++
			if !validName(h.name) {
				return h, textClientName
			}
		default:
			return h, "ERR Syntax error in HELLO option '" + printable(string(args[i])) + "'"
		}
	}
	return h, ""
}

// doHello switches protocols, logs in and names the client, all or nothing.
func (s *session) doHello(_ *command.Command, args [][]byte, _ []byte) bool {
	if !s.settled() {
		return false
	}
	h, wrong := readHello(args, s.proto)
	if wrong == "" && h.auth {
		if !s.tried(&s.trial, h.user, h.password) {
			return false
		}
		wrong = s.login(args[0], h.user, h.password)
	}
	if wrong == "" && !s.known {
		wrong = textHelloAuth
	}
	if wrong != "" {
		s.fail(wrong)
		return true
	}
	if h.proto != s.proto && s.pinned() {
		return s.moveProtocol(h)
	}
	s.greet(h)
	s.say(s.appendHello(nil))
	return true
}

// greet does what h asks for but logging in.
func (s *session) greet(h hello) {
	if h.setName {
		s.name = string(h.name)
	}
	if h.proto != s.proto {
		s.proto = h.proto
		s.pipe = nil
	}
}

// moveProtocol has the connection that holds state of this session change its
// protocol too.
func (s *session) moveProtocol(h hello) bool {
	l, _ := s.onOwn()
	if l == nil {
		return true
	}
	s.tainted = true
	h.name = append([]byte(nil), h.name...)
	s.ask(l, 0, func(s *session, reply []byte, failed string) {
		if failed != "" || reply[0] == '-' {
			s.emit(appendError(nil, textUnreachable))
			s.cut()
			return
		}
		s.greet(h)
		l.SetKey(upstream.Key{DB: s.db, Proto: s.proto})
		l.SetSubscriber(s.hears())
		s.emit(s.appendHello(nil))
	}, "HELLO", strconv.Itoa(int(h.proto)))
	return true
}

// hears says that messages may come on the connection that is the session's own.
func (s *session) hears() bool { return s.subs != nil || s.tracking && s.proto == 3 }

// appendHello appends the reply to HELLO.
func (s *session) appendHello(dst []byte) []byte {
	sv := s.h.server()
	if s.proto == 3 {
		dst = append(dst, "%7\r\n"...)
	} else {
		dst = redcon.AppendArray(dst, 14)
	}
	for _, f := range [...][2]string{{"server", sv.Name}, {"version", sv.Version}} {
		dst = redcon.AppendBulkString(redcon.AppendBulkString(dst, f[0]), f[1])
	}
	dst = appendInt(redcon.AppendBulkString(dst, "proto"), int64(s.proto))
	dst = appendInt(redcon.AppendBulkString(dst, "id"), int64(s.id))
	for _, f := range [...][2]string{{"mode", sv.Mode}, {"role", sv.Role}} {
		dst = redcon.AppendBulkString(redcon.AppendBulkString(dst, f[0]), f[1])
	}
	return redcon.AppendArray(redcon.AppendBulkString(dst, "modules"), 0)
}
