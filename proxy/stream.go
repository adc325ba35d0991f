package proxy

import (
	"bytes"
	"errors"

	"redisgate/policy"
	"redisgate/policy/command"
	"redisgate/resp"
)

// streamed is the state of a large request that is not kept: one that flows to
// Redis as it arrives, or one that was refused and is dropped.
type streamed struct {
	body     resp.Stream
	tail     [withheld]byte // the last bytes so far, not yet sent
	kept     int
	cmd      *command.Command
	head     [][]byte // own copies: what the verdict rests on
	argc     int
	owed     bool // a reply of Redis to it is awaited, and its last bytes are withheld
	answered bool // the client has its answer already
	refusal  []byte
}

// withheld is how many bytes Redis gets only when the verdict holds. Without its
// last CRLF a request is incomplete, and Redis runs nothing that is incomplete
// (networking.c, processMultibulkBuffer).
const withheld = 2

// unfinished looks at a request that is not whole. Most wait for more bytes; a
// large one is judged by its first arguments and then streams, or is refused
// before it has cost anything.
func (s *session) unfinished(buf []byte) int {
	s.hungry = true
	if s.requestBy == 0 && s.k.limits.RequestTimeout > 0 {
		s.requestBy = s.h.now() + int64(s.k.limits.RequestTimeout)
		s.h.deadline(s.requestBy)
	}
	if !s.known || s.coming(buf) <= largeRequest {
		return 0
	}
	argc := s.parser.Declared()
	if argc == 0 {
		return 0 // an inline request, which is bounded by itself
	}
	return s.large(buf, s.parser.Head(buf), argc)
}

// coming is the number of bytes that the unfinished request in buf will take, as
// far as is known.
func (s *session) coming(buf []byte) int64 { return max(s.parser.Needed(), int64(len(buf))) }

// large decides what becomes of a large request of which head has arrived. 0
// keeps it waiting in the buffer.
func (s *session) large(buf []byte, head [][]byte, argc int) int {
	if len(head) == 0 { // a name of over 64 KB
		return s.skip(buf, textBuffered)
	}
	if !s.refresh() {
		return 0
	}
	if s.silence == skipped {
		if !s.settled() {
			s.hungry = false
			return 0
		}
		s.silence = loud
	}
	cmd, failure := lookupHead(head, argc)
	if s.pace.metered {
		if may, done := s.paysHead(cmd); done {
			return s.skip(buf, textRate)
		} else if !may {
			s.hungry = false
			return 0
		}
	}
	if failure != command.Found {
		s.k.counts.verdict(nil, false)
		if s.k.audit.on != 0 {
			s.auditDenied(s.userKnown(), cmd, nil, unknownReason(failure))
		}
		return s.skip(buf, string(failure.AppendText(nil, cmd, head)))
	}
	if d := s.user.AuthoriseName(cmd, head); !d.Allowed() {
		return s.skipDenied(buf, cmd, head, d)
	}
	if s.endless.cmd != nil {
		return s.skip(buf, textAmid)
	}
	from := cmd.StreamFrom()
	if from == 0 || s.multi != nil {
		return s.keep(buf)
	}
	if len(head) < from {
		return s.keep(buf)
	}
	d := s.user.AuthoriseHead(s.db, cmd, head, argc, &s.k.uses)
	if !d.Allowed() {
		return s.skipDenied(buf, cmd, head, d)
	}
	if s.subs != nil && s.proto == 2 {
		if s.subs.count() == 0 && !s.settled() {
			s.hungry = false
			return 0
		}
		return s.skip(buf, string(appendSubscribedText(nil, cmd.Name)))
	}
	if s.k.pause.on && s.paused(cmd) {
		s.hungry = false
		return 0
	}
	if s.k.audit.on != 0 && !s.auditBegin(cmd, head, &s.k.uses, d) {
		return s.skip(buf, textAudit)
	}
	s.skipReply()
	l, waits := s.onOwn()
	if l == nil {
		s.auditForget()
		if waits {
			s.unskipReply()
			s.hungry = false
			return 0
		}
		return s.skip(buf, "")
	}
	s.stream = streamed{cmd: cmd, argc: argc, owed: true}
	for _, a := range head[:from] {
		s.stream.head = append(s.stream.head, bytes.Clone(a))
	}
	s.parser.Reset()
	s.hungry, s.pace.paid = false, false
	s.setPhase(streaming)
	l.Send(s, nil, s.apart)
	s.sent++
	s.auditEnd()
	return s.pass(buf)
}

