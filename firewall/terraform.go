package firewall

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
)

// The formats of clouds are Terraform's JSON (https://developer.hashicorp.com/terraform/language/syntax/json),
// where a property "//" is a comment. Names of what exists already are variables.

type object = map[string]any

// document writes a file of one kind of resource.
func document(p *plan, first string, variables object, kind string, resources object) string {
	comment := strings.TrimSpace(strings.ReplaceAll(p.head("", first), "\n", " "))
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	_ = e.Encode(object{"//": comment, "variable": variables, "resource": object{kind: resources}}) // strings and numbers only
	return b.String()
}

func variable(description string) object { return object{"type": "string", "description": description} }

// aws writes rules of a security group, which can allow only: what no rule allows is
// closed.
func aws(p *plan) string {
	if p.deny.len() > 0 {
		p.warn("network.deny is not in these rules: security groups of AWS can only allow; redisgate goes on to deny these %d networks itself, and a network ACL of the subnet can", p.deny.len())
	}
	if len(p.redis) > 0 {
		p.note("Redis's port %s is closed by having no rule: no other group of the machine may have one for it.", list(p.redis, ", "))
	}
	const quota = 60 // inbound rules of a group and family, unless raised (Amazon VPC quotas)
	if n := len(p.ports) * max(len(p.allow.v4), len(p.allow.v6)); n > quota {
		p.warn("these are %d rules of one family, and AWS permits %d in a security group unless the quota is raised", n, quota)
	}
	rules := object{}
	for _, port := range p.ports {
		for family, ranges := range map[string][]netip.Prefix{"ipv4": p.allow.v4, "ipv6": p.allow.v6} {
			for i, r := range ranges {
				rules[fmt.Sprintf("redisgate_%d_%s_%d", port, family, i)] = object{
					"security_group_id": "${var.security_group_id}", "description": "redisgate",
					"ip_protocol": "tcp", "from_port": port, "to_port": port, "cidr_" + family: r.String(),
				}
			}
		}
	}
	return document(p, "redisgate's lists of networks for an AWS security group, as Terraform JSON: save it as redisgate.tf.json.",
		object{"security_group_id": variable("The security group of the machine that redisgate runs on")},
		"aws_vpc_security_group_ingress_rule", rules)
}

// step is one rule of a cloud that tries rules in the order of their priority.
type step struct {
	name   string
	allow  bool
	ports  []uint16
	ranges []netip.Prefix // of one family; at most most
}

// steps are the rules in their order, with what is closed to all at the end.
func (p *plan) steps(most int) []step {
	var out []step
	add := func(name string, allow bool, ports []uint16, f families) {
		for family, ranges := range [][]netip.Prefix{f.v4, f.v6} {
			for part := 0; len(ranges) > 0; part++ {
				n := min(most, len(ranges))
				out = append(out, step{fmt.Sprintf("redisgate-%s-ipv%d-%d", name, 4+2*family, part), allow, ports, ranges[:n]})
				ranges = ranges[n:]
			}
		}
	}
	everybody := families{[]netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, []netip.Prefix{netip.MustParsePrefix("::/0")}}
	add("deny", false, p.ports, p.deny)
	add("allow", true, p.ports, p.allow)
	add("others", false, p.ports, everybody)
	if len(p.redis) > 0 {
		add("redis", false, p.redis, everybody)
	}
	return out
}

// gcp writes VPC firewall rules. One has ranges of one family
// (https://cloud.google.com/firewall/docs/using-firewalls); rules of the same
// priority would let a denial win, so that each has its own.
func gcp(p *plan) string {
	p.note("They come before rules of priority 1000, such as the default one that lets the whole network in.")
	const first, most = 500, 256
	rules := object{}
	steps := p.steps(most)
	if n := first + len(steps); n > 1000 {
		p.warn("these are %d rules, the last of priority %d: rules of others with a priority of 1000 come before some", len(steps), n-1)
	}
	for i, s := range steps {
		rule := object{
			"name": s.name, "network": "${var.network}", "direction": "INGRESS", "priority": first + i,
			"target_tags": []string{"${var.target_tag}"}, "source_ranges": texts(s.ranges),
		}
		action := "deny"
		if s.allow {
			action = "allow"
		}
		rule[action] = []object{{"protocol": "tcp", "ports": texts(s.ports)}}
		rules[s.name] = rule
	}
	return document(p, "redisgate's lists of networks for Google Cloud, as Terraform JSON: save it as redisgate.tf.json.",
		object{"network": variable("The VPC network"), "target_tag": variable("The network tag of the machine that redisgate runs on")},
		"google_compute_firewall", rules)
}

// azure writes rules of a network security group, one family each.
func azure(p *plan) string {
	p.note("They come before the group's default rules, which let the whole virtual network in, and Azure's load balancers with their probes: a balancer must be listed to reach the port.")
	const first, last, most = 500, 4096, 1000
	rules := object{}
	steps := p.steps(most)
	if n := first + len(steps) - 1; n > last {
		p.warn("these are %d rules, and priorities of Azure end at %d", len(steps), last)
	}
	for i, s := range steps {
		access := "Deny"
		if s.allow {
			access = "Allow"
		}
		rules[s.name] = object{
			"name": s.name, "resource_group_name": "${var.resource_group_name}",
			"network_security_group_name": "${var.network_security_group_name}",
			"direction":                   "Inbound", "access": access, "priority": first + i, "protocol": "Tcp",
			"source_port_range": "*", "source_address_prefixes": texts(s.ranges),
			"destination_address_prefix": "*", "destination_port_ranges": texts(s.ports),
		}
	}
	return document(p, "redisgate's lists of networks for an Azure network security group, as Terraform JSON: save it as redisgate.tf.json.",
		object{
			"resource_group_name":         variable("The resource group of the network security group"),
			"network_security_group_name": variable("The network security group of the machine that redisgate runs on"),
		},
		"azurerm_network_security_rule", rules)
}

func texts[T any](items []T) []string {
	out := make([]string, 0, len(items))
	for _, item := range items {
		out = append(out, fmt.Sprint(item))
	}
	return out
}
