package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/process"
	"redisgate/internal/redistest"
)

// load are clients that work until stop, and what has become of it.
type load struct {
	t                *testing.T
	at               gate
	stop             context.Context
	done             sync.WaitGroup
	commands, failed atomic.Int64
	first            atomic.Value // what has failed first
}

// client has one connection, that it does not open anew behind anybody's back: the test
// counts connections.
func (l *load) client() *redis.Client {
	return redistest.NewClient(l.t, &redis.Options{
		Addr: l.at.Addr, Username: "app", Password: process.Password, TLSConfig: l.at.TLS(), Protocol: 3,
		MaxRetries: -1, PoolSize: 1, ReadTimeout: 60 * time.Second, WriteTimeout: 60 * time.Second, DisableIdentity: true,
	})
}

// each has n clients do something again and again; n is also how often.
func (l *load) each(n int, what string, do func(ctx context.Context, c *redis.Client, id string, n int) error) {
	for i := range n {
		c := l.client()
		l.done.Go(func() {
			for k := 0; l.stop.Err() == nil; k++ {
				l.commands.Add(1)
				if err := do(context.Background(), c, fmt.Sprintf("%s-%d", what, i), k); err != nil {
					l.failed.Add(1)
					l.first.CompareAndSwap(nil, fmt.Sprintf("%s: %v", what, err))
					return
				}
			}
		})
	}
}

func (l *load) begin() {
	l.each(15, "pipeline", func(ctx context.Context, c *redis.Client, id string, n int) error {
		replies, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range 8 {
				p.Set(ctx, fmt.Sprint(id, i), n+i, 0)
				p.Get(ctx, fmt.Sprint(id, i))
			}
			return nil
		})
		for i := 1; i < len(replies) && err == nil; i += 2 {
			if got := replies[i].(*redis.StringCmd).Val(); got != fmt.Sprint(n+i/2) {
				return fmt.Errorf("GET = %q; want %d", got, n+i/2)
			}
		}
		return err
	})
	l.each(10, "transaction", func(ctx context.Context, c *redis.Client, id string, n int) error {
		return c.Watch(ctx, func(tx *redis.Tx) error {
			_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Set(ctx, id, n, 0)
				p.Incr(ctx, id)
				return nil
			})
			return err
		}, id)
	})
	l.each(5, "script", func(ctx context.Context, c *redis.Client, id string, n int) error {
		got, err := c.Eval(ctx, "return ARGV[1]", []string{id}, n).Text()
		if err == nil && got != fmt.Sprint(n) {
			err = fmt.Errorf("EVAL = %q; want %d", got, n)
		}
		return err
	})
	large := strings.Repeat("large ", 50_000)
	l.each(4, "large", func(ctx context.Context, c *redis.Client, id string, _ int) error {
		if err := c.Set(ctx, id, large, 0).Err(); err != nil {
			return err
		}
		got, err := c.Get(ctx, id).Result()
		if err == nil && got != large {
			err = fmt.Errorf("a value has come back as %d bytes", len(got))
		}
		return err
	})
	// Each blocks for what another one pushes.
	l.each(4, "push", func(ctx context.Context, c *redis.Client, id string, n int) error {
		time.Sleep(time.Millisecond)
		return c.RPush(ctx, strings.Replace(id, "push", "list", 1), n).Err()
	})
	l.each(4, "list", func(ctx context.Context, c *redis.Client, id string, n int) error {
		got, err := c.BLPop(ctx, 30*time.Second, id).Result()
		if err == nil && got[1] == "end" {
			return nil
		}
		if err == nil && got[1] != fmt.Sprint(n) {
			err = fmt.Errorf("BLPOP = %q; want %d", got, n)
		}
		return err
	})
	// Subscribers miss nothing.
	for range 7 {
		c := l.client()
		sub := c.Subscribe(context.Background(), "news")
		if _, err := sub.Receive(context.Background()); err != nil {
			l.t.Fatal(err)
		}
		l.done.Go(func() {
			defer sub.Close()
			for n := 0; ; n++ {
				m, err := sub.ReceiveMessage(context.Background())
				if err == nil && m.Payload == "end" {
					return
				}
				l.commands.Add(1)
				if err == nil && m.Payload != fmt.Sprint(n) {
					err = fmt.Errorf("message %q; want %d", m.Payload, n)
				}
				if err != nil {
					l.failed.Add(1)
					l.first.CompareAndSwap(nil, fmt.Sprintf("subscriber: %v", err))
					return
				}
			}
		})
	}
	l.each(1, "publish", func(ctx context.Context, c *redis.Client, _ string, n int) error {
		time.Sleep(time.Millisecond)
		return c.Publish(ctx, "news", n).Err()
	})
}

// end lets everybody finish what has begun.
func (l *load) end(cancel func()) {
	cancel()
	rest := l.client()
	for i := range 4 {
		rest.RPush(context.Background(), fmt.Sprintf("list-%d", i), "end") // who waits for it does not look at it any more
	}
	rest.Publish(context.Background(), "news", "end")
	l.done.Wait()
}

// TestReloadsUnderLoad has 50 clients work through 100 reloads, each of which changes
// something that is not theirs, and not one command fails.
func TestReloadsUnderLoad(t *testing.T) {
	rs := redistest.Start(t, redistest.Options{})
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p, err := process.Start(process.Options{Binary: path, Dir: dir, Redis: rs.Socket(), Rules: "~* &* +@all", Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	g := gate{p}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	conf := filepath.Join(dir, "redisgate.toml")
	base := read(t, conf)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := &load{t: t, at: g, stop: ctx}
	l.begin()
	until(t, p.Log.String, func() bool { return l.commands.Load() > 2000 })
	const accepted, generation = `redisgate_connections_total{result="accepted"}`, "redisgate_config_generation"
	connections, began := g.metric(t, accepted), l.commands.Load()
	if connections != 50 {
		t.Errorf("%v connections for 50 clients", connections)
	}

	const reloads = 100
	for i := range reloads {
		write(t, filepath.Join(dir, "deny.txt"), fmt.Sprintf("192.0.2.%d\n198.51.100.0/24\n", i))
		write(t, conf, base+fmt.Sprintf(`
[[user]]
name = "other%d"
acl = "on nopass ~%d:* +@read"
max_commands_per_second = %d
[network]
allow = ["127.0.0.0/8"]
deny_file = "deny.txt"
[limits]
connections_per_user = %d
commands_per_second_per_address = %d
memory = "%dMB"
[auth]
free_attempts = %d
`, i, i, i+1, 100+i, 10_000_000+i, 256+i, 20+i))
		if err := syscall.Kill(p.Pid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		before := l.commands.Load()
		until(t, p.Log.String, func() bool { return g.metric(t, generation) == float64(i+2) && l.commands.Load() > before+50 })
	}
	l.end(cancel)
	if n := l.failed.Load(); n != 0 {
		t.Errorf("%d clients have failed, the first with %v\n%s", n, l.first.Load(), p.Log)
	}
	if n := g.metric(t, accepted); n != connections+1 { // who has ended it
		t.Errorf("%v connections were opened; want those of the beginning, %v, and one", n, connections)
	}
	if n := g.metric(t, `redisgate_config_reloads_total{result="ok"}`); n != reloads {
		t.Errorf("%v reloads succeeded; want %d", n, reloads)
	}
	t.Logf("%d commands in %d reloads", l.commands.Load()-began, reloads)
}
