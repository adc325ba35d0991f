// Command subscribers measures what many subscribers of one channel cost: through
// redisgate, which has a connection to Redis for each, and directly with Redis's own
// TLS. It isolates fan-out: resident memory and CPU of both processes, and how long a
// message takes to reach everybody.
package main

import (
	"bufio"
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"redisgate/internal/child"
	"redisgate/internal/process"
	"redisgate/resp"
)

func main() {
	clients := flag.Int("clients", 5000, "how many subscribers")
	messages := flag.Int("messages", 50, "how many messages")
	flag.Parse()
	if err := run(*clients, *messages); err != nil {
		fmt.Fprintln(os.Stderr, "subscribers:", err)
		os.Exit(1)
	}
}

func run(clients, messages int) error {
	dir, err := os.MkdirTemp("", "redisgate-subscribers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := process.Build(dir)
	if err != nil {
		return err
	}
	redis := exec.Command("redis-server", "--port", "0", "--unixsocket", filepath.Join(dir, "redis.sock"), "--save", "", "--maxclients", "20000")
	if err := child.Start(redis); err != nil {
		return err
	}
	defer func() {
		redis.Process.Kill()
		redis.Wait()
	}()
	for i := 0; ; i++ {
		if nc, err := net.Dial("unix", filepath.Join(dir, "redis.sock")); err == nil {
			nc.Close()
			break
		} else if i == 500 {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	p, err := process.Start(process.Options{
		Binary: binary, Dir: dir, Redis: filepath.Join(dir, "redis.sock"), Rules: "~* &* +@all +config|set",
		Upstream: "max_dedicated = 15000\nmax_dedicated_per_user = 15000",
	})
	if err != nil {
		return err
	}
	defer p.Stop()
	port, err := ownTLS(p, dir)
	if err != nil {
		return err
	}
	fmt.Printf("%s, %s/%s, %d CPUs, %s\n", time.Now().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	fmt.Printf("%d subscribers of one channel, %d messages one after the other; memory is resident, for each subscriber\n\n", clients, messages)
	fmt.Print("| | PUBLISH says | KB in redisgate | KB in Redis | ms to reach all | ms of CPU a message, redisgate | Redis |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, way := range []struct{ name, addr string }{{"Redis's own TLS", port}, {"redisgate", p.Addr}} {
		if err := measure(way.name, way.addr, p, redis.Process.Pid, clients, messages); err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
	}
	return nil
}

// ownTLS has Redis listen with TLS too, with redisgate's certificate.
func ownTLS(p *process.Process, dir string) (addr string, err error) {
	c, err := dial(p, p.Addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	return addr, ask(c, "CONFIG", "SET", "tls-cert-file", filepath.Join(dir, "server.crt"), "tls-key-file", filepath.Join(dir, "server.key"),
		"tls-ca-cert-file", p.CAFile, "tls-auth-clients", "no", "tls-port", port)
}

func dial(p *process.Process, addr string) (net.Conn, error) {
	nc, err := tls.Dial("tcp", addr, p.TLS())
	if err == nil && addr == p.Addr {
		err = ask(nc, "AUTH", "app", process.Password)
	}
	return nc, err
}

func ask(nc net.Conn, words ...string) error {
	if _, err := nc.Write(resp.AppendCommand(nil, words...)); err != nil {
		return err
	}
	line, err := bufio.NewReaderSize(nc, 512).ReadString('\n')
	if err == nil && line[0] == '-' {
		err = fmt.Errorf("%s: %s", words[0], strings.TrimSpace(line))
	}
	return err
}

func measure(name, addr string, p *process.Process, redis, clients, messages int) error {
	beforeGate, beforeRedis := settled(p.Pid()), settled(redis)
	var got atomic.Int64
	var open []net.Conn
	defer func() {
		for _, nc := range open {
			nc.Close()
		}
		time.Sleep(time.Second)
	}()
	ready := make(chan error, clients)
	for range clients {
		nc, err := dial(p, addr)
		if err != nil {
			return err
		}
		open = append(open, nc)
		go listen(nc, ready, &got)
		if err := <-ready; err != nil {
			return err
		}
	}
	gate, own := settled(p.Pid())-beforeGate, settled(redis)-beforeRedis
	nc, err := dial(p, addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	r := bufio.NewReader(nc)
	counts := ""
	var took []time.Duration
	cpuGate, cpuRedis := used(p.Pid()), used(redis)
	for n := range messages {
		start := time.Now()
		if _, err := nc.Write(resp.AppendCommand(nil, "PUBLISH", "channel", "message")); err != nil {
			return err
		}
		if counts, err = r.ReadString('\n'); err != nil {
			return err
		}
		for want := int64((n + 1) * clients); got.Load() < want; {
			if time.Since(start) > time.Minute {
				return fmt.Errorf("a message has reached %d of %d", got.Load()-want+int64(clients), clients)
			}
			time.Sleep(100 * time.Microsecond)
		}
		took = append(took, time.Since(start))
	}
	cpuGate, cpuRedis = used(p.Pid())-cpuGate, used(redis)-cpuRedis
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	fmt.Printf("| %s | %s | %.1f | %.1f | %.1f | %.1f | %.1f |\n", name, strings.TrimSpace(counts), float64(gate)/float64(clients)/1024, float64(own)/float64(clients)/1024,
		ms(took[len(took)/2]), ms(cpuGate)/float64(messages), ms(cpuRedis)/float64(messages))
	return nil
}

// listen subscribes and counts messages.
func listen(nc net.Conn, ready chan<- error, got *atomic.Int64) {
	_, err := nc.Write(resp.AppendCommand(nil, "SUBSCRIBE", "channel"))
	r := bufio.NewReaderSize(nc, 256)
	for n := 0; err == nil; n++ {
		for range map[bool]int{true: 6, false: 7}[n == 0] { // lines of a confirmation, and of a message
			if _, err = r.ReadString('\n'); err != nil {
				break
			}
		}
		switch {
		case n == 0:
			ready <- err
		case err == nil:
			got.Add(1)
		}
	}
	if err != nil {
		select {
		case ready <- err:
		default:
		}
	}
}

func used(pid int) time.Duration {
	d, err := child.CPU(pid)
	if err != nil {
		panic(err) // the process has ended
	}
	return d
}

// settled waits until the resident memory has stopped to fall.
func settled(pid int) int64 {
	least := int64(1 << 62)
	for same := 0; same < 6; same++ {
		time.Sleep(500 * time.Millisecond)
		if n, err := child.Resident(pid); err == nil && n < least {
			least, same = n, 0
		}
	}
	return least
}
