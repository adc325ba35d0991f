package policy

import (
	"context"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/redistest"
	"redisgate/policy/command"
)

// TestKeysTouchedAreKeysNamed runs what Parse accepts on a server that tells of every key that is changed or missed: each
// must be one that Parse named. A key that only Redis's executor finds would be a way around the rules.
func TestKeysTouchedAreKeysNamed(t *testing.T) {
	t.Parallel()
	size, rng := differentialSize(t, 20000)
	client := redistest.Start(t, redistest.Options{}).Client()
	ctx := context.Background()
	// All events but those of keys that expire, which come when they will.
	if err := client.ConfigSet(ctx, "notify-keyspace-events", "Eg$lshztdmn").Err(); err != nil {
		t.Fatalf("CONFIG SET = %v; want OK", err)
	}
	sub := client.PSubscribe(ctx, "__keyevent@*__:*", "mark")
	t.Cleanup(func() { _ = sub.Close() })
	for range 2 { // the answers to both patterns: they are in force
		if _, err := sub.Receive(ctx); err != nil {
			t.Fatalf("PSUBSCRIBE = %v; want an answer", err)
		}
	}
	g := newGenerator(t, rng, client)
	events := 0
	for batch := range size / 200 {
		var requests [][][]byte
		var named []map[string]bool
		for range 200 {
			args := g.request()
			if keys := keysNamed(args); keys != nil {
				requests, named = append(requests, args), append(named, keys)
			}
		}
		if batch%4 == 0 {
			requests, named = append(requests, [][]byte{[]byte("flushall")}), append(named, nil)
		}
		runMarked(t, client, requests)
		for i := range requests {
			for _, key := range until(t, sub, i) {
				events++
				if !named[i][key] {
					t.Errorf("%q touches the key %q; Parse named %v", requests[i], key, named[i])
				}
			}
		}
	}
	if events < size/20 {
		t.Errorf("%d requests made %d events; want more to compare", size, events)
	}
}

// keysNamed returns the keys of a request that can be tried on a server, or nil for any other.
func keysNamed(args [][]byte) map[string]bool {
	cmd, failure := command.Lookup(args)
	if failure != command.Found {
		return nil
	}
	switch cmd.Route {
	case command.RouteShared, command.RouteBlocking, command.RouteDedicated:
	default:
		return nil
	}
	var uses command.Uses
	if cmd.Parse(args, &uses) != nil || uses.SortBy || uses.SortGet {
		return nil
	}
	keys := map[string]bool{}
	for _, k := range uses.Keys {
		keys[string(args[k.Arg])] = true
	}
	return keys
}

// runMarked runs each request in a transaction of its own, where nothing blocks, and publishes its number after it.
func runMarked(t *testing.T, client *redis.Client, requests [][][]byte) {
	t.Helper()
	ctx := context.Background()
	pipe := client.Pipeline()
	for i, args := range requests {
		line := make([]any, len(args))
		for j, a := range args {
			line[j] = a
		}
		pipe.Do(ctx, "MULTI")
		pipe.Do(ctx, line...)
		pipe.Do(ctx, "EXEC")
		pipe.Do(ctx, "PUBLISH", "mark", i)
	}
	if _, err := pipe.Exec(ctx); err != nil && !isReplyError(err) {
		t.Fatalf("the pipeline = %v; want its replies", err)
	}
}

// until reads the keys of events up to the mark.
func until(t *testing.T, sub *redis.PubSub, mark int) []string {
	t.Helper()
	var keys []string
	for {
		m, err := sub.ReceiveMessage(context.Background())
		if err != nil {
			t.Fatalf("after mark %d: %v; want a message", mark, err)
		}
		if m.Channel != "mark" {
			keys = append(keys, m.Payload)
			continue
		}
		if m.Payload != strconv.Itoa(mark) {
			t.Fatalf("mark %s came; want %d", m.Payload, mark)
		}
		return keys
	}
}
