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
// not on the path of any command.
type Control struct {
	dialer *Dialer
	client *redis.Client
	up     atomic.Bool
	server atomic.Pointer[Server]
}

// silence keeps go-redis, whose logger is one for the process, from writing to
// standard error: what fails comes back from its calls.
var silence = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// NewControl returns a Control; nothing is dialed before Check.
func NewControl(d *Dialer) *Control {
	silence()
	c := &Control{dialer: d}
	c.server.Store(&Server{Name: "redis", Version: "7.0.0", Mode: "standalone", Role: "master"})
	c.client = redis.NewClient(&redis.Options{
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
	})
	return c
}

// Up says whether the last Check succeeded.
func (c *Control) Up() bool { return c.up.Load() }

// Server returns what the last successful Check learned; never nil.
func (c *Control) Server() *Server { return c.server.Load() }

// Check pings Redis and reads who it is.
func (c *Control) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.dialer.Timeout)
	defer cancel()
	if err := c.client.Ping(ctx).Err(); err != nil {
		c.up.Store(false)
		return err
	}
	c.up.Store(true)
	info, err := c.client.Info(ctx).Result()
	if err != nil {
		return nil // a service account without INFO is no outage
	}
	c.server.Store(parseInfo(info, *c.Server()))
	return nil
}

// Commands returns the names of the commands that Redis has, lower case.
func (c *Control) Commands(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.dialer.Timeout)
	defer cancel()
	return c.client.CommandList(ctx, nil).Result()
}

// Ask sends one command and returns its reply, decoded: a string, an integer, nil or a
// slice of these. A reply that is an error is an error of Redis's text. It is for looking
// at Redis, not for clients' commands.
func (c *Control) Ask(ctx context.Context, args ...string) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, c.dialer.Timeout)
	defer cancel()
	words := make([]any, len(args))
	for i, a := range args {
		words[i] = a
	}
	reply, err := c.client.Do(ctx, words...).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return reply, err
}

// Close ends the connection. A Control that Watch runs closes itself.
func (c *Control) Close() error { return c.client.Close() }

// Watch checks every interval until ctx ends, and calls changed when Redis goes
// or comes, the first result included.
func (c *Control) Watch(ctx context.Context, interval time.Duration, changed func(up bool, err error)) {
	defer c.client.Close()
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
