package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout is shorter than the time-outs of those who call: Docker's is
// 30 s, a kubelet's 1 s by default, which it enforces itself.
const healthTimeout = 5 * time.Second

func newHealth() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running redisgate whether it is ready",
		Long: `health asks /readyz of the metrics listener: exit code 0 if redisgate listens
and Redis answers, 1 if not. It is what a container's health check runs.`,
		Example: `  redisgate health --config /etc/redisgate/redisgate.toml
  redisgate health --address 127.0.0.1:9121`,
		Args: none,
	}
	path := configFlag(cmd)
	address := cmd.Flags().String("address", "", "the metrics `HOST:PORT`, instead of a configuration")
	cmd.MarkFlagsMutuallyExclusive("config", "address")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		at := *address
		if at == "" {
			cfg, err := loadConfig(*path)
			if err != nil {
				return err
			}
			if at = cfg.Metrics.Address; at == "" {
				return hinted(`set metrics.address = "127.0.0.1:9121"`, "%s switches the metrics listener off", *path)
			}
		}
		if err := askReady(cmd.Context(), at); err != nil {
			return err
		}
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "ready")
		return err
	}
	return cmd
}

// askReady is nil if the redisgate whose metrics are at address is ready.
func askReady(ctx context.Context, address string) error {
	address, err := dialable(address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", address, err)
	}
	client := http.Client{
		// Of its own: a proxy from the environment has no business here.
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return hinted("is redisgate running, and is this its metrics.address?", "%w", err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	text := fmt.Sprintf("redisgate at %s is not ready (%s)", address, resp.Status)
	line, _, _ := strings.Cut(string(body), "\n")
	why, known := strings.CutPrefix(line, "not ready: ")
	if !known || resp.StatusCode != http.StatusServiceUnavailable {
		return hinted("is this its metrics.address, and no other program's?", "%s", clean(text))
	}
	return hinted("the status page http://"+address+"/ and its log say more", "%s", clean(text+": "+why))
}

// dialable turns an address that is listened on into one to connect to.
func dialable(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", hinted(`write it as "127.0.0.1:9121"`, "%q is not an address", address)
	}
	if a, err := netip.ParseAddr(host); err == nil && a.IsUnspecified() && a.Is6() {
		host = "::1"
	} else if host == "" || err == nil && a.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}
