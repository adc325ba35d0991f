package proxy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"redisgate/policy/command"
)

// What follows are the subcommands of CLIENT that are about other clients. A user
// who may not do everything meets those of the same user only.

// filter says which clients are meant; the zero value means all.
type filter struct {
	ids                     []uint64 // sorted; nil: all
	kind, addr, laddr, user string
	maxAge                  int64
	self                    uint64 // who asks
	skipSelf                bool
	only                    string // the only user whose clients may be met
}

func (s *session) newFilter() filter {
	f := filter{self: s.id}
	if !s.user.AllPowerful() {
		f.only = s.user.Name
	}
	return f
}

func (f *filter) matches(s *session) bool {
	if f.addr != "" || f.laddr != "" {
		remote, local := s.h.ends()
		if f.addr != "" && f.addr != remote || f.laddr != "" && f.laddr != local {
			return false
		}
	}
	switch {
	case s.phase == ended, f.only != "" && s.user.Name != f.only, f.only != "" && !s.known:
	case f.ids != nil && !f.has(s.id):
	case f.kind != "" && f.kind != s.kind():
	case f.user != "" && (!s.known || f.user != s.user.Name):
	case f.maxAge > 0 && (s.h.now()-s.born)/1e9 < f.maxAge:
	case f.skipSelf && s.id == f.self:
	default:
		return true
	}
	return false
}

func (f *filter) has(id uint64) bool {
	_, ok := slices.BinarySearch(f.ids, id)
	return ok
}

func (s *session) kind() string {
	switch {
	case s.replicates():
		return "replica"
	case s.subs != nil:
		return "pubsub"
	}
	return "normal"
}

// readKind reads a TYPE, or says what is wrong. There are no masters among
// redisgate's clients.
func readKind(p []byte) (kind, wrong string) {
	kind = strings.ToLower(string(p))
	switch kind {
	case "slave":
		return "replica", ""
	case "normal", "pubsub", "master", "primary", "replica":
		return kind, ""
	}
	return "", "ERR Unknown client type '" + printable(string(p)) + "'"
}

func readID(p []byte) (uint64, bool) {
	id, err := strconv.ParseInt(string(p), 10, 64)
	return uint64(id), err == nil && id > 0
}

// clientList is CLIENT LIST [TYPE kind] [ID id ...].
func (s *session) clientList(_ *command.Command, args [][]byte, _ []byte) bool {
	f := s.newFilter()
	switch {
	case len(args) == 2:
	case len(args) == 4 && equalFold(args[2], "type"):
		var wrong string
		if f.kind, wrong = readKind(args[3]); wrong != "" {
			s.fail(wrong)
			return true
		}
	case len(args) > 3 && equalFold(args[2], "id"):
		for _, a := range args[3:] {
			id, ok := readID(a)
			if !ok {
				s.fail("ERR Invalid client ID")
				return true
			}
			f.ids = append(f.ids, id)
		}
		slices.Sort(f.ids)
	default:
		s.fail(textSyntax)
		return true
	}
	type line struct {
		id   uint64
		text []byte
	}
	printing := s.k.printing
	return s.aside(func() []byte {
		printing <- struct{}{} // lists of many clients for many clients are large
		defer func() { <-printing }()
		var mu sync.Mutex
		var all []line
		s.h.everybody(func(o *session, _ *sync.WaitGroup) {
			if f.matches(o) {
				text := append(o.appendInfo(nil), '\n')
				mu.Lock()
				all = append(all, line{o.id, text})
				mu.Unlock()
			}
		})
		slices.SortFunc(all, func(a, b line) int { return cmp.Compare(a.id, b.id) })
		var out []byte
		for _, l := range all {
			out = append(out, l.text...)
		}
		return s.text(out)
	})
}

// clientKill is CLIENT KILL ip:port, and CLIENT KILL with options.
func (s *session) clientKill(_ *command.Command, args [][]byte, _ []byte) bool {
	f := s.newFilter()
	old := len(args) == 3
	if old {
		f.addr = string(args[2])
	} else {
		f.skipSelf = true
		if text := s.readKill(&f, args[2:]); text != "" {
			s.fail(text)
			return true
		}
	}
	return s.aside(func() []byte {
		var mu sync.Mutex
		n := int64(0)
		s.h.everybody(func(o *session, _ *sync.WaitGroup) {
			if !f.matches(o) {
				return
			}
			mu.Lock()
			n++
			mu.Unlock()
			if o.id == f.self {
				o.end("killed") // once it has its answer
			} else {
				o.gone("killed")
			}
		})
		switch {
		case !old:
			return appendInt(nil, n)
		case n == 0:
			return appendError(nil, "ERR No such client")
		}
		return replyOK
	})
}

// readKill reads the options of CLIENT KILL and returns the text of what is wrong.
func (s *session) readKill(f *filter, args [][]byte) string {
	if len(args)%2 != 0 {
		return textSyntax
	}
	for ; len(args) > 0; args = args[2:] {
		value := args[1]
		switch strings.ToLower(string(args[0])) {
		case "id":
			id, ok := readID(value)
			if !ok {
				return "ERR client-id should be greater than 0"
			}
			f.ids = append(f.ids, id)
		case "maxage":
			age, ok := readID(value)
			if !ok || age > 1<<40 {
				return "ERR maxage is not an integer or out of range"
			}
			f.maxAge = int64(age)
		case "type":
			var wrong string
			if f.kind, wrong = readKind(value); wrong != "" {
				return wrong
			}
		case "addr":
			f.addr = string(value)
		case "laddr":
			f.laddr = string(value)
		case "user":
			if f.only == "" && s.h.set().Lookup(value) == nil { // who there is, is not for others to know
				return "ERR No such user '" + printable(string(value)) + "'"
			}
			f.user = string(value)
		case "skipme":
			switch {
			case equalFold(value, "yes"):
				f.skipSelf = true
			case equalFold(value, "no"):
				f.skipSelf = false
			default:
				return textSyntax
			}
		default:
			return textSyntax
		}
	}
	slices.Sort(f.ids)
	return ""
}

// clientUnblock is CLIENT UNBLOCK id [TIMEOUT|ERROR].
func (s *session) clientUnblock(cmd *command.Command, args [][]byte, _ []byte) bool {
	if len(args) > 4 {
		s.failSyntax(cmd, args)
		return true
	}
	failing := len(args) > 3 && equalFold(args[3], "error")
	id, err := strconv.ParseInt(string(args[2]), 10, 64)
	switch {
	case len(args) == 4 && !failing && !equalFold(args[3], "timeout"):
		s.fail("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
		return true
	case err != nil:
		s.fail("ERR value is not an integer or out of range")
		return true
	}
	f := s.newFilter()
	f.ids = []uint64{uint64(id)}
	return s.aside(func() []byte {
		n := int64(0) // of one client at most
		s.h.everybody(func(o *session, told *sync.WaitGroup) {
			if !f.matches(o) || !o.blocking || o.own == nil || o.wait.stopped {
				return
			}
			n = 1
			if failing {
				o.stopWait(appendError(nil, "UNBLOCKED client unblocked via CLIENT UNBLOCK"), told)
			} else {
				o.stopWait(o.nothingCame(), told)
			}
		})
		return appendInt(nil, n)
	})
}

// nothingCame is what a blocking command answers when its time is over (blocked.c,
// replyToBlockedClientOnTimeout).
func (s *session) nothingCame() []byte {
	if s.proto == 3 {
		return s.null()
	}
	return []byte("*-1\r\n")
}
