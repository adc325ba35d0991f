package proxy

import (
	"strconv"
	"strings"

	"redisgate/policy/command"
	"redisgate/resp"
)

// What follows are the subcommands of CLIENT that are about the client itself.

func (s *session) clientID(*command.Command, [][]byte, []byte) bool {
	s.say(appendInt(nil, int64(s.id)))
	return true
}

func (s *session) clientGetName(*command.Command, [][]byte, []byte) bool {
	if s.name == "" {
		s.say(s.null())
	} else {
		s.say(appendBulk(nil, []byte(s.name)))
	}
	return true
}

func (s *session) clientSetName(_ *command.Command, args [][]byte, _ []byte) bool {
	if !validName(args[2]) {
		s.fail(textClientName)
		return true
	}
	s.name = string(args[2])
	s.sayOK()
	return true
}

// clientSetInfo keeps what libraries tell of themselves (networking.c, clientSetinfoCommand).
func (s *session) clientSetInfo(_ *command.Command, args [][]byte, _ []byte) bool {
	option := string(args[2])
	var to *string
	switch {
	case equalFold(args[2], "lib-name"):
		to = &s.library.name
	case equalFold(args[2], "lib-ver"):
		to = &s.library.version
	default:
		s.fail("ERR Unrecognized option '" + printable(option) + "'")
		return true
	}
	if !validName(args[3]) || len(args[3]) > maxLibrary {
		s.fail("ERR " + printable(option) + " cannot contain spaces, newlines or special characters.")
		return true
	}
	*to = string(args[3])
	s.sayOK()
	return true
}

// maxLibrary bounds the name and the version of a client library.
const maxLibrary = 256

// clientInfo is CLIENT INFO.
func (s *session) clientInfo(*command.Command, [][]byte, []byte) bool {
	s.say(s.text(append(s.appendInfo(nil), '\n')))
	return true
}

// clientSwitch is CLIENT NO-EVICT and NO-TOUCH. Both are about memory of Redis's
// that its own clients have, redisgate being one for many: it only remembers them.
func (s *session) clientSwitch(cmd *command.Command, args [][]byte, _ []byte) bool {
	on := equalFold(args[2], "on")
	if !on && !equalFold(args[2], "off") {
		s.fail(textSyntax)
		return true
	}
	if cmd.Name == "client|no-evict" {
		s.noEvict = on
	} else {
		s.noTouch = on
	}
	s.sayOK()
	return true
}

var clientHelp = []string{
	"CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
	"CACHING (YES|NO)", "    Track, or do not, the keys of the next command.",
	"GETNAME", "    The name of this connection.",
	"GETREDIR", "    The client that invalidations go to.",
	"ID", "    The number of this connection.",
	"INFO", "    A line about this connection.",
	"KILL <ip:port>", "KILL <option> <value> [<option> <value> [...]]",
	"    Close connections. Options: ADDR, LADDR, TYPE, USER, SKIPME, ID, MAXAGE.",
	"LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <id> ...]", "    A line about each connection.",
	"NO-EVICT (ON|OFF)", "NO-TOUCH (ON|OFF)", "    Accepted, without an effect.",
	"PAUSE <timeout> [WRITE|ALL]", "UNPAUSE", "    Hold back what clients send, for milliseconds.",
	"REPLY (ON|OFF|SKIP)", "    Whether this connection gets replies.",
	"SETINFO <option> <value>", "    Say which library this is: LIB-NAME or LIB-VER.",
	"SETNAME <name>", "    Name this connection.",
	"TRACKING (ON|OFF) [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] [NOLOOP]", "TRACKINGINFO",
	"    Messages about keys that this connection has read and that change.",
	"UNBLOCK <clientid> [TIMEOUT|ERROR]", "    End a blocking command of a client.",
	"HELP", "    These lines.",
}

