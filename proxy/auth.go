package proxy

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/tidwall/redcon"

	"redisgate/policy/command"
)

// doAuth is AUTH password and AUTH user password (acl.c, authCommand). A failure
// leaves the session who it was.
func (s *session) doAuth(cmd *command.Command, args [][]byte, _ []byte) bool {
	if !s.settled() {
		return false
	}
	name, password := []byte("default"), args[1]
	switch len(args) {
	case 2:
		if s.h.set().Default().NoPass {
			s.fail(textNoPassword)
			return true
		}
	case 3:
		name, password = args[1], args[2]
	default:
		s.fail(textSyntax)
		return true
	}
	if text := s.login(args[0], name, password); text != "" {
		s.fail(text)
		return true
	}
	s.sayOK()
	return true
}

// login makes the session name's, or says with which text it is refused. command
// is how the client has spelled what it asks.
func (s *session) login(command, name, password []byte) string {
	set := s.h.set()
	if !s.h.mayTry(name) {
		s.k.counts.Auth["throttled"]++
		return textThrottled
	}
	u, slot, ok := set.Authenticate(s.addr, name, password)
	if !ok {
		s.logFailed(command, name)
		s.h.wrong(name)
		s.k.counts.Auth["failed"]++
		if s.failed++; s.failed >= maxFailed && !s.known {
			s.end("auth_failed")
		}
		return textWrongPass
	}
	if s.pinned() && len(u.Databases) > 0 && !slices.Contains(u.Databases, s.db) {
		return textPinnedAuth // its connection is in a database that is not u's
	}
	s.k.counts.Auth["ok"]++
	s.k.counts.password(u, slot)
	s.failed = 0
	s.become(set, u)
	return ""
}

// maxFailed is how often one connection may try before it is closed.
const maxFailed = 16

// doHello switches protocols, logs in and names the client, all or nothing
// (networking.c, helloCommand).
func (s *session) doHello(_ *command.Command, args [][]byte, _ []byte) bool {
	if !s.settled() {
		return false
	}
	proto, next := int(s.proto), 1
	if len(args) > 1 {
		v, err := strconv.ParseInt(string(args[1]), 10, 64)
		if err != nil || len(args[1]) > 1 && (args[1][0] == '0' || args[1][0] == '+') {
			s.fail(textProtoNumber)
			return true
		}
		if v < 2 || v > 3 {
			s.fail(textNoProto)
			return true
		}
		proto, next = int(v), 2
	}
	var user, password, name []byte
	var auth, setname bool
	for i := next; i < len(args); i++ {
		left := len(args) - i - 1
		switch {
		case equalFold(args[i], "auth") && left >= 2:
			auth, user, password = true, args[i+1], args[i+2]
			i += 2
		case equalFold(args[i], "setname") && left >= 1:
			setname, name = true, args[i+1]
			i++
			if !validName(name) {
				s.fail(textClientName)
				return true
			}
		default:
			s.fail("ERR Syntax error in HELLO option '" + printable(string(args[i])) + "'")
			return true
		}
	}
	if s.pinned() && proto != int(s.proto) {
		s.fail(textPinnedHello)
		return true
	}
	if auth {
		if text := s.login(args[0], user, password); text != "" {
			s.fail(text)
			return true
		}
	}
	if !s.known {
		s.fail(textHelloAuth)
		return true
	}
	if setname {
		s.name = string(name)
	}
	if proto != int(s.proto) {
		s.proto = uint8(proto)
		s.pipe = nil
	}
	s.say(s.appendHello(nil))
	return true
}

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

func equalFold(p []byte, word string) bool {
	return len(p) == len(word) && bytes.EqualFold(p, []byte(word))
}

func appendInt(dst []byte, v int64) []byte         { return redcon.AppendInt(dst, v) }
func appendBulk(dst []byte, p []byte) []byte       { return redcon.AppendBulk(dst, p) }
func appendArray(dst []byte, n int) []byte         { return redcon.AppendArray(dst, n) }
func appendBulkString(dst []byte, s string) []byte { return redcon.AppendBulkString(dst, s) }
