package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/redis/go-redis/v9"

	"redisgate/internal/child"
	"redisgate/internal/process"
)

// suite is the one that all targets and all loads use, with TLS 1.3.
const (
	suite     = tls.TLS_AES_128_GCM_SHA256
	suiteName = "TLS_AES_128_GCM_SHA256"
)

// bed is what all targets stand on: one Redis, one certificate, and a binary of
// redisgate. There is one Redis for all, so that all have the same data and heap;
// only one target is under load at a time.
type bed struct {
	dir         string
	binary      string // redisgate, of this tree
	baseline    string // redisgate, another build; empty: none
	certificate *process.Certificate

	redis  *server
	tcp    *child.Port // Redis, plain
	tls    *child.Port // Redis's own TLS
	socket string      // Redis, plain
	admin  *redis.Client

	targets map[string]*target // those that were started
	undo    []func()           // in the order of starting
}

// newBed starts Redis and makes the rest. binary is redisgate, which is built if that
// is empty; baseline may be empty.
func newBed(ctx context.Context, binary, baseline string) (*bed, error) {
	dir, err := os.MkdirTemp("", "redisgate-compare-")
	if err != nil {
		return nil, err
	}
	b := &bed{dir: dir, binary: binary, baseline: baseline, socket: filepath.Join(dir, "redis.sock"), targets: map[string]*target{}}
	b.later(func() { _ = os.RemoveAll(dir) })
	if err := b.furnish(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bed) furnish(ctx context.Context) error {
	var err error
	if b.binary == "" {
		if b.binary, err = process.Build(b.dir); err != nil {
			return err
		}
	}
	if b.certificate, err = process.NewCertificate(b.dir); err != nil {
		return err
	}
	if b.tcp, err = b.port(); err != nil {
		return err
	}
	if b.tls, err = b.port(); err != nil {
		return err
	}
	program, err := find("redis-server")
	if err != nil {
		return err
	}
	// No retries: an admin's command that fails says that something is wrong.
	b.admin = redis.NewClient(&redis.Options{Network: "unix", Addr: b.socket, MaxRetries: -1})
	b.later(func() { _ = b.admin.Close() })
	ready := func() error { return b.admin.Ping(ctx).Err() }
	b.redis, err = startServer(ctx, ready, program,
		"--daemonize", "no", "--save", "", "--appendonly", "no", "--dir", b.dir, "--bind", "127.0.0.1",
		"--port", b.tcp.Number(), "--unixsocket", b.socket, "--unixsocketperm", "700", "--maxclients", "20000",
		"--tls-port", b.tls.Number(), "--tls-auth-clients", "no", "--tls-protocols", "TLSv1.3", "--tls-ciphersuites", suiteName,
		"--tls-cert-file", b.certificate.CertFile, "--tls-key-file", b.certificate.KeyFile, "--tls-ca-cert-file", b.certificate.CAFile)
	if err != nil {
		return err
	}
	b.later(b.redis.stop)
	return nil
}

// later notes what close has to do.
func (b *bed) later(f func()) { b.undo = append(b.undo, f) }

// close ends everything that was started, the last first.
func (b *bed) close() { b.clear(0) }

// furnished says how much stands, for clear.
func (b *bed) furnished() int { return len(b.undo) }

// clear ends all that was started since furnished returned n, targets among it.
func (b *bed) clear(n int) {
	for len(b.undo) > n {
		last := len(b.undo) - 1
		b.undo[last]()
		b.undo = b.undo[:last]
	}
}

// port holds a port until close.
func (b *bed) port() (*child.Port, error) {
	p, err := child.HoldPort()
	if err == nil {
		b.later(p.Release)
	}
	return p, err
}

// subdirectory makes one that is new.
func (b *bed) subdirectory() (string, error) { return os.MkdirTemp(b.dir, "") }

// write writes a file of the bed and returns its path.
func (b *bed) write(name, text string) (string, error) {
	path := filepath.Join(b.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// pair is the certificate with its key in one file, as HAProxy wants it.
func (b *bed) pair() (string, error) {
	cert, err1 := os.ReadFile(b.certificate.CertFile)
	key, err2 := os.ReadFile(b.certificate.KeyFile)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	return b.write("pair.pem", string(cert)+string(key))
}

// target starts a target, or returns it if it runs already.
func (b *bed) target(ctx context.Context, name string) (*target, error) {
	if t := b.targets[name]; t != nil {
		return t, nil
	}
	k := kindNamed(name)
	if k == nil {
		return nil, fmt.Errorf("no target is named %q", name)
	}
	t, err := k.start(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	t.name, t.redis = name, b.redis.pid()
	if err := t.check(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	b.targets[name] = t
	b.later(func() { delete(b.targets, name) })
	return t, nil
}

// all starts several targets.
func (b *bed) all(ctx context.Context, names []string) ([]*target, error) {
	var out []*target
	for _, name := range names {
		t, err := b.target(ctx, name)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// unfit tries the guests among the names and returns why some cannot be measured.
func (b *bed) unfit(ctx context.Context, names []string) map[string]error {
	out := map[string]error{}
	for _, name := range names {
		if k := kindNamed(name); k == nil || !k.guest {
			continue
		}
		stands := b.furnished()
		if _, err := b.target(ctx, name); err != nil {
			out[name] = err
		}
		b.clear(stands)
	}
	return out
}
