package firewall

import (
	"fmt"
	"net/netip"
	"strings"
)

// manyRules is from where a chain that is tried rule by rule is slow.
const manyRules = 1000

// iptables writes what both iptables-restore and ip6tables-restore take: each leaves
// out the lines that begin with the other's -6 or -4.
func iptables(p *plan) string {
	if p.redis != nil {
		p.note("Redis's own port is closed to whatever does not come over loopback.")
	}
	p.note("Loading it again replaces the chains and leaves one more line in INPUT, which changes nothing. What is forwarded to a container does not come through INPUT.")
	if n := p.allow.len() + p.deny.len(); n > manyRules {
		p.warn("these are %d rules that are tried one by one; nftables looks networks up in a set", n)
	}
	var b strings.Builder
	b.WriteString(p.head("# ", "redisgate's lists of networks for iptables. Load it with both `iptables-restore --noflush FILE` and `ip6tables-restore --noflush FILE`."))
	b.WriteString("*filter\n:REDISGATE - [0:0]\n:REDISGATE-CLIENTS - [0:0]\n-I INPUT -p tcp -j REDISGATE\n")
	for _, port := range p.ports {
		fmt.Fprintf(&b, "-A REDISGATE -p tcp --dport %d -j REDISGATE-CLIENTS\n", port)
	}
	for _, port := range p.redis {
		fmt.Fprintf(&b, "-A REDISGATE ! -i lo -p tcp --dport %d -j DROP\n", port)
	}
	tables(&b, p.deny, "DROP")
	tables(&b, p.allow, "ACCEPT")
	b.WriteString("-A REDISGATE-CLIENTS -j DROP\nCOMMIT\n")
	return b.String()
}

func tables(b *strings.Builder, f families, target string) {
	write := func(flag string, ranges []netip.Prefix) {
		for _, r := range ranges {
			fmt.Fprintf(b, "%s -A REDISGATE-CLIENTS -s %s -j %s\n", flag, r, target)
		}
	}
	write("-4", f.v4)
	write("-6", f.v6)
}

// ufw writes commands. ufw takes the first rule that fits, so that their order counts,
// and lets all of loopback in before any of them.
func ufw(p *plan) string {
	if p.redis != nil {
		p.note("Redis's own port is closed to other machines.")
	}
	p.note("ufw takes the first rule that fits: remove earlier ones for these ports (`ufw status numbered`). It lets everything in over loopback, and for IPv6 needs IPV6=yes in /etc/default/ufw.")
	if n := p.allow.len() + p.deny.len(); n > manyRules {
		p.warn("these are %d rules that are tried one by one; nftables looks networks up in a set", n)
	}
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	b.WriteString(p.head("# ", "redisgate's lists of networks for ufw. Run it as root; `ufw enable` puts the rules in force."))
	b.WriteString("set -e\n")
	for _, r := range p.deny.all() {
		for _, port := range p.ports {
			fmt.Fprintf(&b, "ufw deny proto tcp from %s to any port %d comment 'redisgate: denied'\n", r, port)
		}
	}
	for _, r := range p.allow.all() {
		for _, port := range p.ports {
			fmt.Fprintf(&b, "ufw allow proto tcp from %s to any port %d comment 'redisgate: allowed'\n", r, port)
		}
	}
	for _, port := range p.ports {
		fmt.Fprintf(&b, "ufw deny proto tcp from any to any port %d comment 'redisgate: nobody else'\n", port)
	}
	for _, port := range p.redis {
		fmt.Fprintf(&b, "ufw deny proto tcp from any to any port %d comment 'Redis: through redisgate only'\n", port)
	}
	return b.String()
}
