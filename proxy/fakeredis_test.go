package proxy

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/redcon"

	"redisgate/policy/command"
	"redisgate/resp"
	"redisgate/upstream"
)

// fakeRedis is the server's side of a link. Its answer to a plain command says
// which command it was, so that no reply can be taken for another.
type fakeRedis struct {
	key    upstream.Key
	db     int
	ahead  int // database in which a request that comes now will run
	before int // database before MULTI
	in     []byte
	asked  [][][]byte // whole requests without an answer

	multi, watched bool
	strange        bool   // an unknown command has run
	aborted        bool   // the transaction is
	run            []byte // replies of the transaction
	queued         int
	subs           [3]map[string]bool // channels, patterns, shards
}

const fakeDatabases = 16

var fakeLimits = resp.Limits{Arguments: 1 << 20, Bulk: 1 << 30, Request: 1 << 31}

func newFakeRedis(k upstream.Key) fakeRedis {
	r := fakeRedis{key: k, db: k.DB, ahead: k.DB}
	for i := range r.subs {
		r.subs[i] = map[string]bool{}
	}
	return r
}

func (r *fakeRedis) channels() int { return len(r.subs[0]) + len(r.subs[1]) + len(r.subs[2]) }

// feed takes what a session sends.
func (r *fakeRedis) feed(l *fakeLink, p []byte) {
	r.in = append(r.in, p...)
	for len(r.in) > 0 {
		var parser resp.Parser
		n, err := parser.Next(r.in, &fakeLimits)
		if err == resp.ErrIncomplete {
			return
		}
		if err != nil || parser.Inline() {
			l.w.t.Fatalf("%s is sent %.80q: %v", l.name, r.in, err)
		}
		var args [][]byte
		for _, a := range parser.Args() {
			args = append(args, bytes.Clone(a))
		}
		r.in = r.in[n:]
		r.asked = append(r.asked, args)
		l.w.judge(l, args)
		r.lookAhead()
		if l.w.reached != nil {
			l.w.reached(l, args)
		}
	}
}

// judge checks that what reaches a link may reach it.
func (w *world) judge(l *fakeLink, args [][]byte) {
	w.t.Helper()
	for _, p := range w.peers {
		s := &p.s
		if link(l) != s.own && link(l) != s.pipe || s.phase == ended {
			continue
		}
		if l.shared {
			continue // whose request it is cannot be told from here
		}
		w.judgeBy(s, l, args)
	}
}

func (w *world) judgeBy(s *session, l *fakeLink, args [][]byte) {
	w.t.Helper()
	if s.splicing() != nil {
		return // judged by whom AUTH makes of it; models know
	}
	if !s.known {
		w.t.Errorf("%s is sent %.80q before authentication", l.name, args)
	}
	cmd, failure := command.Lookup(args)
	if failure != command.Found || cmd.Name == "unwatch" || cmd.Name == "multi" || cmd.Name == "exec" {
		return
	}
	var uses command.Uses
	if d := s.user.Authorise(s.db, cmd, args, &uses); !d.Allowed() {
		w.t.Errorf("%s is sent %.80q, which %s may not do: %v", l.name, args, s.user.Name, d.Reason)
	}
	if cmd.Name != "select" && l.redis.db != s.db && len(l.redis.asked) == 1 {
		w.t.Errorf("%s in database %d is sent %.80q by a session in %d", l.name, l.redis.db, args, s.db)
	}
}

// answer answers the next n requests, so far as there are.
func (r *fakeRedis) answer(l *fakeLink, n int) {
	for ; n > 0 && len(r.asked) > 0 && !l.closed; n-- {
		args := r.asked[0]
		r.asked = r.asked[1:]
		p := r.reply(args)
		if last := len(l.inbox) - 1; last >= 0 && !l.inbox[last].push && p[0] != '-' {
			l.inbox[last].p = append(l.inbox[last].p, p...) // as one piece, if the cut permits
			continue
		}
		l.inbox = append(l.inbox, frames{p: p})
	}
}

// refuse answers the next request, if there is one, with an error.
func (l *fakeLink) refuse() {
	if l.closed || len(l.redis.asked) == 0 {
		return
	}
	name := strings.ToLower(string(l.redis.asked[0][0]))
	l.redis.asked = l.redis.asked[1:]
	if name == "exec" {
		l.redis.multi, l.redis.watched = false, false
		l.redis.db = l.redis.before
	} else if l.redis.multi {
		l.redis.aborted = true
	}
	l.redis.lookAhead()
	l.inbox = append(l.inbox, frames{p: []byte("-OOM command not allowed\r\n")})
}

