package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"redisgate/firewall"
)

const walled = `[listen]
address = ["10.0.0.5:6380", "unix://gate.sock"]
[network]
allow = ["10.20.0.0/16", "::ffff:192.0.2.0/120"]
allow_file = "allow.txt"
deny = ["10.20.66.0/24"]
deny_file = ["deny.txt"]
[upstream]
address = "127.0.0.1:6399"
` + anyUser

// wall writes a configuration and its lists.
func wall(t *testing.T, text string) string {
	t.Helper()
	path := write(t, text)
	for name, list := range map[string]string{"allow.txt": "2001:db8::/32 # all\n10.20.0.0/16\n", "deny.txt": "10.20.77.7\n"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestFirewallWritesTheListsInAllFormats(t *testing.T) {
	path := wall(t, walled)
	for _, format := range firewall.Formats() {
		r := invoke(t, "", "firewall", "--config", path, "--format", format)
		want := []string{"10.20.0.0/16", "192.0.2.0/24", "2001:db8::/32", "6380", "6399"}
		noted := strings.Contains(r.stderr, "redisgate: warning: network.deny is not in these rules")
		if format != "aws" {
			want = append(want, "10.20.66.0/24", "10.20.77.7/32")
		}
		if r.code != 0 || noted != (format == "aws") || noted == (r.stderr == "") {
			t.Errorf("firewall --format %s = %d, %q; want 0, and a warning of aws only", format, r.code, r.stderr)
		}
		for _, w := range want {
			if !strings.Contains(r.stdout, w) {
				t.Errorf("firewall --format %s has no %s:\n%s", format, w, r.stdout)
			}
		}
		if strings.HasPrefix(r.stdout, "{") && !json.Valid([]byte(r.stdout)) {
			t.Errorf("firewall --format %s is no JSON:\n%s", format, r.stdout)
		}
	}
}

func TestFirewallSaysWhatItLeavesOut(t *testing.T) {
	for _, tc := range []struct{ config, has, hasNot string }{
		{walled, "dport { 6399 }", "loopback only"},
		{strings.Replace(walled, "10.0.0.5:", "127.0.0.1:", 1), "listen.address is on loopback", ""},
		{strings.Replace(walled, "127.0.0.1:6399", "unix:///run/redis.sock", 1), "dport { 6379 }", "6399"},
		{strings.Replace(strings.Replace(walled, "127.0.0.1:6399", "unix:///run/redis.sock", 1), ":6380", ":6379", 1), "{ 6379 } jump", "iifname"},
		{strings.Replace(walled, `"127.0.0.1:6399"`, "\"192.0.2.9:6399\"\nunsafe_remote = true", 1), "another machine (192.0.2.9:6399)", "iifname"},
		{strings.Replace(walled, "6399", "6380", 1), "redisgate's own on another address", "iifname"},
		{strings.Replace(walled, "[network]", "proxy_protocol_from = [\"10.9.9.9\"]\n[network]", 1), "open to the load balancers", "10.20.0.0/16"},
	} {
		r := invoke(t, "", "firewall", "--config", wall(t, tc.config), "--format", "nftables")
		text := strings.ReplaceAll(r.stdout, "\n# ", " ")
		if r.code != 0 || !strings.Contains(text, tc.has) || tc.hasNot != "" && strings.Contains(text, tc.hasNot) {
			t.Errorf("firewall = %d, %q; want %q and not %q in\n%s", r.code, r.stderr, tc.has, tc.hasNot, r.stdout)
		}
	}
}

func TestFirewallThatCannotBeWritten(t *testing.T) {
	path := wall(t, walled)
	all := "it is one of nftables, iptables, ufw, aws, gcp, azure"
	for _, tc := range []struct{ args, want, hint string }{
		{"--config " + path, "--format FORMAT is missing", all},
		{"--config " + path + " --format nftable", `there is no format "nftable"`, "did you mean nftables?"},
		{"--config " + path + " --format nft", `there is no format "nft"`, "did you mean nftables?"},
		{"--config " + path + " --format pf", `there is no format "pf"`, all},
		{"--format ufw", "--config FILE is missing", "`redisgate init DIR` writes one"},
		{"--format ufw --config " + write(t, socketConfig+anyUser), "a unix socket only", "its file mode is its admission: listen.unix_mode"},
		{"--format ufw --config " + wall(t, strings.Replace(walled, ":6380", ":0", 1)), "has no fixed port", "give listen.address a port"},
		{"--format ufw --config " + write(t, walled), "allow.txt: no such file", "write one network on each line"},
	} {
		r := invoke(t, "", append([]string{"firewall"}, strings.Fields(tc.args)...)...)
		if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, tc.want) || !strings.Contains(r.stderr, "hint: "+tc.hint) {
			t.Errorf("firewall %s = %d, %q, %q; want 1, an error %q and a hint %q", tc.args, r.code, r.stdout, r.stderr, tc.want, tc.hint)
		}
	}
}
