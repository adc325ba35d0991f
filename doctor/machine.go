package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// patience is how long a machine has to answer at an address of its own.
const patience = 2 * time.Second

// machine looks at what of Redis can be seen from the machine that it runs on.
func (s *sight) machine(info map[string]string) {
	if !s.g.Local {
		s.f.Unseen = append(s.f.Unseen, Unseen{"who reaches Redis, and as whom it runs", "it is on another machine; run doctor there"})
		return
	}
	addresses, err := others()
	if err != nil {
		s.unseen("whether Redis is reached at other addresses", err)
	}
	s.f.Reached = reached(s.ctx, addresses, s.ports(info))
	s.root(info["process_id"])
	s.files(info["config_file"])
}

// port is one that Redis listens at.
type port struct {
	number uint16
	tls    bool
}

// ports are those that Redis, or else the configuration, says.
func (s *sight) ports(info map[string]string) []port {
	out := []port{{s.g.TCPPort, false}}
	for text, tls := range map[string]bool{info["tcp_port"]: false, s.f.Settings["port"]: false, s.f.Settings["tls-port"]: true} {
		n, _ := strconv.ParseUint(text, 10, 16)
		out = append(out, port{uint16(n), tls})
	}
	slices.SortFunc(out, func(a, b port) int { return int(a.number) - int(b.number) })
	return slices.DeleteFunc(slices.Compact(out), func(p port) bool { return p.number == 0 })
}

// others are the addresses of this machine that are not loopback.
func others() ([]netip.Addr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var out []netip.Addr
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		for _, a := range addresses {
			p, err := netip.ParsePrefix(a.String())
			if err != nil || p.Addr().IsLoopback() {
				continue
			}
			addr := p.Addr()
			if addr.IsLinkLocalUnicast() && addr.Is6() {
				addr = addr.WithZone(i.Name)
			}
			out = append(out, addr)
		}
	}
	return out, nil
}

// reached tries Redis's ports at addresses.
func reached(ctx context.Context, addresses []netip.Addr, ports []port) []Reach {
	var mu sync.Mutex
	var out []Reach
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for _, a := range addresses {
		for _, p := range ports {
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				at := netip.AddrPortFrom(a, p.number).String()
				if answer := knock(ctx, at, p.tls); answer != "" {
					mu.Lock()
					defer mu.Unlock()
					out = append(out, Reach{at, answer})
				}
			})
		}
	}
	wg.Wait()
	slices.SortFunc(out, func(a, b Reach) int { return strings.Compare(a.Address, b.Address) })
	return out
}

// knock says what a stranger hears at an address, or "" if that is not Redis.
func knock(ctx context.Context, at string, tls bool) Answer {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", at)
	if err != nil {
		return ""
	}
	defer nc.Close()
	if tls {
		return AnswersTLS // nobody else can have the port at this address
	}
	deadline, _ := ctx.Deadline()
	if err := nc.SetDeadline(deadline); err != nil {
		return ""
	}
	// One command and not a byte more: what listens may be another program.
	if _, err := nc.Write([]byte("PING\r\n")); err != nil {
		return ""
	}
	line := make([]byte, 0, 512)
	for len(line) < cap(line) && !strings.Contains(string(line), "\n") {
		n, err := nc.Read(line[len(line):cap(line)])
		if line = line[:len(line)+n]; err != nil {
			break
		}
	}
	switch text := string(line); {
	case strings.HasPrefix(text, "-NOAUTH"):
		return AnswersPassword
	case strings.HasPrefix(text, "-DENIED"):
		return AnswersProtected
	case strings.HasPrefix(text, "+PONG"), strings.HasPrefix(text, "-NOPERM"), strings.HasPrefix(text, "-LOADING"), strings.HasPrefix(text, "-MISCONF"):
		return AnswersAll
	}
	return ""
}

// root looks at the process, if it is one of this machine's that can be seen.
func (s *sight) root(pid string) {
	const what = "whether Redis runs as root"
	if pid == "" {
		return // INFO was not shown, which is said
	}
	if runtime.GOOS != "linux" {
		s.unseen(what, errors.New("this system has no /proc"))
		return
	}
	if _, err := strconv.ParseUint(pid, 10, 31); err != nil {
		s.unseen(what, fmt.Errorf("process number %q", pid))
		return
	}
	text, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
	if err != nil {
		s.unseen(what, fmt.Errorf("process %s is not to be seen here, as if it ran in a container", pid))
		return
	}
	name, uid := "", ""
	for line := range strings.Lines(string(text)) {
		field := strings.Fields(line)
		switch {
		case len(field) > 1 && field[0] == "Name:":
			name = field[1]
		case len(field) > 2 && field[0] == "Uid:": // real, effective, saved, file system (proc_pid_status(5))
			uid = field[2]
		}
	}
	if !strings.Contains(name, "redis") && !strings.Contains(name, "valkey") {
		s.unseen(what, fmt.Errorf("process %s here is no Redis: it may run in a container", pid))
		return
	}
	root := uid == "0"
	s.f.Root = &root
}

// files looks for what others of the machine can read or use.
func (s *sight) files(config string) {
	for _, f := range []struct {
		what, path string
		bits       os.FileMode
	}{
		{"Redis's configuration", config, 0o004},
		{"Redis's ACL file", s.f.Settings["aclfile"], 0o004},
		{"the socket", s.f.Settings["unixsocket"], 0o002},
	} {
		if !filepath.IsAbs(f.path) {
			continue // none, or nobody knows relative to what
		}
		info, err := os.Stat(f.path)
		if err != nil {
			s.unseen(f.what, err)
			continue
		}
		if info.Mode().Perm()&f.bits != 0 {
			s.f.Exposed = append(s.f.Exposed, File{f.what, f.path, uint32(info.Mode().Perm())})
		}
	}
}
