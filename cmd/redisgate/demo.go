package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"redisgate/auth"
	"redisgate/config"
	"redisgate/tlsconf"
)

func newDemo() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Try redisgate at once, with nothing installed",
		Long: `demo runs redisgate on loopback in front of a Redis in memory, or one of yours,
with a throw-away certificate and three users with random passwords, and prints
redis-cli lines to paste. Ctrl-C ends it and leaves nothing behind.`,
		Example: `  redisgate demo
  redisgate demo --redis 127.0.0.1:6379
  redisgate demo --redis unix:///run/redis/redis.sock --redis-password-file secret`,
		Args: none,
	}
	var o demoOptions
	cmd.Flags().StringVar(&o.redis, "redis", "", "`ADDRESS` of a real Redis on this machine, instead of the one in memory")
	cmd.Flags().StringVar(&o.passwordFile, "redis-password-file", "", "`FILE` with the password of that Redis")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.redis == "" && cmd.Flags().Changed("redis") {
			return hinted("for example --redis 127.0.0.1:6379", "--redis is empty")
		}
		if o.redis == "" && o.passwordFile != "" {
			return hinted("add --redis ADDRESS; the Redis in memory needs no password of yours", "--redis-password-file is of no use without --redis")
		}
		return demo(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

type demoOptions struct {
	redis        string // empty: in memory
	passwordFile string
}

// demoLifetime is how long the throw-away certificate is good for.
const demoLifetime = 30 * 24 * time.Hour

func demo(ctx context.Context, o demoOptions, stdout, stderr io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "redisgate-demo-")
	if err != nil {
		return hinted("set TMPDIR to a directory that you may write to", "the demo needs a temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	cfg := config.Default()
	cfg.Log.Level = "warn"
	// One user at a desk: a Ctrl-C should not wait long for an idle redis-cli.
	cfg.Listen.DrainTimeout = config.Duration(500 * time.Millisecond)
	if err := demoTLS(cfg, dir); err != nil {
		return err
	}
	stopRedis, err := demoRedis(ctx, cfg, o, dir)
	if err != nil {
		return err
	}
	defer stopRedis()
	people := demoUsers()
	for _, p := range people {
		cfg.Users = append(cfg.Users, config.User{
			Name: p.name,
			ACL:  config.Rules(fmt.Sprintf("on %s %s", auth.Rule(auth.Hash([]byte(p.password))), p.rules)),
		})
	}
	if err := cfg.Validate(); err != nil {
		return aboutFlags(err)
	}
	b, err := build(cfg, time.Now())
	if err != nil {
		return aboutFlags(err)
	}
	if err := demoReaches(ctx, b.dialer, o); err != nil {
		return err
	}
	clients, err := listenNear(cfg.Listen.Address[0])
	if err != nil {
		return err
	}
	metricsAt, err := listenNear(cfg.Metrics.Address)
	if err != nil {
		clients.Close()
		return err
	}
	info, _ := debug.ReadBuildInfo()
	log, end := newLogQueue(stderr, func(w io.Writer) *slog.Logger { return newLog(w, cfg.Log) })
	defer end()
	g, err := newGate(b, []net.Listener{clients}, metricsAt, describe(info), log)
	if err != nil {
		clients.Close()
		metricsAt.Close()
		return err
	}
	drain, now, stop := signals(ctx, log, func() { g.ask("SIGHUP") })
	defer stop()
	printDemo(stdout, o.redis, people, filepath.Join(dir, "ca.crt"), clients.Addr(), metricsAt.Addr())
	return g.run(drain, now)
}

// demoTLS writes a throw-away authority's certificate for redis-cli, and the
// server's for redisgate. The authority's key is never written.
func demoTLS(cfg *config.Config, dir string) error {
	now := time.Now()
	ca, err := tlsconf.NewAuthority("redisgate demo CA", now, demoLifetime)
	if err != nil {
		return err
	}
	server, err := ca.Server(nil, now, demoLifetime)
	if err != nil {
		return err
	}
	key, err := server.KeyPEM()
	if err != nil {
		return err
	}
	cfg.TLS.Cert, cfg.TLS.Key = filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	for path, data := range map[string][]byte{
		filepath.Join(dir, "ca.crt"): ca.CertPEM(), cfg.TLS.Cert: server.CertPEM(), cfg.TLS.Key: key,
	} {
		if err := writeExclusive(path, private, data); err != nil {
			return err
		}
	}
	return nil
}

// listenNear listens on address, or on any free port if that one is taken.
func listenNear(address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	return ln, err
}

// person is a user of the demo.
type person struct {
	name, password string
	rules          string
	may, mayNot    string // commands to paste
}

func demoUsers() []person {
	return []person{
		{
			name: "app", password: newPassword(),
			rules: "~app:* &app:* -@all +@read +@write +@connection +@transaction -@admin -@dangerous",
			may:   "SET app:greeting hello", mayNot: "SET other:greeting hello",
		},
		{
			name: "readonly", password: newPassword(),
			rules: "~app:* -@all +@read +ping -@dangerous",
			may:   "GET app:greeting", mayNot: "DEL app:greeting",
		},
		{
			name: "admin", password: newPassword(),
			rules: "~* &* +@all",
			may:   "DBSIZE", mayNot: "SHUTDOWN NOSAVE",
		},
	}
}

func printDemo(w io.Writer, redis string, people []person, ca string, clients, metricsAt net.Addr) {
	host, port, _ := net.SplitHostPort(clients.String())
	cli := func(p person, command string) string {
		return fmt.Sprintf("REDISCLI_AUTH=%s redis-cli --tls --cacert %s -h %s -p %s --user %s %s", p.password, ca, host, port, p.name, command)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "redisgate is up on %s (TLS) in front of %s. Paste into another terminal:\n", clients, orMemory(redis))
	for _, p := range people {
		// No comments behind a command: zsh takes a pasted # as an argument.
		fmt.Fprintf(&b, "\n%s, with the rules %s, may do this:\n  %s\nand is refused this:\n  %s\n", p.name, p.rules, cli(p, p.may), cli(p, p.mayNot))
	}
	fmt.Fprintf(&b, "\nWhat redisgate counts:\n  curl -s http://%s/metrics | grep ^redisgate_\nand as a page, for a browser:\n  http://%s/\n\nCtrl-C ends it and leaves nothing behind.\n", metricsAt, metricsAt)
	_, _ = io.WriteString(w, b.String())
}