func (s *session) clientHelp(*command.Command, [][]byte, []byte) bool {
	out := appendArray(nil, len(clientHelp))
	for _, line := range clientHelp {
		out = append(append(append(out, '+'), line...), "\r\n"...)
	}
	s.say(out)
	return true
}

// text is a verbatim string in RESP3 and a bulk string in RESP2 (networking.c, addReplyVerbatim).
func (s *session) text(p []byte) []byte {
	if s.proto == 3 {
		return resp.AppendVerbatim(nil, string(p))
	}
	return appendBulk(nil, p)
}

// appendInfo appends what CLIENT INFO and LIST show of the session (networking.c,
// catClientInfoString). Numbers that redisgate has no counterpart of are 0.
func (s *session) appendInfo(b []byte) []byte {
	remote, local := s.h.ends()
	number := func(name string, n int64) { b = strconv.AppendInt(append(append(append(b, ' '), name...), '='), n, 10) }
	word := func(name, v string) { b = append(append(append(append(b, ' '), name...), '='), v...) }
	b = strconv.AppendUint(append(b, "id="...), s.id, 10)
	word("addr", remote)
	word("laddr", local)
	number("fd", 0)
	word("name", s.name)
	number("age", (s.h.now()-s.born)/1e9)
	number("idle", (s.h.now()-s.lastUse)/1e9)
	word("flags", s.flags())
	number("db", int64(s.db))
	var subs subscriptions
	if s.subs != nil {
		subs = *s.subs
	}
	number("sub", int64(len(subs.channels)))
	number("psub", int64(len(subs.patterns)))
	number("ssub", int64(len(subs.shards)))
	queued, run := int64(-1), int64(0)
	if s.multi != nil {
		queued, run = int64(len(s.multi.cmds)), int64(cap(s.multi.run))
	}
	number("multi", queued)
	number("qbuf", int64(s.backlog()))
	number("qbuf-free", int64(cap(s.in)-len(s.in)))
	number("argv-mem", 0)
	number("multi-mem", run)
	number("rbs", int64(cap(s.out)))
	number("rbp", 0)
	number("obl", int64(s.waiting()))
	number("oll", 0)
	number("omem", 0)
	number("tot-mem", s.size())
	word("events", "r")
	last := "NULL"
	if s.last >= 0 {
		last = command.ByID(int(s.last)).Name
	}
	word("cmd", last)
	word("user", s.user.Name)
	number("redir", s.redirect())
	number("resp", int64(s.proto))
	word("lib-name", s.library.name)
	word("lib-ver", s.library.version)
	return b
}

func (s *session) flags() string {
	var f []byte
	for _, x := range [...]struct {
		on   bool
		flag byte
	}{
		{s.endless.cmd != nil && !s.replicates(), 'O'},
		{s.replicates(), 'S'},
		{s.subs != nil, 'P'},
		{s.multi != nil, 'x'},
		{s.blocking, 'b'},
		{s.tracking, 't'},
		{s.phase == ending, 'c'},
		{!s.addr.IsValid(), 'U'},
		{s.noEvict, 'e'},
		{s.noTouch, 'T'},
	} {
		if x.on {
			f = append(f, x.flag)
		}
	}
	if len(f) == 0 {
		return "N"
	}
	return string(f)
}

// failSyntax answers a subcommand that has too many arguments, though the table of
// commands permits them (server.c, addReplySubcommandSyntaxError).
func (s *session) failSyntax(cmd *command.Command, args [][]byte) {
	s.fail("ERR unknown subcommand or wrong number of arguments for '" + printable(string(args[1])) + "'. Try " +
		strings.ToUpper(cmd.Parent().Name) + " HELP.")
}

// validName says that a client name has only '!' to '~' (networking.c, validateClientName).
func validName(p []byte) bool {
	for _, b := range p {
		if b < '!' || b > '~' {
			return false
		}
	}
	return len(p) <= 1024
}

// printable cuts s and replaces what could break a line.
func printable(s string) string {
	if len(s) > 128 {
		s = s[:128]
	}
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}
