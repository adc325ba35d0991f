package policy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
	"redisgate/policy/command"
)

// TestKeysAgreeWithServer compares what Parse reads with COMMAND GETKEYSANDFLAGS: the same keys in the same order for the
// same needs, or an exception that has a name.
func TestKeysAgreeWithServer(t *testing.T) {
	t.Parallel()
	size, rng := differentialSize(t, 200000)
	client := redistest.Start(t, redistest.Options{}).Client()
	g := newGenerator(t, rng, client)
	ctx := context.Background()
	counts := map[string]int{}
	for done := 0; done < size && !t.Failed(); {
		pipe := client.Pipeline()
		requests := make([][][]byte, 500)
		replies := make([]*redis.Cmd, len(requests))
		for i := range requests {
			requests[i] = g.request()
			line := []any{"COMMAND", "GETKEYSANDFLAGS"}
			for _, a := range requests[i] {
				line = append(line, a)
			}
			replies[i] = pipe.Do(ctx, line...)
		}
		if _, err := pipe.Exec(ctx); err != nil && !isReplyError(err) {
			t.Fatalf("COMMAND GETKEYSANDFLAGS = %v; want answers", err)
		}
		for i, r := range replies {
			outcome, problem := compareKeys(requests[i], r)
			if problem != "" {
				t.Errorf("%q: %s", requests[i], problem)
			}
			counts[outcome]++
		}
		done += len(requests)
	}
	t.Logf("outcomes: %v", counts)
	for _, want := range []string{"the same", "no keys", "refused here"} {
		if counts[want] < size/50 {
			t.Errorf("outcome %q came up %d times in %d; want more", want, counts[want], size)
		}
	}
}

// keyNeed is a key as both sides tell it.
type keyNeed struct {
	name string
	need command.Need
	flat bool // the server does not say what for
}

func compareKeys(args [][]byte, reply *redis.Cmd) (outcome, problem string) {
	cmd, failure := command.Lookup(args)
	if failure != command.Found {
		return "no command here", ""
	}
	var uses command.Uses
	if cmd.Parse(args, &uses) != nil {
		return "refused here", "" // which TestRefusedSyntaxIsAnErrorOnTheServer looks after
	}
	if err := reply.Err(); err != nil {
		switch {
		case strings.Contains(err.Error(), "Invalid number of arguments"), strings.Contains(err.Error(), "Invalid command"):
			return "another arity", ""
		case len(uses.Keys) == 0:
			return "no keys", ""
		case cmd.Name == "pfmerge" && len(args) == 2:
			return "one key of PFMERGE", ""
		}
		return "", fmt.Sprintf("Parse finds the keys %v; the server says %v", uses.Keys, err)
	}
	server := serverKeys(reply.Val())
	if len(server) != len(uses.Keys) {
		return "", fmt.Sprintf("Parse finds the keys %v; the server %v", uses.Keys, server)
	}
	outcome = "the same"
	for i, k := range uses.Keys {
		s := server[i]
		switch {
		case string(args[k.Arg]) != s.name:
			return "", fmt.Sprintf("key %d is %q; on the server %q", i, args[k.Arg], s.name)
		case s.flat:
			outcome = "without needs: " + cmd.Name
		case k.Need == s.need:
		case cmd.Name == "set" && slices.ContainsFunc(args[3:], isCondition) && k.Need == command.Read|command.Write:
			outcome = "SET with a condition"
		default:
			return "", fmt.Sprintf("key %q has need %d; on the server %d", s.name, k.Need, s.need)
		}
	}
	return outcome, ""
}

// serverKeys reads the pairs of a key and its flags (db.c, getKeysSubcommandImpl).
func serverKeys(reply any) []keyNeed {
	var out []keyNeed
	pairs, _ := reply.([]any)
	for _, p := range pairs {
		pair := p.([]any)
		k := keyNeed{name: pair[0].(string)}
		flags := stringSet(pair[1])
		k.flat = len(flags) == 0
		for _, f := range flags {
			switch f {
			case "access":
				k.need |= command.Read
			case "insert", "delete", "update":
				k.need |= command.Write
			}
		}
		out = append(out, k)
	}
	return out
}
