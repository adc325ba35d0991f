package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"redisgate/resp"
)

// target is one way for a client to Redis, running.
type target struct {
	name           string
	network, addr  string      // "tcp" and "127.0.0.1:port", or "unix" and a path
	tls            *tls.Config // nil: plain
	user, password string      // empty: no AUTH
	proxy          int         // process; 0: clients talk to Redis itself
	redis          int         // process
	cafile         string
}

// dialTimeout bounds a dial with handshake and log-in.
const dialTimeout = 10 * time.Second

// dial connects with a config, nil for a plain target, and does not log in.
func (t *target) dial(ctx context.Context, conf *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	nc, err := new(net.Dialer).DialContext(ctx, t.network, t.addr)
	if err != nil {
		return nil, err
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		// A reset leaves no port in TIME_WAIT, of which there are too few.
		_ = tcp.SetLinger(0)
	}
	if conf == nil {
		return nc, nil
	}
	tc := tls.Client(nc, conf)
	if err := tc.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return tc, nil
}

// login sends AUTH, if the target has users, and a PING, and reads the replies.
func (t *target) login(nc net.Conn, user string) error {
	if err := nc.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return err
	}
	var out []byte
	want := ""
	if t.user != "" {
		out = resp.AppendCommand(out, "AUTH", user, t.password)
		want = "+OK\r\n"
	}
	out = resp.AppendCommand(out, "PING")
	want += "+PONG\r\n"
	if _, err := nc.Write(out); err != nil {
		return err
	}
	got := make([]byte, len(want))
	if n, err := io.ReadFull(nc, got); err != nil || string(got) != want {
		return fmt.Errorf("after the log-in: %q, %w", got[:n], unexpected(err))
	}
	return nc.SetDeadline(time.Time{})
}

var errUnexpected = errors.New("which is not what was expected")

// unexpected is err, or what is wrong if there was a reply.
func unexpected(err error) error {
	if err == nil {
		return errUnexpected
	}
	return err
}

// check looks whether the target is what it shall be: the version and the suite of
// its TLS, the bed's certificate, and an answer of Redis.
func (t *target) check(ctx context.Context) error {
	nc, err := t.dial(ctx, t.tls)
	if err != nil {
		return err
	}
	defer nc.Close()
	if tc, ok := nc.(*tls.Conn); ok {
		s := tc.ConnectionState()
		if s.Version != tls.VersionTLS13 || s.CipherSuite != suite {
			return fmt.Errorf("it speaks %s with %s; want TLS 1.3 with %s", tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite), suiteName)
		}
	}
	if err := t.login(nc, t.user); err != nil {
		return err
	}
	if _, err := nc.Write(resp.AppendCommand(nil, "EXISTS", "key:probe")); err != nil {
		return err
	}
	_ = nc.SetDeadline(time.Now().Add(dialTimeout))
	line, err := bufio.NewReader(nc).ReadString('\n')
	if err != nil || line != ":0\r\n" && line != ":1\r\n" {
		return fmt.Errorf("EXISTS = %q, %w", line, unexpected(err))
	}
	return nil
}
