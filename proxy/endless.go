package proxy

import (
	"bytes"

	"redisgate/policy/command"
)

// stream is what MONITOR, SYNC or PSYNC have begun: what Redis sends has no end and,
// when it replicates, no frames. The session's dedicated connection serves it alone.
type stream struct {
	cmd  *command.Command // nil: none
	pins bool             // since REPLCONF came before it, or it has begun
}

// replicates says that the client is a replica, in whose stream no reply of
// redisgate's own could be told apart.
func (s *session) replicates() bool { return s.endless.cmd != nil && s.endless.cmd.Name != "monitor" }

// goThrough begins a stream.
func (s *session) goThrough(cmd *command.Command, raw []byte) bool {
	if s.watch || s.subs != nil || s.tracking {
		s.fail(textBound)
		return true
	}
	if !s.settled() {
		return false
	}
	s.settle()
	l, waits := s.onOwn()
	if l == nil {
		return !waits
	}
	s.tainted = true
	s.endless = stream{cmd: cmd, pins: true}
	l.SendThrough(raw)
	return true
}

// flows takes what the stream brings.
func (s *session) flows(p []byte) {
	s.emit(p)
	s.lastUse = s.h.now()
	if !s.replicates() {
		// Each of MONITOR's lines is a reply: between them is room for others.
		if s.pushing = p[len(p)-1] != '\n'; !s.pushing {
			s.caughtUp()
		}
	}
	s.throttle()
}

// amid is a permitted request of a client that has such a stream.
func (s *session) amid(cmd *command.Command, args [][]byte, raw []byte) bool {
	if s.replicates() {
		switch cmd.Name {
		case "replconf", "psync", "sync":
			s.own.SendThrough(raw)
		default:
			s.end("protocol")
		}
		return true
	}
	switch {
	case cmd.Name == "ping":
		s.own.SendThrough(raw)
	case cmd.Name == "quit" || cmd.Name == "reset":
		return s.local(cmd, args, raw)
	case cmd.Flags&(command.FlagWrite|command.FlagReadOnly) != 0:
		s.fail(textReplica)
	default:
		s.fail(textAmid)
	}
	return true
}

// replconf tells Redis of a replica that is about to replicate. What only one that
// does may say has no reply (replication.c, replconfCommand).
func (s *session) replconf(args [][]byte, raw []byte) bool {
	for i := 1; i < len(args); i += 2 {
		word := args[i]
		if bytes.IndexByte(word, 0) >= 0 {
			s.fail(textSyntax)
			return true
		}
		if equalFold(word, "ack") || equalFold(word, "getack") {
			return true
		}
	}
	if !s.endless.pins && s.pinned() {
		s.fail(textBound)
		return true
	}
	sent := s.sent
	done := s.forward(raw, true)
	if s.sent != sent {
		s.tainted, s.endless.pins = true, true
	}
	return done
}
