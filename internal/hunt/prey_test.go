package hunt_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/hunt"
)

// databases is how many the server has.
const databases = 4

// secret begins every value that a user must not see, and is in every name that he must not. No request has it.
const secret = "SECRET"

// place is where a key is.
type place struct {
	db  int
	key string
}

// prey is what a round begins with on the server: keys of all kinds in all databases, of which a user may touch some.
type prey struct {
	u     *user
	dumps map[place]string // as DUMP tells; "" for a key that is not there
	kinds map[place]kind
	noise []place // what the test itself touches during the round
}

// kind is what a key holds.
type kind int

const (
	nothing kind = iota
	text
	number
	list
	hash
	set
	geo
	stream
	loglog
	kinds
)

// groups are names of consumer groups, of the words that requests are made of.
var groups = []string{"0", "1", "GET", "STREAMS", "GROUP", "NOACK"}

// prefixes of names that no request has; the rules allow some.
var prefixes = []string{"a", "ab", "b", "c", "", "STORE", "get"}

// lay empties the server and puts new keys in place.
func (l *lane) lay(u *user) (*prey, error) {
	if err := l.direct[0].FlushAll(context.Background()).Err(); err != nil {
		return nil, err
	}
	p := &prey{u: u, dumps: map[place]string{}, kinds: map[place]kind{}}
	if err := l.name(p); err != nil {
		return nil, err
	}
	for db := range databases {
		pipe := l.direct[db].Pipeline()
		for _, at := range p.places(db) {
			right, err := u.rights(at)
			if err != nil {
				return nil, err
			}
			p.kinds[at] = kind(l.g.IntN(int(kinds)))
			value := fmt.Sprintf("%s<%d.%x.%x>", secret, db, at.key, l.g.Uint32())
			// XCLAIM shows entries of a stream to whoever may write it, in Redis too.
			if right.read || right.write && p.kinds[at] == stream {
				value = strings.TrimPrefix(value, secret)
			}
			put(pipe, at.key, p.kinds[at], value)
		}
		if _, err := pipe.Exec(context.Background()); err != nil {
			return nil, fmt.Errorf("laying keys in database %d: %w", db, err)
		}
	}
	now, err := l.dump(p)
	p.dumps = now
	return p, err
}

// name chooses the names that requests do not have.
func (l *lane) name(p *prey) error {
	for db := range databases {
		for i, prefix := range prefixes {
			at := place{db, fmt.Sprintf("%s%s[%x]", prefix, secret, l.g.Uint32())}
			right, err := p.u.rights(at)
			if err != nil {
				return err
			}
			if right.read {
				at.key = strings.Replace(at.key, secret, "open", 1)
			}
			if i%2 == 0 {
				p.noise = append(p.noise, at)
			} else {
				p.dumps[at] = ""
			}
		}
		for _, key := range hunt.KeyWords {
			p.dumps[place{db, key}] = ""
		}
	}
	return nil
}

// places are those of one database, in a fixed order.
func (p *prey) places(db int) []place {
	var out []place
	for at := range p.dumps {
		if at.db == db {
			out = append(out, at)
		}
	}
	slices.SortFunc(out, func(a, b place) int { return strings.Compare(a.key, b.key) })
	return out
}

func put(pipe redis.Pipeliner, key string, k kind, value string) {
	ctx := context.Background()
	switch k {
	case text:
		pipe.Do(ctx, "SET", key, value)
	case number:
		pipe.Do(ctx, "SET", key, 7)
	case list:
		pipe.Do(ctx, "RPUSH", key, value, 2, value)
	case hash:
		pipe.Do(ctx, "HSET", key, "m", value, value, 1)
	case set:
		pipe.Do(ctx, "SADD", key, value, "m", 1)
	case geo:
		pipe.Do(ctx, "GEOADD", key, 0, 0, value, 1, 1, "m", 2, 2, value+"2")
		pipe.Do(ctx, "SORT", key, "ALPHA") // which changes the encoding, and so what DUMP tells
	case stream:
		pipe.Do(ctx, "XADD", key, "1-1", value, value)
		for _, group := range groups {
			pipe.Do(ctx, "XGROUP", "CREATE", key, group, 0)
		}
	case loglog:
		pipe.Do(ctx, "PFADD", key, "m", value)
	}
}

// dump reads all that is in p and all that is on the server, but for the noise.
func (l *lane) dump(p *prey) (map[place]string, error) {
	ctx := context.Background()
	out := map[place]string{}
	for db, client := range l.direct {
		for _, at := range p.places(db) {
			out[at] = ""
		}
		names, err := client.Keys(ctx, "*").Result()
		if err != nil {
			return nil, err
		}
		pipe := client.Pipeline()
		dumps := map[place]*redis.StringCmd{}
		for _, name := range names {
			if at := (place{db, name}); !slices.Contains(p.noise, at) {
				dumps[at] = pipe.Dump(ctx, name)
			}
		}
		if _, err := pipe.Exec(ctx); err != nil && err != redis.Nil {
			return nil, err
		}
		for at, cmd := range dumps {
			out[at] = cmd.Val()
		}
	}
	return out, nil
}

// changed compares what is on the server with what was, by the user's rights.
func (l *lane) changed(p *prey) ([]finding, error) {
	now, err := l.dump(p)
	if err != nil {
		return nil, err
	}
	var out []finding
	for at, value := range now {
		right, err := p.u.rights(at)
		if err != nil {
			return nil, err
		}
		// A reader's XREADGROUP and PFCOUNT leave traces in the key, in Redis too.
		traces := right.read && (p.kinds[at] == stream || p.kinds[at] == loglog)
		if !right.write && !traces && value != p.dumps[at] {
			out = append(out, finding{"changed", fmt.Sprintf("%d %q was %q and is %q", at.db, at.key, p.dumps[at], value)})
		}
		if right.read && bytes.Contains([]byte(value), []byte(secret)) {
			out = append(out, finding{"copied", fmt.Sprintf("%d %q is %q", at.db, at.key, value)})
		}
	}
	return out, nil
}

// stir touches the keys of the noise, for what is told of them to be heard or not.
func (l *lane) stir(p *prey) error {
	ctx := context.Background()
	for db, client := range l.direct {
		pipe := client.Pipeline()
		for _, at := range p.noise {
			if at.db != db {
				continue
			}
			pipe.Do(ctx, "DEL", at.key)
			pipe.Do(ctx, "GET", at.key)
			pipe.Do(ctx, "SET", at.key, at.key)
			pipe.Do(ctx, "DEL", at.key)
			pipe.Do(ctx, "RPUSH", at.key, at.key)
			if l.g.IntN(2) == 0 {
				pipe.Do(ctx, "DEL", at.key)
			}
		}
		if _, err := pipe.Exec(ctx); err != nil && err != redis.Nil {
			return err
		}
	}
	return nil
}
