package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"

	"redisgate/config"
	"redisgate/upstream"
)

// demoRedis points cfg at the Redis to use, and starts one in memory unless
// there is an address. stop ends that one.
func demoRedis(ctx context.Context, cfg *config.Config, o demoOptions, dir string) (stop func(), err error) {
	if o.redis != "" {
		cfg.Upstream.Address, cfg.Upstream.PasswordFile = o.redis, o.passwordFile
		return func() {}, nil
	}
	// Others on this machine can reach its port, so it gets a password too.
	password := newPassword()
	cfg.Upstream.PasswordFile = filepath.Join(dir, "redis.password")
	if err := writeExclusive(cfg.Upstream.PasswordFile, private, []byte(password)); err != nil {
		return nil, err
	}
	m := miniredis.NewMiniRedis()
	m.RequireAuth(password)
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("starting the Redis in memory: %w", err)
	}
	cfg.Upstream.Address = m.Addr()
	ctx, cancel := context.WithCancel(ctx)
	go age(ctx, m)
	return func() {
		cancel()
		m.Close()
	}, nil
}

// age lets keys of a miniredis expire, which it does only when told that time
// has passed.
func age(ctx context.Context, m *miniredis.Miniredis) {
	const tick = 100 * time.Millisecond
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			m.FastForward(tick)
		}
	}
}

// aboutFlags makes problems of a configuration that nobody wrote into ones of the
// flags that it was made of.
func aboutFlags(err error) error {
	var problems config.Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		return err
	}
	p := problems[0]
	switch p.Path {
	case "upstream.address":
		return hinted("the demo speaks to a Redis on this machine only: --redis 127.0.0.1:6379 or --redis unix:///run/redis/redis.sock", "--redis: %s", p.Text)
	case "upstream.password_file":
		return hinted("name a file that holds the password of that Redis and nothing else", "--redis-password-file: %s", p.Text)
	}
	return err
}

// demoReaches is nil if Redis lets redisgate in.
func demoReaches(ctx context.Context, d *upstream.Dialer, o demoOptions) error {
	nc, err := d.Dial(ctx, upstream.Key{Proto: 2})
	if err == nil {
		return nc.Close()
	}
	hint := "is it running, and is this its address? Without --redis the demo brings a Redis of its own"
	var refused *upstream.RefusedError
	if errors.As(err, &refused) {
		code, _, _ := strings.Cut(refused.Text, " ")
		switch {
		case code == "NOAUTH":
			hint = "it wants a password: write it into a file and name that with --redis-password-file"
		case code == "WRONGPASS":
			hint = "is the password in the file of --redis-password-file the one of this Redis?"
		case refused.Command == "AUTH":
			hint = "if it has no password, leave out --redis-password-file"
		default:
			hint = "the demo needs a Redis of 7.0 or newer whose default user has all rights"
		}
	}
	return hinted(hint, "Redis at %s: %w", orMemory(o.redis), err)
}

// orMemory names the Redis behind.
func orMemory(address string) string {
	if address == "" {
		return "a Redis in memory (miniredis)"
	}
	return address
}
