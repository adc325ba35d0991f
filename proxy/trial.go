package proxy

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"redisgate/policy/command"
	"redisgate/resp"
)

// trial is an attempt to log in that something goes on about off the loop. Its request
// stays where it is, and nothing behind it is looked at; when that is done the request
// is judged anew, by the users and bounds of that moment.
type trial struct {
	of   [sha256.Size]byte // the name and the password
	done bool
	proof
}

// maxQueueTrials is how many log-ins of one transaction may be such: each of them has
// EXEC read the queue anew. Those behind are refused, right or wrong, or they would be
// guesses that nobody counts.
const maxQueueTrials = 16

func trialOf(name, password []byte) [sha256.Size]byte {
	h := sha256.New()
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(name))))
	_, _ = h.Write(name)
	_, _ = h.Write(password)
	return [sha256.Size]byte(h.Sum(nil))
}

// tried says that an attempt can be decided now. Otherwise its request has to wait, and
// asks again with the same place for the trial, which is empty at first. The session
// must be settled.
func (s *session) tried(place **trial, name, password []byte) bool {
	of := trialOf(name, password)
	if t := *place; t != nil && t.of == of {
		return t.done
	}
	*place = nil // of a request that was never judged, since rules have changed
	do := s.h.trial(name, password)
	if do == nil {
		return true
	}
	t := &trial{of: of}
	*place = t
	s.sent++ // as if Redis owed it: nothing is done, and the session does not end, before it is there
	s.stalled = true
	var found proof // written before done is called
	s.h.offLoop(func() []byte { found = do(); return nil }, func([]byte) {
		s.got++
		t.done, t.proof = true, found
		if s.own != nil && !s.own.Usable() {
			s.cut() // it was lost when something seemed to be owed on it
		}
		s.caughtUp()
	})
	return false
}

// queueTried is tried for all commands of a queue that log in.
func (s *session) queueTried(m *transaction) bool {
	if !slices.ContainsFunc(m.cmds, logsIn) {
		return true
	}
	if m.trials == nil {
		m.trials = map[int]*trial{}
	}
	begun := 0
	var parser resp.Parser
	for buf, i := m.run, -1; len(buf) > 0; i++ { // the first is MULTI
		n, err := parser.Next(buf, &s.k.again)
		if err != nil {
			return true // cannot be: it was parsed before
		}
		if i >= 0 && logsIn(m.cmds[i]) {
			if name, password, ok := s.credentials(m.cmds[i], parser.Args()); ok {
				switch t := m.trials[i]; {
				case t == nil && begun == maxQueueTrials:
					m.trials[i] = &trial{done: true, proof: proof{refused: true}}
				case t == nil:
					waits := !s.tried(&t, name, password)
					if t == nil {
						t = &trial{done: true}
					}
					if m.trials[i] = t; waits {
						return false
					}
				case t.of != [sha256.Size]byte{}:
					begun++
				}
			}
		}
		buf = buf[n:]
	}
	return true
}

func logsIn(cmd *command.Command) bool { return cmd.Name == "auth" || cmd.Name == "hello" }

// credentials are those in AUTH or HELLO.
func (s *session) credentials(cmd *command.Command, args [][]byte) (name, password []byte, ok bool) {
	if cmd.Name == "auth" {
		name, password, wrong := s.readAuth(args)
		return name, password, wrong == ""
	}
	h, wrong := readHello(args, s.proto)
	return h.user, h.password, h.auth && wrong == ""
}
