package firewall

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"redisgate/internal/redistest"
)

// The test binary is also what listens and connects inside of namespaces.
const (
	asListener = "REDISGATE_TEST_LISTEN" // ports
	asDialer   = "REDISGATE_TEST_DIAL"   // from, to, patience
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asListener) != "":
		listen(strings.Fields(os.Getenv(asListener)))
	case os.Getenv(asDialer) != "":
		dial(strings.Fields(os.Getenv(asDialer)))
	}
	os.Exit(m.Run())
}

func listen(ports []string) {
	for _, port := range ports {
		l, err := net.Listen("tcp", ":"+port)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		go func() {
			for {
				nc, err := l.Accept()
				if err != nil {
					return
				}
				nc.Close()
			}
		}()
	}
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\n') // until the test ends
	os.Exit(0)
}

func dial(args []string) {
	patience, _ := time.ParseDuration(args[2])
	d := net.Dialer{Timeout: patience, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(args[0]), 0))}
	nc, err := d.Dial("tcp", args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	nc.Close()
	os.Exit(0)
}

// space is a network namespace with a process that holds it open.
type space struct {
	enter []string // what runs a command in it
}

// newSpace makes a namespace, within the user namespace of another if there is one, or
// skips the test where the machine does not let it.
func newSpace(t *testing.T, of *space) *space {
	t.Helper()
	redistest.RequireTool(t, "nsenter")
	args := []string{"unshare", "-n"}
	if of == nil && os.Getuid() != 0 {
		args = []string{"unshare", "-U", "-r", "-n"}
	}
	if of != nil {
		args = append(append([]string{}, of.enter...), args...)
	}
	cmd := exec.CommandContext(t.Context(), args[0], append(args[1:], "sh", "-c", "echo $$; exec cat")...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		redistest.Skip(t, "this machine does not let a test make a network namespace: %v", err)
	}
	pid, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		redistest.Skip(t, "this machine does not let a test make a network namespace")
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	s := &space{enter: []string{"nsenter", "-t", strings.TrimSpace(pid), "-n"}}
	if os.Getuid() != 0 {
		s.enter = append(s.enter, "-U", "--preserve-credentials")
	}
	return s
}

// command is one to run in the namespace.
func (s *space) command(t *testing.T, args ...string) *exec.Cmd {
	full := append(append([]string{}, s.enter...), args...)
	cmd := exec.CommandContext(t.Context(), full[0], full[1:]...)
	cmd.Env = append(os.Environ(), "XTABLES_LOCKFILE="+filepath.Join(t.TempDir(), "lock"), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	return cmd
}

// run runs a command in the namespace, which must succeed.
func (s *space) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.command(t, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q = %v\n%s", args, err, out)
	}
	return string(out)
}

// tool finds a program that may stand where a user's PATH does not lead.
func tool(t *testing.T, name string) string {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	return redistest.RequireTool(t, name)
}

