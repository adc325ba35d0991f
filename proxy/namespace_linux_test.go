package proxy_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redisgate/internal/gatetest"
	"redisgate/internal/redistest"
	"redisgate/policy"
	"redisgate/proxy"
)

// inNamespace says in the environment that the test runs in network namespaces of its own.
const inNamespace = "REDISGATE_TEST_NAMESPACE"

// TestAddressesInNamespaces judges clients by addresses that no loopback has: it runs
// itself in a network namespace, joined by a veth to another in which the clients are.
// That takes root, or a kernel that lets anybody make user namespaces; where neither is so
// the test is skipped, which the summary of the tests lists and CI takes for a failure.
func TestAddressesInNamespaces(t *testing.T) {
	redistest.RequireTool(t, "redis-server")
	if _, err := ipTool(); err != nil {
		redistest.Skip(t, "ip is not installed")
	}
	if os.Getenv(inNamespace) != "" {
		judgeAddresses(t)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(flags uintptr) (out []byte, err error) {
		cmd := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
		cmd.Env = append(os.Environ(), inNamespace+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: syscall.SIGKILL}
		if flags&unix.CLONE_NEWUSER != 0 {
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		return cmd.CombinedOutput()
	}
	flags := uintptr(unix.CLONE_NEWNET)
	if os.Getuid() != 0 {
		flags |= unix.CLONE_NEWUSER
	}
	out, err := run(flags)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) || err == nil && !strings.Contains(string(out), "--- PASS: "+t.Name()):
		t.Errorf("in a network namespace: %v\n%s", err, out)
	case err != nil:
		redistest.Skip(t, "this machine lets no test make a network namespace: %v", err)
	default:
		t.Logf("in a network namespace:\n%s", out)
	}
}

func ipTool() (string, error) {
	if path, err := exec.LookPath("ip"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/ip") // which a user's PATH may lack
}

// elsewhere runs functions on a thread in a network namespace of its own.
type elsewhere struct {
	tid  int
	work chan func()
}

func newElsewhere(t *testing.T) *elsewhere {
	t.Helper()
	e := &elsewhere{work: make(chan func())}
	begun := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		e.tid = unix.Gettid()
		begun <- err
		for f := range e.work {
			f()
		}
	}()
	if err := <-begun; err != nil {
		t.Fatalf("a second network namespace: %v", err)
	}
	t.Cleanup(func() { close(e.work) })
	return e
}

func (e *elsewhere) do(f func()) {
	done := make(chan struct{})
	e.work <- func() { f(); close(done) }
	<-done
}

// ip runs lines of ip(8) where it is called.
func ip(t *testing.T, lines string) {
	tool, err := ipTool()
	if err != nil {
		t.Error(err)
		return
	}
	for line := range strings.Lines(lines) {
		if args := strings.Fields(line); len(args) > 0 {
			if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
				t.Errorf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
			}
		}
	}
}

// judgeAddresses is the test in its namespace, where redisgate is 192.0.2.1 and
// 2001:db8::1.
func judgeAddresses(t *testing.T) {
	clients := newElsewhere(t)
	ip(t, `link set lo up
		link add gate type veth peer name client netns `+strconv.Itoa(clients.tid)+`
		addr add 192.0.2.1/24 dev gate
		addr add 2001:db8::1/32 dev gate nodad
		link set gate up
		route add 198.51.100.0/24 dev gate`)
	clients.do(func() {
		ip(t, `link set lo up
			link set client up
			addr add 192.0.2.10/24 dev client
			addr add 192.0.2.9/24 dev client
			addr add 192.0.2.66/24 dev client
			addr add 198.51.100.7/32 dev client
			addr add 198.51.100.8/32 dev client
			addr add 2001:db8:0:1::7/32 dev client nodad
			addr add 2001:db8:0:2::7/32 dev client nodad`)
	})
	if t.Failed() {
		t.FailNow()
	}
	var addrs [2]string
	var listeners [2]net.Listener
	for i, at := range []string{"192.0.2.1:0", "[2001:db8::1]:0"} {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		listeners[i], addrs[i] = l, l.Addr().String()
	}
	g, _ := gate(t, gatetest.Options{
		People: map[string]gatetest.Person{"app": {}, "near": {Allow: []string{"198.51.100.0/24", "2001:db8:0:1::/64", "192.0.2.77"}}},
		Users:  map[string]string{"app": "on >secret ~* &* +@all", "near": "on >secret ~* &* +@all"},
		Allow:  []string{"192.0.2.0/24", "198.51.100.7", "2001:db8:0:1::/64"}, Deny: []string{"192.0.2.66", "192.0.2.99"},
		Change: func(o *proxy.Options) {
			o.Listeners = append(o.Listeners, listeners[:]...)
			o.BalancerTimeout = 5 * time.Second
			var err error
			if o.Balancers, err = policy.ParseNetworks([]string{"192.0.2.9"}); err != nil {
				t.Fatal(err)
			}
		},
	})
	const v1 = "PROXY TCP4 %s 192.0.2.1 4000 6380\r\n"
	for _, c := range []struct {
		source, header string
		in             bool
		near           bool   // the user who has addresses may log in
		seen           string // "" for source
	}{
		{source: "192.0.2.10", in: true},
		{source: "192.0.2.66"},
		{source: "198.51.100.7", in: true, near: true},
		{source: "198.51.100.8"},
		{source: "2001:db8:0:1::7", in: true, near: true},
		{source: "2001:db8:0:2::7"},
		{source: "192.0.2.9"}, // the balancer, without a header
		{source: "192.0.2.9", header: fmt.Sprintf(v1, "192.0.2.77"), in: true, near: true, seen: "192.0.2.77"},
		{source: "192.0.2.9", header: fmt.Sprintf(v1, "192.0.2.78"), in: true, seen: "192.0.2.78"},
		{source: "192.0.2.9", header: fmt.Sprintf(v1, "192.0.2.99")},
		{source: "192.0.2.9", header: fmt.Sprintf(v1, "203.0.113.1")},
		{source: "192.0.2.9", header: "PROXY TCP4 192.0.2.77\r\n"},
		{source: "192.0.2.10", header: fmt.Sprintf(v1, "198.51.100.7")}, // forged
	} {
		t.Run(strings.TrimSpace(c.source+" "+c.header), func(t *testing.T) {
			to := addrs[0]
			if netip.MustParseAddr(c.source).Is6() {
				to = addrs[1]
			}
			var nc net.Conn
			var err error
			clients.do(func() {
				d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.source), 0)), Timeout: 10 * time.Second}
				nc, err = d.Dial("tcp", to)
			})
			if err != nil {
				t.Fatalf("connecting from %s to %s: %v", c.source, to, err)
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(20 * time.Second))
			say(nc, c.header)
			if !c.in {
				refused(t, g, nc)
				return
			}
			w := secure(t, g, nc)
			if c.near {
				w.do("+OK\r\n", "AUTH", "near", "secret")
			} else {
				w.do("-WRONGPASS invalid username-password pair or user is disabled.\r\n", "AUTH", "near", "secret")
			}
			w.login()
			seen, err := netip.ParseAddrPort(w.field("addr"))
			if want := c.seen; err != nil || seen.Addr().String() != want && (want != "" || seen.Addr().String() != c.source) {
				t.Errorf("CLIENT INFO says %s, %v; want %s", seen, err, c.source+want)
			}
		})
	}
}
