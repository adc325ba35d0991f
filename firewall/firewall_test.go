package firewall

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// examples are the lists that the golden files and the real tools are tried with.
var examples = map[string]Lists{
	"plain": {
		Ports: []uint16{6380}, Redis: []uint16{6379},
		Allow: prefixes("127.0.0.0/8", "::1/128", "10.20.0.0/16", "10.20.30.0/24", "192.0.2.7/32", "2001:db8:17::/48"),
		Deny:  prefixes("10.20.66.0/24", "2001:db8:17:66::/64"),
	},
	"balancers": {
		Ports: []uint16{6390, 6380}, Redis: []uint16{6379, 6380},
		Allow: prefixes("10.20.0.0/16"), Deny: prefixes("10.20.66.0/24"), Balancers: prefixes("10.0.0.10/32", "fd00::10/128"),
		Notes: []string{"A note of the caller's."},
	},
	"ipv4": {Ports: []uint16{6380}, Allow: prefixes("0.0.0.0/0")},
}

func TestGolden(t *testing.T) {
	for name, lists := range examples {
		for _, format := range Formats() {
			rules, err := Write(format, lists)
			if err != nil {
				t.Fatalf("Write(%s) of %s = %v", format, name, err)
			}
			got := rules.Text
			for _, w := range rules.Warnings {
				got += "warning: " + w + "\n"
			}
			file := filepath.Join("testdata", name+"."+format)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("Write(%s) of %s is not %s:\n%s", format, name, file, got)
			}
		}
	}
}

