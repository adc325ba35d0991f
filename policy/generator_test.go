package policy

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/hunt"
	"redisgate/policy/command"
)

// generator is hunt's, under the names that these tests use.
type generator struct {
	*hunt.Generator
	commands []*command.Command
}

var (
	keyRules     = hunt.KeyRules
	channelRules = hunt.ChannelRules
)

func newGenerator(t *testing.T, rng *rand.Rand, client *redis.Client) *generator {
	t.Helper()
	names, err := client.Do(context.Background(), "COMMAND", "LIST").StringSlice()
	if err != nil {
		t.Fatalf("COMMAND LIST = %v; want names", err)
	}
	g, err := hunt.New(rng, names)
	if err != nil {
		t.Fatal(err)
	}
	return &generator{g, g.Commands}
}

func pick[T any](g *generator, from []T) T { return hunt.Pick(g.Generator, from) }

func (g *generator) rules() []string            { return g.Rules() }
func (g *generator) selector() []string         { return g.Selector() }
func (g *generator) request() [][]byte          { return g.Request() }
func (g *generator) randomCase(s string) string { return g.RandomCase(s) }

// user makes the same random user here and on the server.
func (g *generator) user(t *testing.T, client *redis.Client) (*User, []string) {
	t.Helper()
	for {
		words := g.rules()
		line := []any{"ACL", "SETUSER", "app"}
		for _, w := range words {
			line = append(line, w)
		}
		serverErr := client.Do(context.Background(), line...).Err()
		u, err := NewUser("app", words, Options{})
		if serverErr == nil && err == nil {
			return u, words
		}
		if serverErr == nil || err == nil || serverErr.Error() != "ERR "+err.Error() {
			t.Fatalf("NewUser(%q) = %v; the server says %v", words, err, serverErr)
		}
	}
}
