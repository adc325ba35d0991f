package bench

import (
	"fmt"
	"strings"
	"testing"

	"redisgate/policy"
	"redisgate/policy/command"
	"redisgate/resp"
)

// BenchmarkAuthorise isolates the judgement of one request for a user with three key patterns: finding the command and the
// verdict, and with "parse" the reading of the request from the wire before them.
func BenchmarkAuthorise(b *testing.B) {
	user, err := policy.ParseUser("app", "on nopass ~user:* ~session:* ~cache:* +@read +@write -@dangerous", policy.Options{})
	if err != nil {
		b.Fatal(err)
	}
	requests := map[string][]string{
		"GET":     {"GET", "cache:1234567890"},
		"SET":     {"SET", "cache:1234567890", strings.Repeat("x", 64)},
		"MGET-10": {"MGET"},
	}
	for i := range 10 {
		requests["MGET-10"] = append(requests["MGET-10"], fmt.Sprintf("cache:%d", i))
	}
	for name, request := range requests {
		wire := resp.AppendCommand(nil, request...)
		limits := &resp.Limits{Arguments: 1 << 20, Bulk: 512 << 20, Request: 1 << 30}
		var uses command.Uses
		var parser resp.Parser
		if _, err := parser.Next(wire, limits); err != nil {
			b.Fatal(err)
		}
		args := parser.Args()
		cmd, failure := command.Lookup(args)
		if failure != command.Found {
			b.Fatal("not found")
		}
		b.Run(name+"/verdict", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !user.Authorise(0, cmd, args, &uses).Allowed() {
					b.Fatal("refused")
				}
			}
		})
		b.Run(name+"/lookup+verdict", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				cmd, _ := command.Lookup(args)
				if !user.Authorise(0, cmd, args, &uses).Allowed() {
					b.Fatal("refused")
				}
			}
		})
		b.Run(name+"/parse+lookup+verdict", func(b *testing.B) {
			var parser resp.Parser
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parser.Next(wire, limits); err != nil {
					b.Fatal(err)
				}
				cmd, _ := command.Lookup(parser.Args())
				if !user.Authorise(0, cmd, parser.Args(), &uses).Allowed() {
					b.Fatal("refused")
				}
			}
		})
	}
}
