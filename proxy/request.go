package proxy

import (
	"bytes"
	"strings"

	"redisgate/policy"
	"redisgate/policy/command"
)

// request judges one whole request and does what it asks for. false means that
// it has to wait until nothing is owed, and is judged again then, by the rules
// of that moment.
func (s *session) request(args [][]byte, raw []byte) bool {
	if crossProtocol(args[0]) {
		s.end("protocol") // as Redis: no answer to what a browser was made to send
		return true
	}
	if !s.refresh() {
		return true
	}
	cmd, failure := command.Lookup(args)
	if s.last = -1; cmd != nil && failure != command.UnknownSubcommand {
		s.last = int16(cmd.ID) // also if it is refused (server.c, processCommand)
	}
	if s.pace.metered {
		if may, done := s.pays(cmd); !may {
			return done
		}
	}
	if failure != command.Found {
		return s.unknown(cmd, failure, args, raw)
	}
	if !s.known && !cmd.Flags.Has(command.FlagNoAuth) {
		text, done := s.rejected(cmd, textNoAuth)
		if done {
			s.refuse(cmd, nil, policy.ReasonUnauthenticated.String(), text)
		}
		return done
	}
	s.last = int16(cmd.ID)
	d := s.user.Authorise(s.database(), cmd, args, &s.k.uses)
	if s.endless.cmd != nil && d.Allowed() {
		return s.amid(cmd, args, raw)
	}
	faulty := d.Reason == policy.ReasonSyntax // which Redis sees only when it runs the command
	if !d.Allowed() && !faulty {
		return s.forbid(cmd, args, d)
	}
	if s.subs != nil && s.proto == 2 && !duringSubscription(cmd) {
		if s.subs.count() > 0 {
			text, done := s.rejected(cmd, string(appendSubscribedText(nil, cmd.Name)))
			if done {
				s.spoilMulti()
				s.fail(text)
			}
			return done
		}
		if !s.settled() { // for Redis to say that no subscription is left
			return false
		}
	}
	if faulty {
		if s.multi == nil || anytime[cmd.Name] != nil {
			return s.forbid(cmd, args, d)
		}
		s.queue(cmd, raw)
		s.multi.mixed = true
		return true
	}
	if s.k.pause.on && s.paused(cmd) {
		return false
	}
	filter := s.user.MustFilter(cmd, d)
	if s.k.audit.on != 0 && !s.auditBegin(cmd, args, &s.k.uses, d) {
		return s.unrecorded(cmd)
	}
	if s.multi != nil && cmd.Route != command.RouteLocal {
		if filter {
			s.refuse(cmd, s.userKnown(), policy.ReasonKeyless.String(), textFilterMulti)
			return true
		}
		s.queue(cmd, raw)
		s.auditEnd()
		return true
	}
	var done bool
	if filter {
		done = s.filtered(cmd, raw)
	} else {
		done = s.route(cmd, args, raw)
	}
	if done {
		s.k.counts.verdict(cmd, true)
		s.auditEnd()
	} else {
		s.auditForget()
	}
	return done
}

// unrecorded answers a permitted request that must not run, since it cannot be audited.
func (s *session) unrecorded(cmd *command.Command) bool {
	text, done := s.rejected(cmd, textAudit)
	if done {
		s.spoilMulti()
		s.fail(text)
	}
	return done
}

// forbid answers a request that the verdict d refuses.
func (s *session) forbid(cmd *command.Command, args [][]byte, d policy.Decision) bool {
	if !s.deny(cmd, d) {
		return false
	}
	s.denied(cmd, args, d)
	return true
}

func (s *session) route(cmd *command.Command, args [][]byte, raw []byte) bool {
	switch cmd.Route {
	case command.RouteShared:
		if s.k.uses.Blocks {
			return s.block(raw)
		}
		return s.forward(raw, false)
	case command.RouteDedicated:
		if cmd.Flags.Has(command.FlagRewriteSecrets) {
			return s.configGet(raw)
		}
		return s.forward(raw, true)
	case command.RouteBlocking:
		return s.block(raw)
	case command.RouteSubscribe:
		return s.subscribe(cmd, args, raw)
	case command.RouteReserved:
		switch cmd.Name {
		case "monitor", "sync", "psync":
			return s.goThrough(cmd, raw)
		case "replconf":
			return s.replconf(args, raw)
		}
		return s.reserved(raw)
	case command.RouteLocal:
		return s.local(cmd, args, raw)
	}
	if cmd.Name == "wait" || cmd.Name == "waitaof" {
		s.fail(textWait)
	} else {
		s.fail(textNotYet)
	}
	return true
}

