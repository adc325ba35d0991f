package main

import (
	"context"
	"errors"
	"time"

	"github.com/redis/rueidis"
)

// rueidisLibrary speaks RESP3, sends most of its commands in pipelines of its own
// and caches on its side.
func rueidisLibrary(w where) ([]step, error) {
	ctx := context.Background()
	connect := func() (rueidis.Client, error) {
		return rueidis.NewClient(rueidis.ClientOption{
			InitAddress: []string{w.addr}, Username: w.user, Password: w.password, TLSConfig: w.tls, ConnWriteTimeout: patience,
		})
	}
	c, err := connect()
	if err != nil {
		return nil, err
	}
	other, err := connect()
	if err != nil {
		return nil, err
	}
	cached := func() (string, bool, error) {
		r := c.DoCache(ctx, c.B().Get().Key("cached").Cache(), time.Minute)
		s, err := r.ToString()
		return s, r.IsCacheHit(), err
	}
	return []step{
		{"ping", func() error { return pair(c.Do(ctx, c.B().Ping().Build()).ToString())("PONG") }},
		{"values", func() error {
			return errors.Join(
				c.Do(ctx, c.B().Set().Key("k").Value("v").ExSeconds(60).Build()).Error(),
				pair(c.Do(ctx, c.B().Get().Key("k").Build()).ToString())("v"),
				pair(c.Do(ctx, c.B().Hset().Key("h").FieldValue().FieldValue("a", "1").Build()).AsInt64())(1),
				pair(c.Do(ctx, c.B().Hgetall().Key("h").Build()).AsStrMap())(map[string]string{"a": "1"}),
				wantErr(c.Do(ctx, c.B().Get().Key("nothing").Build()).Error(), rueidis.Nil))
		}},
		{"large values", func() error {
			return errors.Join(
				c.Do(ctx, c.B().Set().Key("large").Value(large).Build()).Error(),
				pair(c.Do(ctx, c.B().Get().Key("large").Build()).ToString())(large))
		}},
		{"pipelines", func() error {
			var all rueidis.Commands
			for range 1000 {
				all = append(all, c.B().Incr().Key("n").Build())
			}
			got := c.DoMulti(ctx, all...)
			return pair(got[999].AsInt64())(1000)
		}},
		{"caching", func() error {
			other.Do(ctx, other.B().Set().Key("cached").Value("1").Build())
			if _, hit, err := cached(); err != nil || hit {
				return errors.Join(err, want(hit, nil, false))
			}
			if got, hit, err := cached(); err != nil || !hit || got != "1" {
				return errors.Join(err, want(hit, nil, true), want(got, nil, "1"))
			}
			other.Do(ctx, other.B().Set().Key("cached").Value("2").Build())
			return until(func() error {
				got, _, err := cached()
				return want(got, err, "2")
			})
		}},
		{"transactions", func() error {
			return c.Dedicated(func(d rueidis.DedicatedClient) error {
				got := d.DoMulti(ctx, d.B().Multi().Build(), d.B().Set().Key("t").Value("1").Build(), d.B().Incr().Key("t").Build(), d.B().Exec().Build())
				a, err := got[3].ToArray()
				if err != nil {
					return err
				}
				return pair(a[1].AsInt64())(2)
			})
		}},
		{"WATCH", func() error {
			return c.Dedicated(func(d rueidis.DedicatedClient) error {
				change := func(meanwhile func()) error {
					d.Do(ctx, d.B().Watch().Key("t").Build())
					meanwhile()
					got := d.DoMulti(ctx, d.B().Multi().Build(), d.B().Set().Key("t").Value("watched").Build(), d.B().Exec().Build())
					return got[2].Error()
				}
				return errors.Join(
					wantErr(change(func() { other.Do(ctx, other.B().Set().Key("t").Value("other").Build()) }), rueidis.Nil),
					change(func() {}),
					pair(c.Do(ctx, c.B().Get().Key("t").Build()).ToString())("watched"))
			})
		}},
		{"messages", func() error { return rueidisMessages(ctx, c, other) }},
		{"waits", func() error {
			done := make(chan error, 1)
			go func() { done <- pair(c.Do(ctx, c.B().Blpop().Key("q").Timeout(0).Build()).AsStrSlice())("[q x]") }()
			other.Do(ctx, other.B().Rpush().Key("q").Element("x").Build())
			err, late := received(done)
			return errors.Join(err, late, wantErr(c.Do(ctx, c.B().Blpop().Key("q").Timeout(0.01).Build()).Error(), rueidis.Nil))
		}},
		{"scripts", func() error {
			s := rueidis.NewLuaScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
			return errors.Join(
				pair(s.Exec(ctx, c, []string{"s"}, []string{"5"}).AsInt64())(5),
				pair(s.Exec(ctx, c, []string{"s"}, []string{"5"}).AsInt64())(10))
		}},
		{"killed", func() error {
			id, err := c.Do(ctx, c.B().ClientId().Build()).AsInt64()
			if err == nil {
				err = pair(other.Do(ctx, other.B().ClientKill().Id(id).Build()).AsInt64())(1)
			}
			if err != nil {
				return err
			}
			return until(func() error { return pair(c.Do(ctx, c.B().Get().Key("k").Build()).ToString())("v") })
		}},
		{"caching again", func() error {
			if got, _, err := cached(); err != nil || got != "2" {
				return errors.Join(err, want(got, nil, "2"))
			}
			other.Do(ctx, other.B().Set().Key("cached").Value("3").Build())
			return until(func() error {
				got, _, err := cached()
				return want(got, err, "3")
			})
		}},
	}, nil
}

func rueidisMessages(ctx context.Context, c, other rueidis.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	messages := make(chan string, 4)
	go c.Receive(ctx, c.B().Subscribe().Channel("news").Build(), func(m rueidis.PubSubMessage) { messages <- m.Message })
	go c.Receive(ctx, c.B().Psubscribe().Pattern("weather.*").Build(), func(m rueidis.PubSubMessage) { messages <- m.Message })
	for channel, text := range map[string]string{"news": "hello", "weather.today": large} {
		err := until(func() error {
			return pair(other.Do(ctx, other.B().Publish().Channel(channel).Message(text).Build()).AsInt64())(1)
		})
		if err != nil {
			return err
		}
		got, err := received(messages)
		if err := want(got, err, text); err != nil {
			return err
		}
	}
	return nil
}
