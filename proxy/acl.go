package proxy

import (
	"bytes"
	"strconv"

	"redisgate/acl"
	"redisgate/policy"
	"redisgate/policy/command"
	"redisgate/users"
)

// doACL answers ACL. What takes its time does so off the loop, while this session
// alone waits.
func (s *session) doACL(cmd *command.Command, args [][]byte, _ []byte) bool {
	answers, proto, who := s.k.acl, int(s.proto), s.user
	if !acl.Slow(cmd) {
		s.say(answers.Answer(nil, proto, who, args))
		return true
	}
	kept := make([][]byte, len(args))
	for i, a := range args {
		kept[i] = bytes.Clone(a)
	}
	return s.aside(func() []byte { return answers.Answer(nil, proto, who, kept) })
}

// denied writes a refusal into the ACL LOG.
func (s *session) denied(cmd *command.Command, args [][]byte, d policy.Decision) {
	s.logDenied(s.user, cmd, args, d, users.LogTopLevel)
}

func (s *session) logDenied(who *users.User, cmd *command.Command, args [][]byte, d policy.Decision, context string) {
	reason := users.LogReason(d.Reason)
	if reason == "" || s.k.acl == nil {
		return
	}
	object := []byte(cmd.Name)
	switch reason {
	case users.LogKey, users.LogChannel:
		if d.Arg < len(args) {
			object = args[d.Arg]
		}
	case users.LogDatabase:
		object = strconv.AppendInt(nil, int64(s.db), 10)
	}
	s.k.acl.Log.Add(users.Event{
		Reason: reason, Context: context, Object: object, Username: []byte(who.Name), ClientInfo: string(s.appendInfo(nil)),
	})
}

// maxLoggedName is how much is kept of the name that somebody has tried.
const maxLoggedName = 64

// logFailed writes a failed log-in into the ACL LOG.
func (s *session) logFailed(command, name []byte) {
	name = name[:min(len(name), maxLoggedName)]
	if s.k.acl != nil {
		s.k.acl.Log.Add(users.Event{
			Reason: users.LogAuth, Context: users.LogTopLevel, Object: command, Username: name, ClientInfo: string(s.appendInfo(nil)),
		})
	}
}
