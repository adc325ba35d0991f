package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// goRedis has the library's defaults: HELLO 3, CLIENT SETINFO, the handshake for
// maintenance notifications.
func goRedis(w where) ([]step, error) {
	ctx := context.Background()
	options := func() *redis.Options {
		return &redis.Options{Addr: w.addr, Username: w.user, Password: w.password, TLSConfig: w.tls, ReadTimeout: patience}
	}
	c, other := redis.NewClient(options()), redis.NewClient(options())
	return []step{
		{"ping", func() error { return pair(c.Ping(ctx).Result())("PONG") }},
		{"values", func() error {
			return errors.Join(
				pair(c.Set(ctx, "k", "v", time.Minute).Result())("OK"),
				pair(c.Get(ctx, "k").Result())("v"),
				pair(c.HSet(ctx, "h", "a", "1").Result())(1),
				pair(c.HGetAll(ctx, "h").Result())(map[string]string{"a": "1"}),
				wantErr(c.Get(ctx, "nothing").Err(), redis.Nil))
		}},
		{"large values", func() error {
			return errors.Join(
				pair(c.Set(ctx, "large", large, 0).Result())("OK"),
				pair(c.Get(ctx, "large").Result())(large))
		}},
		{"pipelines", func() error {
			p := c.Pipeline()
			for range 1000 {
				p.Incr(ctx, "n")
			}
			got, err := p.Exec(ctx)
			if err != nil {
				return err
			}
			return want(got[999].(*redis.IntCmd).Val(), nil, 1000)
		}},
		{"transactions", func() error {
			_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Set(ctx, "t", "1", 0)
				p.Incr(ctx, "t")
				return nil
			})
			return want(c.Get(ctx, "t").Val(), err, 2)
		}},
		{"WATCH", func() error {
			change := func(meanwhile func()) error {
				return c.Watch(ctx, func(tx *redis.Tx) error {
					tx.Get(ctx, "t")
					meanwhile()
					_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
						p.Set(ctx, "t", "watched", 0)
						return nil
					})
					return err
				}, "t")
			}
			return errors.Join(
				wantErr(change(func() { other.Set(ctx, "t", "other", 0) }), redis.TxFailedErr),
				change(func() {}),
				pair(c.Get(ctx, "t").Result())("watched"))
		}},
		{"messages", func() error { return goRedisMessages(ctx, c, other) }},
		{"waits", func() error {
			done := make(chan error, 1)
			go func() { done <- pair(c.BLPop(ctx, 0, "q").Result())("[q x]") }()
			if err := other.RPush(ctx, "q", "x").Err(); err != nil {
				return err
			}
			err, late := received(done)
			return errors.Join(err, late, wantErr(c.BLPop(ctx, time.Second, "q").Err(), redis.Nil)) // the least it takes
		}},
		{"scripts", func() error {
			s := redis.NewScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
			for i := range 2 {
				if err := pair(s.Run(ctx, c, []string{"s"}, 5).Result())(5 * (i + 1)); err != nil {
					return err
				}
			}
			return nil
		}},
		{"killed", func() error {
			alone := options()
			alone.PoolSize = 1
			one := redis.NewClient(alone)
			id, err := one.ClientID(ctx).Result()
			if err == nil {
				err = pair(other.ClientKillByFilter(ctx, "ID", fmt.Sprint(id)).Result())(1)
			}
			if err != nil {
				return err
			}
			return until(func() error { return pair(one.Get(ctx, "k").Result())("v") })
		}},
	}, nil
}

func goRedisMessages(ctx context.Context, c, other *redis.Client) error {
	s := c.Subscribe(ctx, "news")
	defer s.Close()
	if _, err := s.Receive(ctx); err != nil {
		return err
	}
	if err := s.PSubscribe(ctx, "weather.*"); err != nil {
		return err
	}
	if _, err := s.Receive(ctx); err != nil {
		return err
	}
	if err := pair(other.Publish(ctx, "news", "hello").Result())(1); err != nil {
		return err
	}
	if err := pair(other.Publish(ctx, "weather.today", large).Result())(1); err != nil {
		return err
	}
	for _, wanted := range []string{"hello", large} {
		m, err := received(s.Channel())
		if err != nil {
			return err
		}
		if err := want(m.Payload, nil, wanted); err != nil {
			return err
		}
	}
	return nil
}