// TestNothingIsDroppedSilently holds each format to the lists: every range is in the
// text, or a warning and a comment say that it is not.
func TestNothingIsDroppedSilently(t *testing.T) {
	for name, lists := range examples {
		for _, format := range Formats() {
			rules, err := Write(format, lists)
			if err != nil {
				t.Fatal(err)
			}
			open := lists.Allow
			if len(lists.Balancers) > 0 {
				open = lists.Balancers
				if !strings.Contains(strings.ReplaceAll(rules.Text, "\n# ", " "), "open to the load balancers of listen.proxy_protocol_from instead of network.allow") {
					t.Errorf("%s of %s does not say that the port is open to balancers only:\n%s", format, name, rules.Text)
				}
				for _, r := range lists.Allow {
					if strings.Contains(rules.Text, r.String()) {
						t.Errorf("%s of %s has %s although there are balancers", format, name, r)
					}
				}
			}
			for _, r := range open {
				within := slices.ContainsFunc(open, func(o netip.Prefix) bool { return o != r && o.Overlaps(r) && o.Bits() < r.Bits() })
				if strings.Contains(rules.Text, r.String()) == within {
					t.Errorf("%s of %s: has %s = %v", format, name, r, !within)
				}
			}
			told := len(rules.Warnings) > 0 && strings.Contains(rules.Warnings[0], "network.deny is not in these rules") && strings.Contains(strings.ReplaceAll(rules.Text, "\n# ", " "), "Network.deny is not in these rules")
			for _, r := range lists.Deny {
				if has := strings.Contains(rules.Text, r.String()); has == told {
					t.Errorf("%s of %s: denies %s = %v, says that it does not = %v", format, name, r, has, told)
				}
			}
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, tc := range []struct {
		format string
		lists  Lists
		want   string
	}{
		{"pf", examples["plain"], `there is no format "pf"`},
		{"ufw", Lists{Allow: prefixes("10.0.0.0/8")}, "redisgate listens on no TCP port"},
		{"ufw", Lists{Ports: []uint16{1}}, "no network is allowed: nobody could connect"},
	} {
		if r, err := Write(tc.format, tc.lists); err == nil || err.Error() != tc.want || r.Text != "" {
			t.Errorf("Write(%s) = %q, %v; want %s", tc.format, r.Text, err, tc.want)
		}
	}
}

func TestRangesWithinOthersAreLeftOut(t *testing.T) {
	got := split(prefixes("10.1.0.0/16", "::/0", "10.0.0.0/8", "9.0.0.0/8", "10.0.0.0/8", "11.0.0.0/32", "2001:db8::/32"))
	if want := (families{v4: prefixes("9.0.0.0/8", "10.0.0.0/8", "11.0.0.0/32"), v6: prefixes("::/0")}); !reflect.DeepEqual(got, want) {
		t.Errorf("split = %v; want %v", got, want)
	}
}

// cloud reads a document of Terraform's JSON.
func cloud(t *testing.T, format string, lists Lists) (kind string, rules map[string]map[string]any) {
	t.Helper()
	r, err := Write(format, lists)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Comment  string `json:"//"`
		Variable map[string]struct{ Type, Description string }
		Resource map[string]map[string]map[string]any
	}
	d := json.NewDecoder(strings.NewReader(r.Text))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil || len(doc.Resource) != 1 || doc.Comment == "" {
		t.Fatalf("%s: %v in\n%s", format, err, r.Text)
	}
	for kind, rules = range doc.Resource {
		for name := range rules {
			for _, value := range rules[name] {
				for _, v := range []any{value} {
					text, _ := v.(string)
					if v, ok := strings.CutPrefix(text, "${var."); ok && doc.Variable[strings.TrimSuffix(v, "}")].Type != "string" {
						t.Errorf("%s uses the variable %s, which it does not declare", format, text)
					}
				}
			}
		}
	}
	return kind, rules
}

// TestCloudsDecideAsRedisgate judges addresses by the rules of each cloud, as the cloud
// would: AWS opens what any rule allows, the others take the first rule that fits.
func TestCloudsDecideAsRedisgate(t *testing.T) {
	lists := examples["plain"]
	for i := range 600 { // more than fit into one rule
		lists.Allow = append(lists.Allow, netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 16, byte(i / 256), byte(i)}), 32))
	}
	for _, tc := range []struct {
		from  string
		port  int
		open  bool
		onAWS bool
	}{
		{"10.20.1.1", 6380, true, true},
		{"10.20.66.1", 6380, false, true}, // denied: AWS cannot
		{"10.21.0.1", 6380, false, false},
		{"172.16.2.1", 6380, true, true},
		{"2001:db8:17::1", 6380, true, true},
		{"2001:db8:17:66::1", 6380, false, true},
		{"2001:db8:18::1", 6380, false, false},
		{"10.20.1.1", 6379, false, false},
		{"2001:db8:17::1", 6379, false, false},
	} {
		from, port := netip.MustParseAddr(tc.from), fmt.Sprint(tc.port)
		has := func(v any, one string) bool { // a list of words, or a word
			words, _ := v.([]any)
			return v == one || slices.Contains(words, any(one))
		}
		within := func(v any) bool {
			list, ok := v.([]any)
			if !ok {
				list = []any{v}
			}
			return slices.ContainsFunc(list, func(v any) bool {
				text, _ := v.(string)
				p, err := netip.ParsePrefix(text)
				return err == nil && p.Contains(from)
			})
		}
		kind, rules := cloud(t, "aws", lists)
		open := false
		for _, r := range rules {
			open = open || r["from_port"] == float64(tc.port) && r["to_port"] == r["from_port"] && r["ip_protocol"] == "tcp" && (within(r["cidr_ipv4"]) || within(r["cidr_ipv6"]))
		}
		if kind != "aws_vpc_security_group_ingress_rule" || open != tc.onAWS {
			t.Errorf("%s lets %s to %d = %v; want %v", kind, from, tc.port, open, tc.onAWS)
		}
		kind, rules = cloud(t, "gcp", lists)
		first, open := 65536.0, false
		for _, r := range rules {
			action, allows := r["deny"], false
			if r["allow"] != nil {
				action, allows = r["allow"], true
			}
			ports := action.([]any)[0].(map[string]any)["ports"]
			if p := r["priority"].(float64); within(r["source_ranges"]) && has(ports, port) && p < first {
				first, open = p, allows
			}
		}
		if kind != "google_compute_firewall" || open != tc.open || first > 65535 {
			t.Errorf("%s lets %s to %d = %v; want %v", kind, from, tc.port, open, tc.open)
		}
		kind, rules = cloud(t, "azure", lists)
		first, open = 65536, false
		for _, r := range rules {
			if p := r["priority"].(float64); within(r["source_address_prefixes"]) && has(r["destination_port_ranges"], port) && p < first {
				first, open = p, r["access"] == "Allow"
			}
		}
		if kind != "azurerm_network_security_rule" || open != tc.open || first > 65535 {
			t.Errorf("%s lets %s to %d = %v; want %v", kind, from, tc.port, open, tc.open)
		}
	}
}