// lookAhead finds the database that the requests which have come lead to.
func (r *fakeRedis) lookAhead() {
	r.ahead = r.db
	for _, args := range r.asked {
		if len(args) < 2 || string(args[0]) != "SELECT" {
			continue
		}
		if db, err := strconv.Atoi(string(args[1])); err == nil && db < fakeDatabases {
			r.ahead = db
		}
	}
}

func (r *fakeRedis) reply(args [][]byte) []byte {
	name := strings.ToLower(string(args[0]))
	switch name {
	case "multi":
		r.multi, r.aborted, r.run, r.queued, r.before = true, false, nil, 0, r.db
		return replyOK
	case "exec":
		if r.aborted {
			r.multi, r.watched = false, false
			r.db = r.before
			r.lookAhead()
			return []byte("-EXECABORT Transaction discarded because of previous errors.\r\n")
		}
		out := append(redcon.AppendArray(nil, r.queued), r.run...)
		r.multi, r.watched = false, false
		return out
	}
	if r.multi {
		r.run = append(r.run, r.plain(name, args)...)
		r.queued++
		return replyQueued
	}
	return r.plain(name, args)
}

func (r *fakeRedis) plain(name string, args [][]byte) []byte {
	switch name {
	case "nosuch":
		r.strange = true
	case "watch":
		r.watched = true
		return replyOK
	case "unwatch":
		r.watched = false
		return replyOK
	case "select":
		db, _ := strconv.Atoi(string(args[1]))
		if db >= fakeDatabases {
			return []byte("-ERR DB index is out of range\r\n")
		}
		r.db = db
		return replyOK
	case "hello":
		r.key.Proto = args[1][0] - '0'
		return []byte("%1\r\n$5\r\nproto\r\n:" + string(args[1]) + "\r\n")
	case "ping":
		if r.key.Proto == 2 && r.channels() > 0 {
			return []byte("*2\r\n$4\r\npong\r\n$0\r\n\r\n")
		}
		return []byte("+PONG\r\n")
	case "config":
		return []byte("*4\r\n$11\r\nrequirepass\r\n$6\r\nsecret\r\n$4\r\nport\r\n$4\r\n6379\r\n")
	case "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe":
		return r.subscribe(name, args[1:])
	}
	return redcon.AppendBulk(nil, fakeAnswer(args))
}

// fakeAnswer is what fakeRedis says to a plain command.
func fakeAnswer(args [][]byte) []byte {
	out := bytes.ToLower(args[0])
	for _, a := range args[1:] {
		out = append(append(out, ' '), a[:min(len(a), 20)]...)
	}
	if bytes.HasPrefix(out, []byte("getrange ")) && len(args) == 4 {
		n, _ := strconv.Atoi(string(args[3]))
		out = append(out, bytes.Repeat([]byte{'.'}, n)...)
	}
	return out
}

func (r *fakeRedis) subscribe(name string, names [][]byte) []byte {
	set := r.subs[0]
	switch name[0] {
	case 'p':
		set = r.subs[1]
	case 's':
		if name[1] != 'u' || name == "sunsubscribe" {
			set = r.subs[2]
		}
	}
	off := strings.HasSuffix(name, "unsubscribe")
	var all []string
	for _, n := range names {
		all = append(all, string(n))
	}
	if len(all) == 0 {
		all = slices.Sorted(maps.Keys(set))
	}
	var out []byte
	for _, n := range all {
		if delete(set, n); !off {
			set[n] = true
		}
		out = append(out, r.confirmation(name, n)...)
	}
	if len(all) == 0 {
		out = append(out, r.confirmation(name, "")...)
	}
	return out
}

func (r *fakeRedis) confirmation(name, channel string) []byte {
	out := []byte("*3\r\n")
	if r.key.Proto == 3 {
		out[0] = '>'
	}
	out = redcon.AppendBulkString(redcon.AppendBulkString(out, name), channel)
	return redcon.AppendInt(out, int64(r.channels()))
}

// message is what a subscriber is sent.
func (r *fakeRedis) message(channel, text string) []byte {
	out := []byte("*3\r\n")
	if r.key.Proto == 3 {
		out[0] = '>'
	}
	out = redcon.AppendBulkString(redcon.AppendBulkString(out, "message"), channel)
	return redcon.AppendBulkString(out, text)
}
