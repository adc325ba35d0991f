package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"redisgate/config"
)

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Run the proxy",
		Long: `serve runs the proxy until SIGTERM or SIGINT, which lets clients finish for
listen.drain_timeout; a second signal ends it at once. SIGHUP has the configuration read
again, with all files that it names.`,
		Example: "  redisgate serve --config /etc/redisgate/redisgate.toml",
		Args:    none,
	}
	path := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		b, err := loadAndBuild(*path, time.Now())
		if err != nil {
			return err
		}
		return serve(cmd.Context(), b, cmd.ErrOrStderr())
	}
	return cmd
}

// serve opens the listeners and runs until a signal or an error. What it writes
// after that goes through the log, in the form that the configuration asks for.
func serve(ctx context.Context, b *built, stderr io.Writer) error {
	given, err := inherit()
	if err != nil {
		return err
	}
	log, end := newLogQueue(stderr, func(w io.Writer) *slog.Logger { return newLog(w, b.cfg.Log) })
	defer end()
	k := newKeeper(log)
	k.drop(given.outdated(b.cfg))
	taking, err := takeOver(ctx, b.cfg)
	if err != nil {
		given.close()
		return err
	}
	at, err := listenOn(b.cfg, append(given, taking.sockets()...))
	if err != nil {
		taking.giveUp()
		return err
	}
	listeners, metricsAt := at.clients, at.metricsAt
	slog.SetDefault(log) // for libraries that log by themselves, with package log too
	for _, n := range b.notes {
		log.Warn("note on the configuration", "note", n)
	}
	for _, n := range b.remarks {
		log.Info("note on the configuration", "note", n)
	}
	info, _ := debug.ReadBuildInfo()
	build := describe(info)
	g, err := newGate(b, listeners, metricsAt, build, log)
	if err != nil {
		at.close()
		taking.giveUp()
		return logged(b.cfg.Log, log, err)
	}
	g.relay = newRelay(at, taking)
	for _, o := range at.opened {
		k.keep(o.at, o.ln)
	}
	logStart(log, listeners, metricsAt, b.cfg, build.Version)
	drain, now, stop := signals(ctx, log, func() { g.ask("SIGHUP") })
	defer stop()
	if err := g.run(drain, now); err != nil {
		return logged(b.cfg.Log, log, err)
	}
	log.Info("stopped")
	return nil
}

// loggedError is an error that is in the log already.
type loggedError struct{ error }

func (e loggedError) Unwrap() error { return e.error }

// logged logs err if what reads standard error expects nothing but the log.
func logged(c config.Log, log *slog.Logger, err error) error {
	if c.Format != "json" {
		return err
	}
	log.Error("redisgate ends", "error", err)
	return loggedError{err}
}

func logStart(log *slog.Logger, listeners []net.Listener, metricsAt net.Listener, cfg *config.Config, version string) {
	var at []string
	for _, ln := range listeners {
		at = append(at, ln.Addr().String())
	}
	attrs := []any{"version", version, "address", at, "redis", cfg.Upstream.Address}
	if metricsAt != nil {
		attrs = append(attrs, "metrics", metricsAt.Addr().String())
	}
	log.Info("listening", attrs...)
}

// metricsHost is the host that the configuration gives the metrics.
func metricsHost(cfg *config.Config) string {
	e, err := config.ParseEndpoint(cfg.Metrics.Address)
	if err != nil {
		return ""
	}
	return e.Host()
}

// defaultProcs is the number of processors that Go found, limits of a
// container included.
func defaultProcs() int { return runtime.GOMAXPROCS(0) }
