package main

import (
	"context"
	"crypto/tls"
	"os/exec"
)

// kind is a sort of target that can be started.
type kind struct {
	name  string
	about string
	start func(context.Context, *bed) (*target, error)
	// here says whether a kind that may be missing can be had; nil: it must be.
	here func(baseline string) bool
	// guest is one of which nothing is known but its name: it is left out if it does
	// not start.
	guest bool
}

// Names of targets that others are compared with.
const (
	plainRedis = "redis"
	tlsRedis   = "redis-tls"
	haproxy    = "haproxy"
	openGate   = "redisgate-open"
	baseGate   = "redisgate-base"
	gateName   = "redisgate"
)

// kinds are all targets, in the order of the tables.
func kinds() []kind {
	return []kind{
		{name: plainRedis, about: "Redis, plain, TCP", start: startRedis},
		{name: "redis-unix", about: "Redis, plain, unix socket", start: startRedisUnix},
		{name: tlsRedis, about: "Redis's own TLS", start: startRedisTLS},
		{name: "stunnel", about: "stunnel, Redis over TCP", start: startStunnel},
		{name: haproxy, about: "HAProxy, `mode tcp`, Redis over TCP", start: startHAProxy},
		{name: "ghostunnel", about: "ghostunnel, Redis over TCP", start: startGhostunnel, here: onPath("ghostunnel"), guest: true},
		{name: "envoy", about: "Envoy, `tcp_proxy`, Redis over TCP", start: startEnvoy, here: onPath("envoy"), guest: true},
		{name: gateName, about: "redisgate, 1 worker, Redis over TCP", start: gate{workers: 1}.start},
		{name: "redisgate-unix", about: "redisgate, 1 worker, Redis over a unix socket", start: gate{workers: 1, unix: true}.start},
		{name: "redisgate-2", about: "redisgate, 2 workers, Redis over TCP", start: gate{workers: 2}.start},
		{name: "redisgate-2-unix", about: "redisgate, 2 workers, Redis over a unix socket", start: gate{workers: 2, unix: true}.start},
		{name: openGate, about: "redisgate, 1 worker, Redis over TCP, a user who may do everything, no metrics", start: gate{workers: 1, open: true}.start},
		{name: baseGate, about: "another build of redisgate, 1 worker, Redis over TCP", start: gate{workers: 1, baseline: true}.start, here: func(baseline string) bool { return baseline != "" }},
		{name: baseGate + "-unix", about: "another build of redisgate, 1 worker, Redis over a unix socket", start: gate{workers: 1, baseline: true, unix: true}.start, here: func(baseline string) bool { return baseline != "" }},
	}
}

func kindNamed(name string) *kind {
	for _, k := range kinds() {
		if k.name == name {
			return &k
		}
	}
	return nil
}

func onPath(program string) func(string) bool {
	return func(string) bool {
		_, err := exec.LookPath(program)
		return err == nil
	}
}

// overTLS is a target at that address with the bed's certificate.
func (b *bed) overTLS(addr string, proxy int) *target {
	return &target{
		network: "tcp", addr: addr, proxy: proxy, cafile: b.certificate.CAFile,
		tls: &tls.Config{
			RootCAs: b.certificate.CA.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS13,
			CurvePreferences: []tls.CurveID{tls.X25519}, // OpenSSL's first choice
		},
	}
}

func startRedis(_ context.Context, b *bed) (*target, error) {
	return &target{network: "tcp", addr: b.tcp.Addr()}, nil
}

func startRedisUnix(_ context.Context, b *bed) (*target, error) {
	return &target{network: "unix", addr: b.socket}, nil
}

func startRedisTLS(_ context.Context, b *bed) (*target, error) {
	return b.overTLS(b.tls.Addr(), 0), nil
}
