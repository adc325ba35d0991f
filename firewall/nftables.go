package firewall

import (
	"fmt"
	"net/netip"
	"strings"
)

// nftables writes a table of its own, which loading again replaces. Its chain comes before
// those of others: what it drops is dropped, what it accepts they may still drop.
func nftables(p *plan) string {
	if p.redis != nil {
		p.note("Redis's own port is closed to whatever does not come over loopback.")
	}
	p.note("A table that drops by default must let the port through as well. What is forwarded to a container does not come through this chain.")
	var b strings.Builder
	b.WriteString("#!/usr/sbin/nft -f\n")
	b.WriteString(p.head("# ", "redisgate's lists of networks for nftables. Load it with `nft -f FILE`, as often as you like; `nft delete table inet redisgate` removes it."))
	b.WriteString("\ntable inet redisgate\ndelete table inet redisgate\n\ntable inet redisgate {\n")
	nftSet(&b, "deny4", "ipv4_addr", p.deny.v4)
	nftSet(&b, "deny6", "ipv6_addr", p.deny.v6)
	nftSet(&b, "allow4", "ipv4_addr", p.allow.v4)
	nftSet(&b, "allow6", "ipv6_addr", p.allow.v6)

	b.WriteString("\tchain clients {\n")
	nftRule(&b, p.deny.v4, "ip saddr @deny4 counter drop")
	nftRule(&b, p.deny.v6, "ip6 saddr @deny6 counter drop")
	nftRule(&b, p.allow.v4, "ip saddr @allow4 accept")
	nftRule(&b, p.allow.v6, "ip6 saddr @allow6 accept")
	b.WriteString("\t\tcounter drop\n\t}\n\n")

	b.WriteString("\tchain input {\n\t\ttype filter hook input priority filter - 10; policy accept;\n")
	fmt.Fprintf(&b, "\t\ttcp dport { %s } jump clients\n", list(p.ports, ", "))
	if p.redis != nil {
		fmt.Fprintf(&b, "\t\tiifname != \"lo\" tcp dport { %s } counter drop\n", list(p.redis, ", "))
	}
	b.WriteString("\t}\n}\n")
	return b.String()
}

func nftSet(b *strings.Builder, name, kind string, ranges []netip.Prefix) {
	if len(ranges) == 0 {
		return
	}
	fmt.Fprintf(b, "\tset %s {\n\t\ttype %s; flags interval;\n\t\telements = {\n\t\t\t%s\n\t\t}\n\t}\n\n", name, kind, list(ranges, ",\n\t\t\t"))
}

func nftRule(b *strings.Builder, ranges []netip.Prefix, rule string) {
	if len(ranges) > 0 {
		b.WriteString("\t\t" + rule + "\n")
	}
}
