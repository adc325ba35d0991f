package hunt_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/hunt"
	"redisgate/policy"
)

// user is whom the commands of a round are run as, and what he may touch. The latter is what Redis's own ACL DRYRUN
// says of his key patterns, so that redisgate is not its own judge.
type user struct {
	*policy.User
	words  []string
	server *redis.Client
	known  map[string]right // by key, in a database of his
}

// right is what a user may do with a key, any of it by some command.
type right struct{ read, write, any bool }

// ensured is what every user has: the password, and the command that ends a pipeline.
var ensured = []string{"on", ">pass", "+ping"}

// filtered are the commands whose replies redisgate cuts down.
var filtered = []string{"+scan", "+keys", "+randomkey"}

// spelled are rules for keys that are spelled like options.
var spelled = strings.Fields("~STREAMS ~STORE ~ASC ~LIMIT ~GET ~NOACK %W~ASC %W~STORE %R~STREAMS")

var eventRules = []string{"&*", "&__key*", "&__keyspace@*__:*", "&__keyevent@0__:*"}

// newUser makes a random user from whom something is hidden.
func (l *lane) newUser() (*user, error) {
	for {
		words, own := l.rules()
		u, err := policy.NewUser("hunter", words, policy.Options{Databases: own, RefuseReserved: true})
		if err != nil || u.AllPowerful() || len(own) == 0 && slices.Contains(words, "~*") {
			continue
		}
		if err := l.probe(words); err != nil {
			return nil, fmt.Errorf("the server refuses %q: %w", words, err)
		}
		return &user{u, words, l.direct[0], map[string]right{}}, nil
	}
}

// rules makes the words of a user, and the databases; none are all.
func (l *lane) rules() (words []string, own []int) {
	g := l.g
	sort := g.IntN(20)
	switch {
	case sort < 4:
		words = g.Rules()
	case sort < 7:
		words = []string{"~*", "+@all"}
	default:
		for range 1 + g.IntN(3) {
			words = append(words, hunt.Pick(g, hunt.KeyRules))
		}
		if g.IntN(3) == 0 {
			words = append(words, hunt.Pick(g, spelled), hunt.Pick(g, spelled))
		}
		words = append(words, "+@all")
		words = append(words, filtered[:g.IntN(len(filtered)+1)]...)
		if g.IntN(4) == 0 {
			words = append(words, "("+strings.Join(g.Selector(), " ")+")")
		}
	}
	if !slices.Contains(words, "&*") && g.IntN(4) > 0 {
		words = append(words, hunt.Pick(g, eventRules))
	}
	if sort < 10 && sort >= 4 || g.IntN(8) == 0 {
		for range 1 + g.IntN(2) {
			own = append(own, g.IntN(databases))
		}
	}
	return append(words, ensured...), own
}

// probe gives the key patterns of the user's selectors, with all commands, to a user of the server.
func (l *lane) probe(words []string) error {
	line := []any{"ACL", "SETUSER", "probe", "reset", "+@all"}
	for _, w := range words {
		if strings.HasPrefix(w, "(") {
			line = append(line, "("+strings.Join(append(keyPatterns(strings.Fields(strings.Trim(w, "()"))), "+@all"), " ")+")")
			continue
		}
		for _, p := range keyPatterns([]string{w}) {
			line = append(line, p)
		}
	}
	return l.direct[0].Do(context.Background(), line...).Err()
}

func keyPatterns(words []string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return !strings.HasPrefix(w, "~") && !strings.HasPrefix(w, "%") })
}

// rights is what the user may do with a key where it is.
func (u *user) rights(at place) (right, error) {
	if !u.mayUse(at.db) {
		return right{}, nil
	}
	if r, ok := u.known[at.key]; ok {
		return r, nil
	}
	ctx := context.Background()
	pipe := u.server.Pipeline()
	var answers [3]*redis.Cmd
	for i, command := range []string{"GET", "UNLINK", "EXISTS"} {
		answers[i] = pipe.Do(ctx, "ACL", "DRYRUN", "probe", command, at.key)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return right{}, err
	}
	r := right{answers[0].Val() == "OK", answers[1].Val() == "OK", answers[2].Val() == "OK"}
	u.known[at.key] = r
	return r, nil
}

func (u *user) mayUse(db int) bool { return len(u.Databases) == 0 || slices.Contains(u.Databases, db) }

func (u *user) String() string { return fmt.Sprintf("user %q, databases %v", u.words, u.Databases) }