// block sends a command that may wait on a dedicated connection. Nothing follows
// it there: a client that leaves takes the connection, and with it the wait, away.
func (s *session) block(raw []byte) bool {
	if !s.settled() {
		return false
	}
	sent := s.sent
	done := s.forward(raw, true)
	if s.blocking = s.sent != sent; s.blocking {
		s.wait.request = s.k.bufs.append(nil, raw)
	}
	return done
}

// reserved sends a command after which the connection serves nobody else. Nothing
// follows it there before it is answered.
func (s *session) reserved(raw []byte) bool {
	if !s.settled() {
		return false
	}
	s.settle()
	sent := s.sent
	done := s.forward(raw, true)
	if s.sent != sent {
		s.tainted, s.blocking = true, true
		if s.proto == 3 {
			s.own.SetSubscriber(true) // a module's command, or DEBUG, may push
		}
	}
	return done
}

// unknown answers a command that is not in the table, or forwards it for a user
// who may do everything.
func (s *session) unknown(cmd *command.Command, failure command.Failure, args [][]byte, raw []byte) bool {
	if failure == command.UnknownCommand && s.known && s.multi == nil && s.endless.cmd == nil && s.user.AuthoriseUnknown().Allowed() {
		if s.k.audit.on != 0 && !s.auditBegin(nil, args, nil, policy.Decision{Selector: -1}) {
			return s.unrecorded(nil)
		}
		done := s.reserved(raw)
		if done {
			s.k.counts.verdict(nil, true)
			s.auditEnd()
		} else {
			s.auditForget()
		}
		return done
	}
	text, done := s.rejected(cmd, string(failure.AppendText(nil, cmd, args)))
	if done {
		s.spoilMulti()
		s.k.counts.verdict(nil, false)
		if s.k.audit.on != 0 {
			s.auditDenied(s.userKnown(), cmd, args, unknownReason(failure))
		}
		s.say(appendErrorBytes(nil, []byte(text)))
	}
	return done
}

// unknownReason is why a command that the table does not have is refused.
func unknownReason(f command.Failure) string {
	if f == command.UnknownCommand {
		return policy.ReasonUnknown.String()
	}
	return policy.ReasonSyntax.String()
}

// deny answers a command that the rules do not permit. false means that it has to
// wait.
func (s *session) deny(cmd *command.Command, d policy.Decision) bool {
	text, done := s.rejected(cmd, string(d.AppendText(s.k.scratch[:0], s.user.User, cmd)))
	if done {
		s.refuse(cmd, s.userKnown(), d.Reason.String(), text)
	}
	return done
}

// rejected is the text for a command that is refused with text before it runs. An
// EXEC ends the transaction even so, be there one or none (server.c, rejectCommand;
// multi.c, execCommandAbort); false means that it has to wait for that.
func (s *session) rejected(cmd *command.Command, text string) (string, bool) {
	if cmd == nil || cmd.Name != "exec" {
		return text, true
	}
	if !s.unwatch() {
		return "", false
	}
	s.dropMulti()
	return "EXECABORT Transaction discarded because of: " + strings.TrimPrefix(text, "ERR "), true
}

// crossProtocol recognises what a browser sends (networking.c, securityWarningCommand).
func crossProtocol(name []byte) bool {
	return len(name) == 4 && bytes.EqualFold(name, []byte("post")) || len(name) == 5 && bytes.EqualFold(name, []byte("host:"))
}

func appendErrorBytes(dst, text []byte) []byte {
	dst = append(dst, '-')
	for _, b := range text {
		if b == '\r' || b == '\n' {
			b = ' '
		}
		dst = append(dst, b)
	}
	return append(dst, '\r', '\n')
}
