package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"redisgate/config"
	"redisgate/firewall"
)

// usualRedisPort is closed where the configuration does not say Redis's port.
const usualRedisPort = 6379

func newFirewall() *cobra.Command {
	formats := strings.Join(firewall.Formats(), ", ")
	cmd := &cobra.Command{
		Use:   "firewall --config FILE --format FORMAT",
		Short: "Write the lists of networks as rules of a firewall",
		Long: `firewall writes what network.allow and network.deny say, files included, as rules
for redisgate's ports, and rules that close Redis's own port to other machines. It
changes nothing itself. Where listen.proxy_protocol_from lists load balancers, the
ports are opened to them instead of network.allow. What a format cannot express is
said in a comment and on standard error.

The formats are ` + formats + `. Those of clouds are
Terraform's JSON.`,
		Example: `  redisgate firewall --config redisgate.toml --format nftables | sudo nft -f -
  redisgate firewall --config redisgate.toml --format aws > redisgate.tf.json`,
		Args: none,
	}
	path := configFlag(cmd)
	format := cmd.Flags().String("format", "", "the `FORMAT`: "+formats)
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(firewall.Formats(), cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !slices.Contains(firewall.Formats(), *format) {
			if *format == "" {
				return hinted("it is one of "+formats, "--format FORMAT is missing")
			}
			hint := "it is one of " + formats
			if near := guess(*format, firewall.Formats()); near != "" {
				hint = "did you mean " + near + "?"
			}
			return hinted(hint, "there is no format %q", *format)
		}
		cfg, err := loadConfig(*path)
		if err != nil {
			return err
		}
		lists, err := firewallLists(cfg)
		if err != nil {
			return err
		}
		rules, err := firewall.Write(*format, lists)
		if err != nil {
			return err
		}
		for _, w := range rules.Warnings {
			fmt.Fprintf(cmd.ErrOrStderr(), "redisgate: warning: %s\n", w)
		}
		_, err = fmt.Fprint(cmd.OutOrStdout(), rules.Text)
		return err
	}
	return cmd
}

// firewallLists is what the configuration says of networks and ports.
func firewallLists(cfg *config.Config) (firewall.Lists, error) {
	var l firewall.Lists
	c := &compiler{cfg: cfg, built: &built{cfg: cfg}}
	c.networks()
	if all := append(c.problems, c.filed...); len(all) > 0 {
		return l, all
	}
	l.Allow = slices.Collect(c.built.allow.All())
	l.Deny = slices.Collect(c.built.deny.All())
	l.Balancers = slices.Collect(c.built.balancers.All())
	outside := false
	for _, e := range cfg.Listen.Endpoints() {
		if e.Unix() {
			continue
		}
		port := portOf(e)
		if port == 0 {
			return l, hinted("give listen.address a port", "listen.address %q has no fixed port", e.Address)
		}
		l.Ports = append(l.Ports, port)
		outside = outside || !e.Local()
	}
	if len(l.Ports) == 0 {
		return l, hinted("its file mode is its admission: listen.unix_mode", "redisgate listens on a unix socket only, which no firewall sees")
	}
	if !outside {
		l.Notes = append(l.Notes, "listen.address is on loopback: no other machine reaches it, whatever these rules say.")
	}
	switch e := cfg.Upstream.Endpoint(); {
	case e.Unix():
		if !slices.Contains(l.Ports, usualRedisPort) {
			l.Redis = []uint16{usualRedisPort}
			l.Notes = append(l.Notes, fmt.Sprintf("upstream.address is a unix socket. Redis's usual port %d is closed in case it listens there too; add its own if it has another.", usualRedisPort))
		}
	case !e.Local() && !onThisMachine(e.Host()):
		l.Notes = append(l.Notes, "Redis is on another machine ("+e.Address+"): its port is to be closed there to all but this one.")
	default:
		l.Redis = []uint16{portOf(e)}
	}
	return l, nil
}

func portOf(e config.Endpoint) uint16 {
	_, port, _ := net.SplitHostPort(e.Address)
	n, _ := strconv.ParseUint(port, 10, 16) // a valid configuration has one
	return uint16(n)
}

// onThisMachine says whether host is an address of this machine's. Names are not looked up.
func onThisMachine(host string) bool {
	own, err := net.InterfaceAddrs()
	addr, wrong := netip.ParseAddr(host)
	if err = errors.Join(err, wrong); err != nil {
		return false
	}
	return slices.ContainsFunc(own, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr().Unmap() == addr.Unmap().WithZone("")
	})
}
