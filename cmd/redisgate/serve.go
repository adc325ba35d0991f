package main

import (
	"context"
	"fmt"
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
listen.drain_timeout; a second signal ends it at once.`,
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

// serve opens the listeners and runs until a signal or an error.
func serve(ctx context.Context, b *built, stderr io.Writer) error {
	log := newLog(stderr, b.cfg.Log)
	for _, n := range b.notes {
		log.Warn("note on the configuration", "note", n)
	}
	listeners, err := listen(b.cfg.Listen.Endpoints(), b.cfg.Listen.UnixMode.FileMode())
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	closeAll := func() {
		for _, ln := range listeners {
			ln.Close()
		}
	}
	metricsAt, err := listenMetrics(b.cfg)
	if err != nil {
		closeAll()
		return fmt.Errorf("cannot listen for metrics: %w", err)
	}
	info, _ := debug.ReadBuildInfo()
	build := describe(info)
	g, err := newGate(b, listeners, metricsAt, build, log)
	if err != nil {
		closeAll()
		if metricsAt != nil {
			metricsAt.Close()
		}
		return err
	}
	logStart(log, listeners, metricsAt, b.cfg, build.Version)
	drain, now, stop := signals(ctx, log)
	defer stop()
	if err := g.run(drain, now); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
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

// listenMetrics returns nil if metrics are off.
func listenMetrics(cfg *config.Config) (net.Listener, error) {
	if cfg.Metrics.Address == "" {
		return nil, nil
	}
	return net.Listen("tcp", cfg.Metrics.Address)
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
