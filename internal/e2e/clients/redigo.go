package main

import (
	"errors"
	"fmt"

	"github.com/gomodule/redigo/redis"
)

// redigo speaks RESP2.
func redigo(w where) ([]step, error) {
	dial := func() (redis.Conn, error) {
		return redis.Dial("tcp", w.addr, redis.DialUsername(w.user), redis.DialPassword(w.password),
			redis.DialUseTLS(true), redis.DialTLSConfig(w.tls), redis.DialReadTimeout(patience), redis.DialDatabase(1))
	}
	pool := &redis.Pool{Dial: dial, MaxIdle: 3}
	c, err := dial()
	if err != nil {
		return nil, err
	}
	other, err := dial()
	if err != nil {
		return nil, err
	}
	return []step{
		{"ping", func() error { return pair(c.Do("PING"))("PONG") }},
		{"values", func() error {
			got, err := c.Do("GET", "nothing")
			return errors.Join(
				pair(c.Do("SET", "k", "v", "EX", 60))("OK"),
				pair(redis.String(c.Do("GET", "k")))("v"),
				pair(redis.Int(c.Do("HSET", "h", "a", "1")))(1),
				pair(redis.StringMap(c.Do("HGETALL", "h")))(map[string]string{"a": "1"}),
				want(got, err, nil))
		}},
		{"large values", func() error {
			return errors.Join(
				pair(c.Do("SET", "large", large))("OK"),
				pair(redis.String(c.Do("GET", "large")))(large))
		}},
		{"pipelines", func() error {
			for range 1000 {
				if err := c.Send("INCR", "n"); err != nil {
					return err
				}
			}
			c.Flush()
			for i := range 1000 {
				if err := pair(c.Receive())(i + 1); err != nil {
					return err
				}
			}
			return nil
		}},
		{"transactions", func() error {
			c.Send("MULTI")
			c.Send("SET", "t", 1)
			c.Send("INCR", "t")
			return pair(redis.Values(c.Do("EXEC")))("[OK 2]")
		}},
		{"WATCH", func() error {
			for i, wanted := range []any{nil, []any{"OK"}} {
				c.Do("WATCH", "t")
				if i == 0 {
					other.Do("SET", "t", "other")
				}
				c.Send("MULTI")
				c.Send("SET", "t", "watched")
				if err := pair(c.Do("EXEC"))(wanted); err != nil {
					return err
				}
			}
			return pair(redis.String(c.Do("GET", "t")))("watched")
		}},
		{"messages", func() error {
			nc, err := dial()
			if err != nil {
				return err
			}
			defer nc.Close()
			s := redis.PubSubConn{Conn: nc}
			s.Subscribe("news")
			s.PSubscribe("weather.*")
			s.Receive()
			s.Receive()
			other.Do("PUBLISH", "news", "hello")
			other.Do("PUBLISH", "weather.today", large)
			for _, wanted := range []string{"hello", large} {
				m, ok := s.Receive().(redis.Message)
				if !ok || string(m.Data) != wanted {
					return fmt.Errorf("got %v", m)
				}
			}
			s.Ping("")
			if _, ok := s.Receive().(redis.Pong); !ok {
				return errors.New("no pong")
			}
			s.Unsubscribe()
			s.PUnsubscribe()
			s.Receive()
			last := s.Receive().(redis.Subscription)
			return want(last.Count, nil, 0)
		}},
		{"waits", func() error {
			done := make(chan error, 1)
			go func() { done <- pair(redis.Strings(c.Do("BLPOP", "q", 0)))("[q x]") }()
			other.Do("RPUSH", "q", "x")
			err, late := received(done)
			return errors.Join(err, late, pair(c.Do("BLPOP", "q", 0.01))(nil))
		}},
		{"scripts", func() error {
			s := redis.NewScript(1, "return redis.call('INCRBY', KEYS[1], ARGV[1])")
			return errors.Join(pair(s.Do(c, "s", 5))(5), pair(s.Do(c, "s", 5))(10))
		}},
		{"killed", func() error {
			id, err := c.Do("CLIENT", "ID")
			if err == nil {
				err = pair(other.Do("CLIENT", "KILL", "ID", id))(1)
			}
			if err != nil {
				return err
			}
			if _, err := c.Do("PING"); err == nil {
				return errors.New("the killed connection answers")
			}
			again := pool.Get()
			defer again.Close()
			return pair(redis.String(again.Do("GET", "k")))("v")
		}},
	}, nil
}
