// Package firewall writes the lists that admit clients as rules of other tools: those
// of this machine's kernel, and those of clouds. It is pure: lists in, text out.
//
// What the rules do is what redisgate does before a handshake: who is denied is dropped,
// who is allowed gets in, nobody else does. It does that by itself too; rules in front of it
// keep strangers from costing it an accept. What a tool cannot express is said in
// the text and in a warning.
package firewall

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Lists is what the rules are made of.
type Lists struct {
	Ports       []uint16       // TCP ports of the proxy; at least one
	Allow, Deny []netip.Prefix // masked, IPv4 not mapped; Deny wins
	Balancers   []netip.Prefix // if any, the ports are opened to them instead of Allow
	Redis       []uint16       // TCP ports of Redis on this machine, to be closed to all others
	Notes       []string       // what the text should say besides
}

// Rules is the text for one tool.
type Rules struct {
	Text     string
	Warnings []string // what the text cannot express, or not in a way that lasts
}

var writers = []struct {
	format string
	write  func(*plan) string
}{
	{"nftables", nftables}, {"iptables", iptables}, {"ufw", ufw}, {"aws", aws}, {"gcp", gcp}, {"azure", azure},
}

// Formats lists what Write knows.
func Formats() []string {
	var out []string
	for _, w := range writers {
		out = append(out, w.format)
	}
	return out
}

// Write writes lists in a format of Formats.
func Write(format string, l Lists) (Rules, error) {
	for _, w := range writers {
		if w.format != format {
			continue
		}
		p, err := newPlan(l)
		if err != nil {
			return Rules{}, err
		}
		text := w.write(p)
		return Rules{Text: text, Warnings: p.warnings}, nil
	}
	return Rules{}, fmt.Errorf("there is no format %q", format)
}

// plan is what all formats write, each in its way.
type plan struct {
	ports, redis  []uint16
	allow, deny   families
	notes         []string
	warnings      []string
	fromBalancers bool
}

// families are ranges, sorted, none within another.
type families struct{ v4, v6 []netip.Prefix }

func (f families) len() int { return len(f.v4) + len(f.v6) }

func (f families) all() []netip.Prefix { return slices.Concat(f.v4, f.v6) }

func newPlan(l Lists) (*plan, error) {
	p := &plan{ports: distinct(l.Ports), notes: l.Notes}
	if len(p.ports) == 0 {
		return nil, fmt.Errorf("redisgate listens on no TCP port")
	}
	for _, port := range distinct(l.Redis) {
		if slices.Contains(p.ports, port) {
			p.note("Redis's port %d is redisgate's own on another address: it stays as open as redisgate's. Let Redis listen on a unix socket or on another port.", port)
			continue
		}
		p.redis = append(p.redis, port)
	}
	p.allow, p.deny = split(l.Allow), split(l.Deny)
	if len(l.Balancers) > 0 {
		p.fromBalancers = true
		p.note("The port is open to the load balancers of listen.proxy_protocol_from instead of network.allow: packets come from their addresses. redisgate judges the clients' by the PROXY header.")
		if p.deny.len() > 0 {
			p.warn("network.deny is not in these rules: behind a load balancer packets carry the balancer's address; redisgate goes on to judge the one in the PROXY header")
		}
		p.allow, p.deny = split(l.Balancers), families{}
	}
	if p.allow.len() == 0 {
		return nil, fmt.Errorf("no network is allowed: nobody could connect")
	}
	return p, nil
}

func (p *plan) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// warn is a note that must be seen even if nobody reads the text.
func (p *plan) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.warnings = append(p.warnings, text)
	p.notes = append(p.notes, strings.ToUpper(text[:1])+text[1:]+".")
}

// head is the comment at the beginning, first what the text is and how to load it.
func (p *plan) head(prefix, first string) string {
	var b strings.Builder
	for _, text := range append([]string{first}, p.notes...) {
		for _, line := range wrap(text, 92-len(prefix)) {
			b.WriteString(prefix + line + "\n")
		}
	}
	return b.String()
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// split sorts ranges into families and leaves out those within others: interval sets
// of nftables refuse overlaps, and nobody needs them.
func split(ranges []netip.Prefix) families {
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	var f families
	for _, r := range sorted {
		of := &f.v6
		if r.Addr().Is4() {
			of = &f.v4
		}
		if n := len(*of); n == 0 || !(*of)[n-1].Overlaps(r) {
			*of = append(*of, r)
		}
	}
	return f
}

func distinct(ports []uint16) []uint16 {
	sorted := slices.Clone(ports)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// list joins ports or ranges.
func list[T any](items []T, separator string) string {
	var words []string
	for _, item := range items {
		words = append(words, fmt.Sprint(item))
	}
	return strings.Join(words, separator)
}
