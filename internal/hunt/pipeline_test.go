package hunt_test

import (
	"fmt"
	"strings"

	"redisgate/policy/command"
	"redisgate/resp"
)

// pipeline is a few hundred random commands.
type pipeline struct {
	l        *lane
	w        *wire
	u        *user
	db       int  // about where the session is; commands of the pipeline change it
	hears    bool // the session may be subscribed
	bytes    []byte
	requests [][][]byte
	uses     command.Uses
}

// about are more templates: of commands whose replies and messages are cut down.
var about = []string{
	"scan n", "scan 0 COUNT 100", "scan 0 MATCH a*", "scan 0 TYPE string", "keys *", "keys k", "randomkey", "dbsize",
	"psubscribe __key*", "psubscribe __keyspace@*__:*", "psubscribe __keyevent@0__:*", "subscribe __keyevent@1__:set",
	"subscribe __keyevent@0__:keymiss __keyspace@2__:a", "client tracking ON", "client tracking ON BCAST PREFIX k", "sort k GET *",
	"sort k BY nosort GET a* GET *", "sort k STORE STORE ASC", "sort k STORE STORE o", "sort k STORE LIMIT STORE k",
	"xreadgroup GROUP w w STREAMS k 0", "xreadgroup GROUP w STREAMS STREAMS k >", "xreadgroup COUNT n GROUP w STREAMS STREAMS k >", "dump k", "lrange k 0 -1",
	"hgetall k", "smembers k", "zrange k 0 -1", "xrange k - +", "hello n", "unsubscribe", "punsubscribe",
}

// unwanted are commands that end the run, stop it, or fill it with large replies about other things.
var unwanted = map[string]bool{
	"auth": true, "client|kill": true, "client|pause": true, "quit": true, "save": true, "bgsave": true, "bgrewriteaof": true,
	"command": true, "command|docs": true, "command|info": true, "lolwut": true, "multi": true,
}

// unsettling are commands after which the session is not as it was.
var unsettling = map[string]bool{
	"subscribe": true, "psubscribe": true, "ssubscribe": true, "client|reply": true, "client|tracking": true, "reset": true, "watch": true, "hello": true,
}

// newPipeline makes one of n commands or a few more.
func (l *lane) newPipeline(w *wire, u *user, n int) *pipeline {
	p := &pipeline{l: l, w: w, u: u}
	p.begin()
	repair := -1
	for len(p.requests) < n {
		if repair == 0 {
			p.begin()
		}
		repair--
		args, cmd := p.next()
		name := ""
		if cmd != nil {
			name = cmd.Name
		}
		switch {
		case unwanted[name] && l.g.IntN(50) > 0, u.AllPowerful() && (name == "flushall" || name == "flushdb" || name == "swapdb"):
		case unwanted[name] && name != "quit" && name != "multi": // once in a while even those, but not these
		case p.hears && l.g.IntN(10) > 0 && (name == "multi" || p.waits(args, cmd)):
		case p.waits(args, cmd) && l.g.IntN(10) > 0, l.g.IntN(12) == 0 && !p.hears:
			p.transaction(args)
		default:
			p.add(shorten(args, name))
			switch {
			case name == "reset":
				repair = 0
			case unsettling[name] && repair < 0:
				repair = l.g.IntN(8)
			}
			// Redis 7.0 writes a message into the middle of the reply to EXEC if the client itself has caused it, in RESP3.
			// redisgate ends such a connection.
			p.hears = p.hears || strings.HasSuffix(name, "subscribe") || name == "client|tracking"
		}
	}
	p.bytes = w.fresh(p.bytes)
	return p
}

// begin makes the session new, in one of the databases.
func (p *pipeline) begin() {
	p.hears = false
	p.bytes = p.w.fresh(p.bytes)
	if p.db = p.l.g.IntN(databases); p.u.mayUse(p.db) {
		p.bytes = resp.AppendCommand(p.bytes, "SELECT", fmt.Sprint(p.db))
	} else {
		p.db = p.u.Databases[0]
	}
}

func (p *pipeline) add(args [][]byte) {
	p.bytes = resp.AppendRequest(p.bytes, args...)
	p.requests = append(p.requests, args)
}

// next makes a request. One that is refused tries out little, so that most are made again.
func (p *pipeline) next() ([][]byte, *command.Command) {
	for range 4 {
		args := p.l.g.Request()
		if cmd, allowed := p.judge(args); allowed || p.l.g.IntN(4) == 0 {
			return args, cmd
		}
	}
	args := p.l.g.Request()
	cmd, _ := p.judge(args)
	return args, cmd
}

// judge asks redisgate's own policy, to make better requests and not to judge by.
func (p *pipeline) judge(args [][]byte) (cmd *command.Command, allowed bool) {
	cmd, failure := command.Lookup(args)
	if failure != command.Found {
		return nil, false
	}
	return cmd, p.u.Authorise(p.db, cmd, args, &p.uses).Allowed()
}

// waits says that a request may wait for another client.
func (p *pipeline) waits(args [][]byte, cmd *command.Command) bool {
	if cmd == nil {
		return false
	}
	_ = cmd.Parse(args, &p.uses)
	return cmd.Route == command.RouteBlocking || p.uses.Blocks
}

// transaction adds one with args in it, most often of commands that it may have.
func (p *pipeline) transaction(args [][]byte) {
	g := p.l.g
	p.add([][]byte{[]byte("MULTI")})
	good := g.IntN(8) > 0
	for i := range 1 + g.IntN(6) {
		if i > 0 {
			args, _ = p.next()
		}
		cmd, allowed := p.judge(args)
		switch {
		case cmd != nil && (unwanted[cmd.Name] || cmd.Name == "exec" || cmd.Name == "discard"):
		case good && (!allowed || cmd.Route == command.RouteSubscribe || cmd.Flags.Has(command.FlagFiltered)):
		default:
			p.add(args)
		}
	}
	if g.IntN(12) == 0 {
		p.add([][]byte{[]byte("DISCARD")})
	} else {
		p.add([][]byte{[]byte("EXEC")})
	}
}

// shorten makes waits short.
func shorten(args [][]byte, name string) [][]byte {
	const moment = "0.002"
	switch name {
	case "blmpop", "bzmpop":
		args[1] = []byte(moment)
	case "blpop", "brpop", "blmove", "brpoplpush", "bzpopmin", "bzpopmax":
		args[len(args)-1] = []byte(moment)
	case "wait", "waitaof":
		args[len(args)-1] = []byte("2")
	case "xread", "xreadgroup":
		for i := range args[1:] {
			if word, _, _ := strings.Cut(string(args[i]), "\x00"); strings.EqualFold(word, "block") {
				args[i+1] = []byte("2")
			}
		}
	}
	return args
}

// String lists the requests that the rules allow.
func (p *pipeline) String() string {
	var b strings.Builder
	for _, args := range p.requests {
		if _, allowed := p.judge(args); allowed {
			fmt.Fprintf(&b, "\n\t%q", args)
		}
	}
	return "of these:" + b.String()
}
