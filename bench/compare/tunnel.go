package main

import (
	"context"
	"fmt"
)

// tunnel starts a program that ends TLS at a port of its own. args get the port
// and return the command line's.
func (b *bed) tunnel(ctx context.Context, args func(addr string) ([]string, error), programs ...string) (*target, error) {
	program, err := find(programs...)
	if err != nil {
		return nil, err
	}
	port, err := b.port()
	if err != nil {
		return nil, err
	}
	line, err := args(port.Addr())
	if err != nil {
		return nil, err
	}
	t := b.overTLS(port.Addr(), 0)
	s, err := startServer(ctx, func() error { return t.check(ctx) }, program, line...)
	if err != nil {
		return nil, err
	}
	b.later(s.stop)
	t.proxy = s.pid()
	return t, nil
}

func startStunnel(ctx context.Context, b *bed) (*target, error) {
	return b.tunnel(ctx, func(addr string) ([]string, error) {
		path, err := b.write("stunnel.conf", fmt.Sprintf(`foreground = yes
pid =
debug = err
[redis]
accept = %s
connect = %s
cert = %s
key = %s
sslVersionMin = TLSv1.3
ciphersuites = %s
TIMEOUTidle = 86400
`, addr, b.tcp.Addr(), b.certificate.CertFile, b.certificate.KeyFile, suiteName))
		return []string{path}, err
	}, "stunnel4", "stunnel")
}

func startHAProxy(ctx context.Context, b *bed) (*target, error) {
	return b.tunnel(ctx, func(addr string) ([]string, error) {
		pair, err := b.pair()
		if err != nil {
			return nil, err
		}
		path, err := b.write("haproxy.cfg", fmt.Sprintf(`global
    maxconn 9000
defaults
    mode tcp
    timeout connect 5s
    timeout client 24h
    timeout server 24h
listen redis
    bind %s ssl crt %s ssl-min-ver TLSv1.3 ciphersuites %s
    server redis %s
`, addr, pair, suiteName, b.tcp.Addr()))
		return []string{"-db", "-q", "-f", path}, err
	}, "haproxy")
}

func startGhostunnel(ctx context.Context, b *bed) (*target, error) {
	return b.tunnel(ctx, func(addr string) ([]string, error) {
		return []string{
			"server", "--listen", addr, "--target", b.tcp.Addr(), "--disable-authentication", "--quiet", "all",
			"--cert", b.certificate.CertFile, "--key", b.certificate.KeyFile,
		}, nil
	}, "ghostunnel")
}
