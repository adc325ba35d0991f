package bench

import (
	"fmt"
	"strings"
	"testing"

	"redisgate/policy"
	"redisgate/policy/command"
	"redisgate/resp"
)

// fewPatterns and manyPatterns are key rules that both allow what authoriseRequests ask for.
const fewPatterns = "~user:* ~session:* ~cache:*"

func manyPatterns() string {
	rules := []string{fewPatterns}
	for i := range 997 {
		rules = append(rules, fmt.Sprintf("~tenant:%d:*", i))
	}
	return strings.Join(rules, " ")
}

func authoriseRequests() map[string][]string {
	requests := map[string][]string{
		"GET":     {"GET", "cache:1234567890"},
		"SET":     {"SET", "cache:1234567890", strings.Repeat("x", 64)},
		"MGET-10": {"MGET"},
	}
	for i := range 10 {
		requests["MGET-10"] = append(requests["MGET-10"], fmt.Sprintf("cache:%d", i))
	}
	return requests
}

// onePath is what a request goes through in memory before it is sent on: parse, lookup, verdict.
type onePath struct {
	user   *policy.User
	wire   []byte
	limits resp.Limits
	parser resp.Parser
	uses   command.Uses
	args   [][]byte
	cmd    *command.Command
}

func newPath(tb testing.TB, keys string, request []string) *onePath {
	tb.Helper()
	user, err := policy.ParseUser("app", "on nopass "+keys+" +@read +@write -@dangerous", policy.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	p := &onePath{user: user, wire: resp.AppendCommand(nil, request...), limits: resp.Limits{Arguments: 1 << 20, Bulk: 512 << 20, Request: 1 << 30}}
	p.parse(tb)
	p.lookup(tb)
	return p
}

func (p *onePath) parse(tb testing.TB) {
	if _, err := p.parser.Next(p.wire, &p.limits); err != nil {
		tb.Fatal(err)
	}
	p.args = p.parser.Args()
}

func (p *onePath) lookup(tb testing.TB) {
	cmd, failure := command.Lookup(p.args)
	if failure != command.Found {
		tb.Fatal("not found")
	}
	p.cmd = cmd
}

func (p *onePath) verdict(tb testing.TB) {
	if !p.user.Authorise(0, p.cmd, p.args, &p.uses).Allowed() {
		tb.Fatal("refused")
	}
}

func TestTheWholePathAllocatesNothing(t *testing.T) {
	for name, keys := range map[string]string{"3": fewPatterns, "1000": manyPatterns()} {
		for request, words := range authoriseRequests() {
			p := newPath(t, keys, words)
			if got := testing.AllocsPerRun(100, func() { p.parse(t); p.lookup(t); p.verdict(t) }); got != 0 {
				t.Errorf("%s with %s key patterns allocates %v times; want 0", request, name, got)
			}
		}
	}
}

// BenchmarkAuthorise isolates the judgement of one request for a user with three key patterns, or a thousand: the reading
// of the request from the wire alone, what finding the command and the verdict take beyond it, and all together.
func BenchmarkAuthorise(b *testing.B) {
	many := manyPatterns()
	for request, words := range authoriseRequests() {
		for _, keys := range []struct{ name, rules string }{{"3", fewPatterns}, {"1000", many}} {
			p := newPath(b, keys.rules, words)
			run := func(step string, f func(b *testing.B)) {
				b.Run(request+"/"+keys.name+"/"+step, func(b *testing.B) {
					b.ReportAllocs()
					f(b)
				})
			}
			run("parse", func(b *testing.B) {
				for b.Loop() {
					p.parse(b)
				}
			})
			run("lookup+verdict", func(b *testing.B) {
				for b.Loop() {
					p.lookup(b)
					p.verdict(b)
				}
			})
			run("parse+lookup+verdict", func(b *testing.B) {
				for b.Loop() {
					p.parse(b)
					p.lookup(b)
					p.verdict(b)
				}
			})
		}
	}
}
