package upstream

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Server is what Redis says of itself.
type Server struct {
	Name    string // "redis" or "valkey"
	Version string // "7.0.15"
	Mode    string // "standalone", "sentinel" or "cluster"
	Role    string // "master" or "replica", as HELLO says it
}

// Control watches Redis over a connection of its own. It decodes replies and is
// not on the path of any command. Its methods may be called from any goroutine.
type Control struct {
	way    atomic.Pointer[way]
	up     atomic.Bool
	server atomic.Pointer[Server]

	moving sync.Mutex // held while way changes, and while what it has told is noted
}

// way is how Redis is reached.
type way struct {
	dialer *Dialer
	client *redis.Client
}

// silence keeps go-redis, whose logger is one for the process, from writing to
// standard error: what fails comes back from its calls.
var silence = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// NewControl returns a Control; nothing is dialed before Check.
func NewControl(d *Dialer) *Control {
	silence()
	c := &Control{}
	c.server.Store(&Server{Name: "redis", Version: "7.0.0", Mode: "standalone", Role: "master"})
	c.way.Store(newWay(d))
	return c
}

// Redirect has Redis reached by d from now on. What was asked before goes on, or fails.
func (c *Control) Redirect(d *Dialer) {
	c.moving.Lock()
	defer c.moving.Unlock()
	if c.way.Load().dialer != d {
		_ = c.way.Swap(newWay(d)).client.Close() // which says that it was closed before
	}
}

func newWay(d *Dialer) *way {
	return &way{dialer: d, client: redis.NewClient(&redis.Options{
		Addr: d.Address,
		// Logged in as clients' connections are: go-redis would not mind a password
		// that Redis does not want, and call a Redis up that nobody can use.
		Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.Dial(ctx, Key{Proto: 2})
		},
		Protocol: 2, DisableIdentity: true, PoolSize: 1, MaxRetries: -1,
		DialTimeout: d.Timeout, ReadTimeout: d.Timeout, WriteTimeout: d.Timeout,
		DialerRetries:            1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})}
}

// Up says whether the last Check succeeded.
func (c *Control) Up() bool { return c.up.Load() }

// Server returns what the last successful Check learned; never nil.
func (c *Control) Server() *Server { return c.server.Load() }

// Check pings Redis and reads who it is.
func (c *Control) Check(ctx context.Context) error {
	for {
		w := c.way.Load()
		err := c.check(ctx, w)
		if c.way.Load() == w {
			return err
		} // else Redis is reached in another way since, and this one was closed
	}
}

// learn does note unless Redis is reached in another way than w by now.
func (c *Control) learn(w *way, note func()) {
	c.moving.Lock()
	defer c.moving.Unlock()
	if c.way.Load() == w {
		note()
	}
}

func (c *Control) check(ctx context.Context, w *way) error {
	ctx, cancel := context.WithTimeout(ctx, w.dialer.Timeout)
	defer cancel()
	if err := w.client.Ping(ctx).Err(); err != nil {
		c.learn(w, func() { c.up.Store(false) })
		return err
	}
	c.learn(w, func() { c.up.Store(true) })
	info, err := w.client.Info(ctx).Result()
	if err != nil {
		return nil // a service account without INFO is no outage
	}
	c.learn(w, func() { c.server.Store(parseInfo(info, *c.Server())) })
	return nil
}

// Commands returns the names of the commands that Redis has, lower case.
func (c *Control) Commands(ctx context.Context) ([]string, error) {
	w := c.way.Load()
	ctx, cancel := context.WithTimeout(ctx, w.dialer.Timeout)
	defer cancel()
	return w.client.CommandList(ctx, nil).Result()
}

// Ask sends one command and returns its reply, decoded: a string, an integer, nil or a
// slice of these. A reply that is an error is an error of Redis's text. It is for looking
// at Redis, not for clients' commands.
func (c *Control) Ask(ctx context.Context, args ...string) (any, error) {
	w := c.way.Load()
	ctx, cancel := context.WithTimeout(ctx, w.dialer.Timeout)
	defer cancel()
	words := make([]any, len(args))
	for i, a := range args {
		words[i] = a
	}
	reply, err := w.client.Do(ctx, words...).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return reply, err
}

// Close ends the connection. A Control that Watch runs closes itself.
func (c *Control) Close() error { return c.way.Load().client.Close() }

// Watch checks every interval until ctx ends, and calls changed when Redis goes
// or comes, the first result included.
func (c *Control) Watch(ctx context.Context, interval time.Duration, changed func(up bool, err error)) {
	defer func() { _ = c.Close() }()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for first, was := true, false; ; first = false {
		err := c.Check(ctx)
		if now := err == nil; first || now != was {
			was = now
			changed(now, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func parseInfo(info string, s Server) *Server {
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch name {
		case "redis_version":
			if s.Name != "valkey" {
				s.Version = value
			}
		case "valkey_version":
			s.Name, s.Version = "valkey", value
		case "redis_mode", "server_mode":
			s.Mode = value
		case "role":
			s.Role = value
			if value == "slave" {
				s.Role = "replica"
			}
		}
	}
	return &s
}
