package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"redisgate/resp"
	"redisgate/tlsfeed"
)

// Dialer makes connections to Redis that are ready for commands. Its methods
// block and may run on any goroutine.
type Dialer struct {
	// Network is "tcp" or "unix", Address "host:port" or a path.
	Network, Address string
	Username         string
	// Password is asked at every dial, so that a changed file is noticed. nil or
	// an empty answer means no AUTH.
	Password func() (string, error)
	// Timeout bounds one dial, AUTH and SELECT included.
	Timeout time.Duration
	// Remote permits addresses that are not loopback.
	Remote bool
	// TLS gives what a connection that begins now is made with; nil means no TLS. It is
	// for tcp only.
	TLS func() *tls.Config

	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error) // nil: the system's
}

// RefusedError is Redis's own answer to AUTH, SELECT or HELLO on a new connection.
type RefusedError struct {
	Command string // "AUTH", "SELECT" or "HELLO"
	Text    string // the error line without '-' and CRLF
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("Redis refused %s: %s", e.Command, e.Text)
}

// maxGreeting bounds the reply to AUTH, SELECT or HELLO: HELLO lists the loaded modules.
const maxGreeting = 64 << 10

// maxSilence is for how long a Redis elsewhere may leave unacknowledged what it is sent, or
// not take it.
const maxSilence = time.Minute

// Dial connects, authenticates, and selects k's database and protocol, in that
// order: a SELECT before AUTH fails without a word and leaves database 0.
func (d *Dialer) Dial(ctx context.Context, k Key) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	nc, err := d.DialRaw(ctx)
	if err != nil {
		return nil, err
	}
	if d.TLS != nil {
		// The variable is not assigned: a nil *Dialed in it would be no nil.
		secure, err := tlsfeed.Client(ctx, nc, d.TLS())
		if err != nil {
			return nil, fmt.Errorf("TLS to Redis: %w", err)
		}
		nc = secure
	}
	if err := d.greet(ctx, nc, k); err != nil {
		nc.Close()
		return nil, err
	}
	return nc, nil
}

// DialRaw only connects, without TLS. The address is checked after resolution, every time: a
// name that was loopback once need not be so now.
func (d *Dialer) DialRaw(ctx context.Context) (net.Conn, error) {
	var nd net.Dialer
	if d.Network == "unix" {
		return nd.DialContext(ctx, "unix", d.Address)
	}
	host, port, err := net.SplitHostPort(d.Address)
	if err != nil {
		return nil, err
	}
	lookup := d.lookup
	if lookup == nil {
		lookup = net.DefaultResolver.LookupNetIP
	}
	addrs, err := lookup(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	if !d.Remote {
		if err := onlyLoopback(host, addrs); err != nil {
			return nil, err
		}
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("%q has no address", host)
	}
	if d.Remote {
		nd.Control = boundSilence
	}
	var failed error
	for _, a := range addrs {
		nc, err := nd.DialContext(ctx, "tcp", net.JoinHostPort(a.Unmap().String(), port))
		if err == nil {
			return nc, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

func onlyLoopback(host string, addrs []netip.Addr) error {
	for _, a := range addrs {
		if !a.Unmap().IsLoopback() {
			return fmt.Errorf("%q is %s, which is not loopback, and upstream.unsafe_remote is not set", host, a)
		}
	}
	return nil
}

func (d *Dialer) greet(ctx context.Context, nc net.Conn, k Key) error {
	deadline, _ := ctx.Deadline()
	if err := nc.SetDeadline(deadline); err != nil {
		return err
	}
	r := bufio.NewReaderSize(nc, 4096)
	if d.Password != nil {
		pw, err := d.Password()
		if err != nil {
			return fmt.Errorf("reading the upstream password: %w", err)
		}
		if pw != "" || d.Username != "" {
			args := []string{"AUTH", pw}
			if d.Username != "" {
				args = []string{"AUTH", d.Username, pw}
			}
			if err := ask(nc, r, args...); err != nil {
				return err
			}
		}
	}
	if k.Proto == 3 {
		if err := ask(nc, r, "HELLO", "3"); err != nil {
			return err
		}
	}
	if k.DB != 0 {
		if err := ask(nc, r, "SELECT", strconv.Itoa(k.DB)); err != nil {
			return err
		}
	}
	if d.Password == nil && k == (Key{Proto: 2}) {
		// Nothing was asked yet, so a Redis that wants a password, or takes no more
		// clients, would be found out by somebody's command.
		var refused *RefusedError
		if err := ask(nc, r, "PING"); err != nil && !(errors.As(err, &refused) && passing(refused.Text)) {
			return err
		}
	}
	if r.Buffered() != 0 {
		return errors.New("Redis sent more than it was asked for")
	}
	return nc.SetDeadline(time.Time{})
}

// passing says that Redis refuses commands for the time being only, which is for
// clients to hear from their own.
func passing(text string) bool {
	code, _, _ := strings.Cut(text, " ")
	switch code {
	case "LOADING", "BUSY", "MASTERDOWN", "MISCONF":
		return true
	}
	return false
}

// ask sends one command and reads its whole reply, which must not be an error.
func ask(w io.Writer, r *bufio.Reader, args ...string) error {
	if _, err := w.Write(resp.AppendCommand(nil, args...)); err != nil {
		return err
	}
	var f resp.Framer
	var line []byte
	for size := 0; ; {
		if _, err := r.Peek(1); err != nil {
			return fmt.Errorf("waiting for the reply to %s: %w", args[0], err)
		}
		p, _ := r.Peek(r.Buffered())
		n, end, err := f.Next(p)
		if err != nil {
			return err
		}
		if f.Kind() == '-' && len(line)+n < 1024 {
			line = append(line, p[:n]...)
		}
		if _, err := r.Discard(n); err != nil {
			return err
		}
		if size += n; size > maxGreeting {
			return fmt.Errorf("the reply to %s is too long", args[0])
		}
		if !end {
			continue
		}
		if f.Kind() == '-' {
			return &RefusedError{Command: args[0], Text: strings.TrimSpace(strings.TrimPrefix(string(line), "-"))}
		}
		return nil
	}
}
