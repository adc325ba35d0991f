package main

import (
	"context"
	"fmt"
	"strings"

	"redisgate/auth"
	"redisgate/internal/process"
	"redisgate/users"
)

const (
	// strict are the rules of an application's user, with three key patterns.
	strict = "~key:* ~session:* ~cache:* resetchannels -@all +@read +@write +@connection"
	open   = "~* &* +@all"
)

// gate is a redisgate to start.
type gate struct {
	workers  int
	unix     bool // Redis behind it is reached over its unix socket
	open     bool // the user may do everything, and there are no metrics
	baseline bool // the other build
	users    int  // 0 is 1; app, and user:1, user:2 and so on with the same rules
	patterns int  // key patterns besides those of strict
}

func (g gate) start(ctx context.Context, b *bed) (*target, error) {
	t, p, err := g.run(b)
	if err != nil {
		return nil, err
	}
	b.later(func() { _ = p.Stop() })
	return t, ctx.Err()
}

// run starts it; the caller stops it.
func (g gate) run(b *bed) (*target, *process.Process, error) {
	dir, err := b.subdirectory()
	if err != nil {
		return nil, nil, err
	}
	o := process.Options{
		Binary: b.binary, Dir: dir, Redis: b.tcp.Addr(), Rules: g.rules(), Workers: g.workers,
		Certificate: b.certificate, NoMetrics: g.open, TLS: `min_version = "1.3"`, Extra: g.others(),
	}
	if g.unix {
		o.Redis = b.socket
	}
	if g.baseline {
		o.Binary = b.baseline
	}
	p, err := process.Start(o)
	if err != nil {
		return nil, nil, err
	}
	t := b.overTLS(p.Addr, p.Pid())
	t.user, t.password = "app", process.Password
	return t, p, nil
}

// rules are those of every user.
func (g gate) rules() string {
	if g.open {
		return open
	}
	var more strings.Builder
	for i := range g.patterns {
		fmt.Fprintf(&more, " ~tenant:%d:*", i)
	}
	return strict + more.String()
}

// userName is the name of one of the gate's users, the first of which is app.
func userName(i int) string {
	if i == 0 {
		return "app"
	}
	return fmt.Sprintf("user:%d", i)
}

// others are the users beyond app, as TOML.
func (g gate) others() string {
	var out strings.Builder
	hash := auth.Rule(auth.Hash([]byte(process.Password)))
	for i := 1; i < min(g.users, users.MaxUsers-1); i++ { // default is one, too
		fmt.Fprintf(&out, "[[user]]\nname = %q\nacl = \"on %s %s\"\n", userName(i), hash, g.rules())
	}
	return out.String()
}