// saved writes the rules to a file.
func saved(t *testing.T, format string, lists Lists) string {
	t.Helper()
	rules, err := Write(format, lists)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rules")
	if err := os.WriteFile(path, []byte(rules.Text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestToolsTakeTheRules(t *testing.T) {
	nft, ipt, ip6t, ufw := tool(t, "nft"), tool(t, "iptables-restore"), tool(t, "ip6tables-restore"), tool(t, "ufw")
	s := newSpace(t, nil)
	for name, lists := range examples {
		t.Run(name, func(t *testing.T) {
			rules := saved(t, "nftables", lists)
			s.run(t, nft, "flush", "ruleset")
			s.run(t, nft, "-c", "-f", rules)
			s.run(t, nft, "-f", rules)
			s.run(t, nft, "-f", rules) // again, in place of the first
			if out := s.run(t, nft, "list", "ruleset"); strings.Count(out, "table ") != 1 || strings.Count(out, "jump clients") != 1 {
				t.Errorf("after loading twice there is:\n%s", out)
			}
			rules = saved(t, "iptables", lists)
			for _, restore := range []string{ipt, ip6t} {
				s.run(t, restore, "--test", rules)
				s.run(t, restore, "--noflush", rules)
				s.run(t, restore, "--noflush", rules)
			}
			if os.Getuid() != 0 {
				redistest.Skip(t, "ufw reads its own files as root only")
			}
			written, err := Write("ufw", lists)
			if err != nil {
				t.Fatal(err)
			}
			commands := 0
			for line := range strings.Lines(written.Text) {
				rest, ok := strings.CutPrefix(line, "ufw ")
				if !ok {
					continue
				}
				commands++
				out := s.run(t, "sh", "-c", ufw+" --dry-run "+rest)
				words := strings.Fields(rest)
				want := "--dport " + words[8]
				if words[4] != "any" && words[4] != "0.0.0.0/0" {
					want += " -s " + strings.TrimSuffix(strings.TrimSuffix(words[4], "/32"), "/128") // as ufw prints it
				}
				if !strings.Contains(out, want) || !strings.Contains(out, "Rules updated") {
					t.Errorf("ufw --dry-run %s has no rule %q:\n%s", rest, want, out)
				}
			}
			if commands < 2 {
				t.Errorf("%d commands for ufw", commands)
			}
		})
	}
}

// TestManyNetworksLoad loads the longest lists that somebody may have.
func TestManyNetworksLoad(t *testing.T) {
	nft := tool(t, "nft")
	if os.Getuid() != 0 {
		redistest.Skip(t, "the kernel takes long lists from root only, whose socket buffers may be large")
	}
	s := newSpace(t, nil)
	lists := examples["plain"]
	for i := range 20_000 {
		lists.Deny = append(lists.Deny, netip.PrefixFrom(netip.AddrFrom4([4]byte{20, byte(i >> 12), byte(i >> 4), byte(i << 4)}), 28+i%2*4))
	}
	s.run(t, nft, "-c", "-f", saved(t, "nftables", lists))
	if rules, err := Write("iptables", lists); err != nil || len(rules.Warnings) != 1 || !strings.Contains(rules.Warnings[0], "one by one") {
		t.Errorf("warnings of iptables for 20,000 networks = %q, %v; want one", rules.Warnings, err)
	}
}

// TestPackets tries the rules from one namespace to another: who is allowed connects, who
// is denied does not, and nobody reaches Redis's own port.
func TestPackets(t *testing.T) {
	ip, nft, ipt, ip6t := tool(t, "ip"), tool(t, "nft"), tool(t, "iptables-restore"), tool(t, "ip6tables-restore")
	server := newSpace(t, nil)
	client := newSpace(t, server)
	pid := client.enter[2]
	server.run(t, ip, "link", "set", "lo", "up")
	server.run(t, ip, "link", "add", "rgserver", "type", "veth", "peer", "name", "rgclient", "netns", pid)
	address := func(s *space, device string, addresses ...string) {
		for _, a := range addresses {
			args := []string{ip, "address", "add", a, "dev", device}
			if strings.Contains(a, ":") {
				args = append(args, "nodad")
			}
			s.run(t, args...)
		}
		s.run(t, ip, "link", "set", device, "up")
	}
	address(server, "rgserver", "10.20.0.1/16", "fd00:20::1/32")
	address(client, "rgclient", "10.20.1.2/16", "10.20.66.2/16", "10.20.77.2/16", "fd00:20:1::2/32", "fd00:20:66::2/32", "fd00:20:77::2/32")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	listener := server.command(t, self)
	listener.Env = append(listener.Env, asListener+"=6380 6379")
	in, err := listener.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := listener.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		_ = listener.Wait()
	}()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("listening in a namespace = %q, %v", line, err)
	}

	connects := func(s *space, from, to string, wanted bool) bool {
		patience := "20s"
		if !wanted {
			patience = "700ms" // nothing answers: any time will do
		}
		cmd := s.command(t, self)
		cmd.Env = append(cmd.Env, asDialer+"="+from+" "+to+" "+patience)
		return cmd.Run() == nil
	}
	lists := Lists{
		Ports: []uint16{6380}, Redis: []uint16{6379},
		Allow: prefixes("127.0.0.0/8", "10.20.1.0/24", "10.20.66.0/24", "fd00:20:1::/48", "fd00:20:66::/48"),
		Deny:  prefixes("10.20.66.0/24", "fd00:20:66::/48"),
	}
	tries := []struct {
		in       *space
		from, to string
		want     bool
	}{
		{client, "10.20.1.2", "10.20.0.1:6380", true},
		{client, "10.20.66.2", "10.20.0.1:6380", false},
		{client, "10.20.77.2", "10.20.0.1:6380", false},
		{client, "10.20.1.2", "10.20.0.1:6379", false},
		{client, "fd00:20:1::2", "[fd00:20::1]:6380", true},
		{client, "fd00:20:66::2", "[fd00:20::1]:6380", false},
		{client, "fd00:20:77::2", "[fd00:20::1]:6380", false},
		{client, "fd00:20:1::2", "[fd00:20::1]:6379", false},
		{server, "127.0.0.1", "127.0.0.1:6380", true},
		{server, "127.0.0.1", "127.0.0.1:6379", true},
		{server, "::1", "[::1]:6380", false}, // not allowed here
		{server, "::1", "[::1]:6379", true},
	}
	check := func(format string, judged bool) {
		t.Helper()
		var wg sync.WaitGroup
		for _, tc := range tries {
			wg.Go(func() {
				want := tc.want || !judged
				if got := connects(tc.in, tc.from, tc.to, want); got != want {
					t.Errorf("%s: %s connects to %s = %v; want %v", format, tc.from, tc.to, got, want)
				}
			})
		}
		wg.Wait()
	}
	check("no rules", false)
	server.run(t, nft, "-f", saved(t, "nftables", lists))
	check("nftables", true)
	server.run(t, nft, "flush", "ruleset")
	rules := saved(t, "iptables", lists)
	server.run(t, ipt, "--noflush", rules)
	server.run(t, ip6t, "--noflush", rules)
	server.run(t, ipt, "--noflush", rules) // again
	check("iptables", true)
	lists.Balancers = prefixes("10.20.77.2/32")
	server.run(t, nft, "flush", "ruleset")
	server.run(t, nft, "-f", saved(t, "nftables", lists))
	for from, want := range map[string]bool{"10.20.77.2": true, "10.20.1.2": false} {
		if got := connects(client, from, "10.20.0.1:6380", want); got != want {
			t.Errorf("with a balancer %s connects = %v; want %v", from, got, want)
		}
	}
}
