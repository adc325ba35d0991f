package policy

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
	"redisgate/policy/command"
)

// TestRefusedSyntaxIsAnErrorOnTheServer runs what Parse refuses: the server must not execute it either, unless the refusal
// says that redisgate is stricter there. So nothing that works on Redis is lost for want of understanding it.
func TestRefusedSyntaxIsAnErrorOnTheServer(t *testing.T) {
	t.Parallel()
	size, rng := differentialSize(t, 40000)
	client := redistest.Start(t, redistest.Options{}).Client()
	g := newGenerator(t, rng, client)
	refused := 0
	for range size / 200 {
		var requests [][][]byte
		var refusals []error
		for range 200 {
			args := g.request()
			if err := refusal(args); err != nil {
				requests, refusals = append(requests, args), append(refusals, err)
			}
		}
		for i, err := range execute(t, client, requests) {
			if err == nil && !strings.HasPrefix(refusals[i].Error(), "ERR syntax error: ") {
				t.Errorf("Parse(%q) = %v; the server executes it", requests[i], refusals[i])
			}
		}
		refused += len(requests)
	}
	if refused < size/100 {
		t.Errorf("%d of %d requests were refused; want more to compare", refused, size)
	}
}

// refusal is Parse's error for requests that can be tried on a server, inside MULTI, without doing harm to the test.
func refusal(args [][]byte) error {
	cmd, failure := command.Lookup(args)
	if failure != command.Found || strings.HasPrefix(cmd.Name, "command|") {
		return nil
	}
	switch cmd.Route {
	case command.RouteShared, command.RouteBlocking, command.RouteDedicated:
		var uses command.Uses
		return cmd.Parse(args, &uses)
	}
	return nil
}

// execute runs requests as one transaction, where nothing blocks, and returns the error of each.
func execute(t *testing.T, client *redis.Client, requests [][][]byte) []error {
	t.Helper()
	ctx := context.Background()
	cmds, err := client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for _, args := range requests {
			line := make([]any, len(args))
			for i, a := range args {
				line[i] = a
			}
			p.Do(ctx, line...)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) && (!isReplyError(err) || strings.HasPrefix(err.Error(), "EXECABORT")) {
		t.Fatalf("the transaction = %v; want its replies", err)
	}
	out := make([]error, len(requests))
	for i, c := range cmds {
		if out[i] = c.Err(); errors.Is(out[i], redis.Nil) {
			out[i] = nil
		}
	}
	return out
}
