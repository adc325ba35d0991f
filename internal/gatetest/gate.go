// Package gatetest runs a whole redisgate inside a test: real sockets, real TLS,
// in front of a Redis that the test names. It is imported by tests and
// benchmarks only.
package gatetest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"redisgate/auth"
	"redisgate/policy"
	"redisgate/proxy"
	"redisgate/tlsconf"
	"redisgate/tlsfeed"
	"redisgate/upstream"
	"redisgate/users"
)

// Options says what gate to run. Upstream is needed; the rest has defaults.
type Options struct {
	Upstream   string            // "host:port", or the path of a unix socket
	Password   string            // for Redis
	Username   string            // for Redis
	Users      map[string]string // name to ACL rules; default: app, which may do everything, password "secret"
	Databases  map[string][]int
	People     map[string]Person // more of the users; Databases is not looked at then
	Allow      []string          // default: loopback
	Deny       []string
	Workers    int // default 1
	ClientAuth tls.ClientAuthType
	Change     func(*proxy.Options) // last word on the options
}

// Gate is a running redisgate.
type Gate struct {
	TCP    string // "127.0.0.1:port", TLS
	Unix   string // path of a plain listener
	CAFile string
	Server *proxy.Server
	Store  *users.Store
	CA     *tlsconf.Authority
	cancel context.CancelFunc
	done   chan error
}

// Start runs a gate until the end of the test.
func Start(t testing.TB, o Options) *Gate {
	t.Helper()
	g := &Gate{done: make(chan error, 1)}
	if o.Users == nil {
		o.Users = map[string]string{"app": "on >secret ~* &* +@all"}
	}
	if o.People != nil {
		g.Store = users.NewStore(BuildPeople(t, o.Users, o.People))
	} else {
		g.Store = users.NewStore(BuildUsers(t, o.Users, o.Databases))
	}

	dir := t.TempDir()
	now := time.Now()
	ca, err := tlsconf.NewAuthority("redisgate test CA", now, time.Hour)
	must(t, err)
	g.CA = ca
	server, err := ca.Server(nil, now, time.Hour)
	must(t, err)
	g.CAFile = filepath.Join(dir, "ca.crt")
	must(t, os.WriteFile(g.CAFile, ca.CertPEM(), 0o600))
	material := tlsconf.Material{Pairs: []tls.Certificate{server.Pair()}, MinVersion: tls.VersionTLS12}
	if o.ClientAuth != tls.NoClientCert {
		material.ClientAuth, material.Clients = o.ClientAuth, tlsconf.NewTrust([]*x509.Certificate{ca.Certificate}, nil)
	}
	conf, err := tlsconf.New(material)
	must(t, err)

	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	g.Unix = filepath.Join(dir, "gate.sock")
	sock, err := net.Listen("unix", g.Unix)
	must(t, err)
	g.TCP = tcp.Addr().String()

	dialer := &upstream.Dialer{Network: "unix", Address: o.Upstream, Username: o.Username, Timeout: 2 * time.Second}
	if !strings.HasPrefix(o.Upstream, "/") {
		dialer.Network = "tcp"
	}
	if o.Password != "" {
		dialer.Password = func() (string, error) { return o.Password, nil }
	}
	if o.Allow == nil {
		o.Allow = []string{"127.0.0.0/8", "::1/128"}
	}
	allow, err := policy.ParseNetworks(o.Allow)
	must(t, err)
	deny, err := policy.ParseNetworks(o.Deny)
	must(t, err)
	workers := max(1, o.Workers)
	const slots = 2
	options := proxy.Options{
		Settings: proxy.Settings{
			TLS: fixed{conf, material.Clients}, Allow: allow, Deny: deny, Dialer: dialer, Limits: Limits(),
			MaxConnections: 20000, MaxShared: 64, MaxDedicated: 4096, MaxDedicatedPerUser: 4096,
			HandshakeTimeout: 10 * time.Second, ProveTimeout: 10 * time.Second, FailFloor: time.Millisecond, DrainTimeout: 5 * time.Second,
		},
		Listeners: []net.Listener{tcp, sock}, Slots: tlsfeed.NewSlots(slots), Users: g.Store, Throttle: auth.NewThrottle(auth.ThrottleOptions{}),
		Control: upstream.NewControl(dialer), Log: slog.New(slog.NewTextHandler(logWriter{t}, nil)), Workers: workers,
	}
	if o.Change != nil {
		o.Change(&options)
	}
	old := runtime.GOMAXPROCS(0)
	if n := workers + slots + 1; n > old {
		runtime.GOMAXPROCS(n)
		t.Cleanup(func() { runtime.GOMAXPROCS(old) })
	}
	g.Server, err = proxy.New(options)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel = cancel
	go options.Control.Watch(ctx, 100*time.Millisecond, func(bool, error) {})
	go func() { g.done <- g.Server.Run(ctx, context.Background()) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-g.done:
			if err != nil {
				t.Errorf("Run() = %v", err)
			}
		case <-time.After(15 * time.Second):
			t.Error("the gate does not stop")
		}
	})
	return g
}

// fixed is TLS that does not change.
type fixed struct {
	conf  *tls.Config
	trust *tlsconf.Trust
}

func (f fixed) Config() *tls.Config { return f.conf }

func (f fixed) Judge(chains [][]*x509.Certificate, now time.Time) error {
	if len(chains) == 0 {
		return nil // the handshake has judged that
	}
	return f.trust.Judge(chains, now)
}

// Limits are the limits that gates of tests have, those of the default configuration.
func Limits() proxy.Limits {
	return proxy.Limits{
		CommandBytes: 1 << 30, ArgumentBytes: 512 << 20, BufferedBytes: 16 << 20, Arguments: 1 << 20,
		OutputBytes: 8 << 20, OutputTimeout: 60 * time.Second, Memory: 256 << 20,
		AuthTimeout: 10 * time.Second, RequestTimeout: 60 * time.Second,
	}
}

// Drain tells the gate to end, as SIGTERM does, and does not wait.
func (g *Gate) Drain() { g.cancel() }

// Wait waits for the gate to end.
func (g *Gate) Wait() error {
	err := <-g.done
	g.done <- err
	return err
}

// TLS returns a client's configuration that trusts the gate.
func (g *Gate) TLS() *tls.Config { return &tls.Config{RootCAs: g.CA.Pool(), ServerName: "localhost"} }

// Dial connects over TLS.
func (g *Gate) Dial(t testing.TB) net.Conn {
	t.Helper()
	nc, err := tls.Dial("tcp", g.TCP, g.TLS())
	must(t, err)
	t.Cleanup(func() { nc.Close() })
	return nc
}

// DialPlain connects over the unix socket.
func (g *Gate) DialPlain(t testing.TB) net.Conn {
	t.Helper()
	nc, err := net.Dial("unix", g.Unix)
	must(t, err)
	t.Cleanup(func() { nc.Close() })
	return nc
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
