// Command idle measures what idle TLS clients cost redisgate in resident memory:
// with a classical hello and with ML-KEM, with a client certificate, and after a
// record of 16 KB. It builds redisgate, runs one process for each kind and prints
// a table. It isolates memory: nothing is timed.
package main

import (
	"bufio"
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"

	"redisgate/internal/process"
	"redisgate/resp"
)

// kind is a sort of client.
type kind struct {
	name   string
	curves []tls.CurveID
	cert   bool // presents a certificate
	record int  // size of the largest request it has sent
}

var kinds = []kind{
	{name: "classical hello (X25519)", curves: []tls.CurveID{tls.X25519}},
	{name: "ML-KEM hello (X25519MLKEM768)", curves: []tls.CurveID{tls.X25519MLKEM768}},
	{name: "classical, client certificate", curves: []tls.CurveID{tls.X25519}, cert: true},
	{name: "classical, after a 16 KB record", curves: []tls.CurveID{tls.X25519}, record: 16 << 10},
}

func main() {
	clients := flag.Int("clients", 5000, "how many clients of each kind")
	flag.Parse()
	if err := run(*clients); err != nil {
		fmt.Fprintln(os.Stderr, "idle:", err)
		os.Exit(1)
	}
}

func run(clients int) error {
	dir, err := os.MkdirTemp("", "redisgate-idle-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := process.Build(dir)
	if err != nil {
		return err
	}
	redis, err := miniredis.Run()
	if err != nil {
		return err
	}
	defer redis.Close()
	fmt.Printf("%s, %s/%s, %d CPUs, %s\n", time.Now().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	fmt.Printf("%d idle clients, TLS 1.3, resident bytes of redisgate for each\n\n", clients)
	fmt.Printf("| clients | KB each |\n| --- | --- |\n")
	for _, k := range kinds {
		each, err := measure(binary, redis.Addr(), k, clients)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		fmt.Printf("| %s | %.1f |\n", k.name, each/1024)
	}
	return nil
}

// measure returns the resident bytes that each client has added.
func measure(binary, redis string, k kind, clients int) (float64, error) {
	dir, err := os.MkdirTemp("", "redisgate-idle-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	o := process.Options{Binary: binary, Dir: dir, Redis: redis, Rules: "~* &* +@all"}
	if k.cert {
		o.TLS = "client_ca = \"ca.crt\"\nclient_auth = \"require\""
	}
	p, err := process.Start(o)
	if err != nil {
		return 0, err
	}
	defer p.Stop()
	conf := p.TLS()
	conf.CurvePreferences = k.curves
	if k.cert {
		cert, err := p.CA.Client("client", time.Now(), time.Hour)
		if err != nil {
			return 0, err
		}
		conf.Certificates = []tls.Certificate{cert.Pair()}
	}
	var open []net.Conn
	defer func() {
		for _, nc := range open {
			nc.Close()
		}
	}()
	connect := func(n int) error {
		for range n {
			nc, err := tls.Dial("tcp", p.Addr, conf)
			if err != nil {
				return err
			}
			open = append(open, nc)
			if err := use(nc, k.record); err != nil {
				return err
			}
		}
		return nil
	}
	if err := connect(200); err != nil { // what the first clients cost is not theirs
		return 0, err
	}
	before, err := settled(p)
	if err != nil {
		return 0, err
	}
	if err := connect(clients); err != nil {
		return 0, err
	}
	after, err := settled(p)
	return float64(after-before) / float64(clients), err
}

// use logs in, and sends a value of that size.
func use(nc net.Conn, size int) error {
	r := bufio.NewReaderSize(nc, 512)
	commands := [][]string{{"AUTH", "app", process.Password}, {"PING"}}
	if size > 0 {
		commands = append(commands, []string{"SET", "key", strings.Repeat("v", size)})
	}
	for _, c := range commands {
		if _, err := nc.Write(resp.AppendCommand(nil, c...)); err != nil {
			return err
		}
		if line, err := r.ReadString('\n'); err != nil || line[0] != '+' {
			return fmt.Errorf("%s: %q, %v", c[0], line, err)
		}
	}
	return nil
}

// settled waits until the resident memory has stopped to fall.
func settled(p *process.Process) (int64, error) {
	least := int64(1 << 62)
	for same := 0; same < 8; same++ {
		time.Sleep(500 * time.Millisecond)
		n, err := p.Resident()
		if err != nil {
			return 0, err
		}
		if n < least {
			least, same = n, 0
		}
	}
	return least, nil
}