// keep leaves a request in the buffer until it is whole, if it can be kept at all.
func (s *session) keep(buf []byte) int {
	if s.coming(buf) > s.k.limits.BufferedBytes {
		return s.skip(buf, textBuffered)
	}
	return 0
}

// lookupHead is command.LookupHead, for one complete argument too.
func lookupHead(head [][]byte, argc int) (*command.Command, command.Failure) {
	if len(head) > 1 || argc == 1 {
		return command.LookupHead(head, argc)
	}
	cmd := command.ByName(string(head[0]))
	if cmd == nil || cmd.Parent() != nil || cmd.Flags.Has(command.FlagContainer) {
		return nil, command.UnknownCommand // no subcommand has a name of over 64 KB
	}
	return cmd, command.Found
}

func (s *session) skipDenied(buf []byte, cmd *command.Command, head [][]byte, d policy.Decision) int {
	text := d.AppendText(nil, s.user.User, cmd)
	s.countDenied(cmd, head, d)
	return s.skip(buf, string(text))
}

func (s *session) countDenied(cmd *command.Command, head [][]byte, d policy.Decision) {
	s.denied(cmd, head, d)
	s.k.counts.verdict(cmd, false)
	s.k.counts.refused(s.userKnown(), d.Reason.String())
	if s.k.audit.on != 0 {
		s.auditDenied(s.userKnown(), cmd, head, d.Reason.String())
	}
}

// skip drops a request; its answer, unless text is empty, comes when it has ended.
func (s *session) skip(buf []byte, text string) int {
	s.spoilMulti()
	s.skipReply()
	s.stream = streamed{answered: text == ""}
	if text != "" {
		s.stream.refusal = appendErrorBytes(nil, []byte(text))
	}
	s.parser.Reset()
	s.hungry, s.pace.paid = false, false
	s.setPhase(skipping)
	return s.pass(buf)
}

// pass takes bytes of a request that is not kept.
func (s *session) pass(buf []byte) int {
	st := &s.stream
	n, done, err := st.body.Next(buf, &s.k.accepted)
	if err != nil {
		var pe *resp.ProtocolError
		if errors.As(err, &pe) && !st.answered {
			st.refusal = appendErrorBytes(nil, []byte("ERR "+pe.Error()))
		}
		s.abandon()
		s.end("protocol")
		return len(buf)
	}
	if s.phase == streaming {
		s.passOn(buf[:n])
	}
	if !done {
		return n
	}
	s.requestBy, s.pace.paid = 0, false
	if s.phase == streaming {
		s.complete()
	} else if !st.answered {
		s.say(st.refusal)
	}
	s.stream = streamed{}
	s.setPhase(s.rest())
	return n
}

// passOn sends p, but for the last bytes so far.
func (s *session) passOn(p []byte) {
	st := &s.stream
	if len(p) >= withheld {
		s.own.Append(st.tail[:st.kept])
		s.own.Append(p[:len(p)-withheld])
		st.kept = copy(st.tail[:], p[len(p)-withheld:])
		return
	}
	for _, b := range p {
		if st.kept == withheld {
			s.own.Append(st.tail[:1])
			st.tail[0] = st.tail[1]
			st.kept--
		}
		st.tail[st.kept] = b
		st.kept++
	}
}

// complete releases the last bytes, if the verdict still holds.
func (s *session) complete() {
	st := &s.stream
	if !s.refresh() {
		return // which has ended the session and its connection
	}
	d := s.user.AuthoriseHead(s.db, st.cmd, st.head, st.argc, &s.k.uses)
	if !d.Allowed() {
		s.auditTakeBack()
		s.countDenied(st.cmd, st.head, d)
		st.refusal = appendErrorBytes(nil, d.AppendText(nil, s.user.User, st.cmd))
		s.abandon()
		return
	}
	s.k.counts.verdict(st.cmd, true)
	s.own.Append(st.tail[:st.kept])
}

// abandon ends the connection that has an incomplete request on it, and answers.
func (s *session) abandon() {
	st := &s.stream
	if s.phase == streaming {
		s.setPhase(skipping)
		s.cut()
	}
	if !st.answered && len(st.refusal) > 0 {
		s.say(st.refusal)
	}
	st.answered = true
}

// refused takes note that Redis has answered a request of which it has not seen
// the end. It does so only before it closes the connection: a value larger than
// its proto-max-bulk-len.
func (s *session) refused() {
	s.stream.owed, s.stream.answered = false, true
	s.setPhase(skipping)
	s.cut()
}
