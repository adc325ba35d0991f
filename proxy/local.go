package proxy

import (
	"redisgate/policy"
	"redisgate/policy/command"
	"redisgate/users"
)

// handler does a command that redisgate answers itself. false means that it
// waits until nothing is owed.
type handler func(s *session, cmd *command.Command, args [][]byte, raw []byte) bool

// anytime are the local commands that act at once inside MULTI, or that are
// about the transaction.
var anytime = map[string]handler{
	"multi": (*session).doMulti, "exec": (*session).doExec, "discard": (*session).doDiscard,
	"watch": (*session).doWatch, "unwatch": (*session).doUnwatch,
	"quit": (*session).doQuit, "reset": (*session).doReset,
}

// outside are the local commands that wait for EXEC inside MULTI.
var outside = map[string]handler{
	"auth": (*session).doAuth, "hello": (*session).doHello, "select": (*session).doSelect,
	"client|caching": (*session).clientCaching, "client|getname": (*session).clientGetName,
	"client|getredir": (*session).clientGetRedir, "client|help": (*session).clientHelp, "client|id": (*session).clientID,
	"client|info": (*session).clientInfo, "client|kill": (*session).clientKill, "client|list": (*session).clientList,
	"client|no-evict": (*session).clientSwitch, "client|no-touch": (*session).clientSwitch,
	"client|pause": (*session).clientPause, "client|reply": (*session).clientReply,
	"client|setinfo": (*session).clientSetInfo, "client|setname": (*session).clientSetName,
	"client|tracking": (*session).clientTracking, "client|trackinginfo": (*session).clientTrackingInfo,
	"client|unblock": (*session).clientUnblock, "client|unpause": (*session).clientUnpause,
}

// notQueued are those of outside that have no meaning inside MULTI: the replies to
// a transaction are one.
var notQueued = map[string]bool{"client|reply": true, "client|tracking": true}

func (s *session) local(cmd *command.Command, args [][]byte, raw []byte) bool {
	if do := anytime[cmd.Name]; do != nil {
		return do(s, cmd, args, raw)
	}
	if s.multi != nil {
		if cmd.Name == "select" {
			return s.queueSelect(cmd, args, raw)
		}
		if notQueued[cmd.Name] {
			s.refuse(cmd, s.userKnown(), policy.ReasonSyntax.String(), textInMulti)
			return true
		}
		s.queue(cmd, raw)
		return true
	}
	if do := outside[cmd.Name]; do != nil {
		return do(s, cmd, args, raw)
	}
	if isACL(cmd) {
		return s.doACL(cmd, args, raw)
	}
	s.fail(textNotYet)
	return true
}

func isACL(cmd *command.Command) bool {
	p := cmd.Parent()
	return p != nil && p.Name == "acl"
}

// refuse answers with text and counts it; u is nil before authentication. A
// refusal spoils a transaction.
func (s *session) refuse(cmd *command.Command, u *users.User, reason, text string) {
	s.k.counts.verdict(cmd, false)
	s.k.counts.refused(u, reason)
	if s.k.audit.on != 0 {
		s.auditForget() // it has been permitted, and is refused after all
		s.auditDenied(u, cmd, s.k.audit.args, reason)
	}
	s.spoilMulti()
	s.fail(text)
}

func (s *session) userKnown() *users.User {
	if s.known {
		return s.user
	}
	return nil
}

func (s *session) doQuit(*command.Command, [][]byte, []byte) bool {
	s.sayOK()
	s.end("quit")
	return true
}

// doReset makes the session what a fresh connection is (networking.c, resetCommand).
func (s *session) doReset(*command.Command, [][]byte, []byte) bool {
	if !s.settled() {
		return false
	}
	s.dropMulti()
	if s.own != nil {
		s.letGo(false)
	}
	s.pipe = nil
	unheard, was, whose := s.silence == skipped, s.known, s.user
	s.db, s.proto, s.name, s.silence = 0, 2, "", loud
	s.become(s.h.set(), nil)
	if s.known != was || s.user != whose {
		s.auditUser("reset")
	}
	if !unheard { // SKIP is about this reply too, OFF is not
		s.say(replyReset)
	}
	return true
}

// null is a missing bulk string in the client's protocol.
func (s *session) null() []byte {
	if s.proto == 3 {
		return []byte("_\r\n")
	}
	return []byte("$-1\r\n")
}
