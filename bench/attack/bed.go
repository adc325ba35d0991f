package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"redisgate/internal/child"
	"redisgate/internal/process"
)

// bed is a Redis with a redisgate in front of it.
type bed struct {
	dir   string
	redis *exec.Cmd
	gate  *process.Process
}

// balancer is the address of whom redisgate believes PROXY headers.
const balancer = "127.0.0.9"

func start() (*bed, error) {
	dir, err := os.MkdirTemp("", "rgattack")
	if err != nil {
		return nil, err
	}
	b := &bed{dir: dir}
	if err := b.start(); err != nil {
		b.stop()
		return nil, err
	}
	return b, nil
}

func (b *bed) start() error {
	socket := filepath.Join(b.dir, "redis.sock")
	b.redis = exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", b.dir)
	if err := child.Start(b.redis); err != nil {
		b.redis = nil
		return fmt.Errorf("redis-server: %w; tools/deps.sh installs it", err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if nc, err := net.Dial("unix", socket); err == nil {
			nc.Close()
			break
		} else if time.Now().After(end) {
			return fmt.Errorf("redis-server does not come up: %w", err)
		}
	}
	binary, err := process.Build(b.dir)
	if err != nil {
		return err
	}
	b.gate, err = process.Start(process.Options{
		Binary: binary, Dir: b.dir, Redis: socket, Rules: "~* +@all",
		Listen: fmt.Sprintf("proxy_protocol_from = [%q]", balancer),
		Extra:  "[network]\nallow = [\"127.0.0.0/8\"]\n",
	})
	return err
}

func (b *bed) stop() {
	if b.gate != nil {
		_ = b.gate.Stop()
	}
	if b.redis != nil {
		_ = b.redis.Process.Kill()
		_ = b.redis.Wait()
	}
	_ = os.RemoveAll(b.dir)
}

// settle waits until there are good clients alone.
func (b *bed) settle(ctx context.Context, clients int) error {
	for end := time.Now().Add(patience); ; {
		n, err := b.gate.Metric("redisgate_connections")
		if err != nil {
			return err
		}
		if int(n) == clients {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("there are %.0f connections; want the %d good ones alone", n, clients)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// running is an attacker's process.
type running struct {
	cmd *exec.Cmd
	in  io.WriteCloser // that it reads the end of
	out *bufio.Reader
	at  time.Time
}

// The environment makes this program an attacker.
const (
	envAttack = "REDISGATE_ATTACK"
	envAddr   = "REDISGATE_ATTACK_ADDR"
	envScale  = "REDISGATE_ATTACK_SCALE"
)

// attack starts an attacker, and returns when it has begun.
func (b *bed) attack(ctx context.Context, name string, scale float64) (*running, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), envAttack+"="+name, envAddr+"="+b.gate.Addr, envScale+"="+strconv.FormatFloat(scale, 'g', -1, 64))
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if err := child.Start(cmd); err != nil {
		return nil, err
	}
	a := &running{cmd, in, bufio.NewReader(out), time.Now()}
	if line, err := a.out.ReadString('\n'); err != nil || line != "begun\n" {
		_ = cmd.Process.Kill()
		return nil, errors.Join(fmt.Errorf("the attacker says %q: %w", line, err), cmd.Wait())
	}
	return a, nil
}

// end stops the attacker and returns how much it has done, and how much of a processor it
// has taken for that.
func (a *running) end() (done int, cpu float64, err error) {
	a.in.Close()
	line, err := a.out.ReadString('\n')
	if err := errors.Join(err, a.cmd.Wait()); err != nil {
		return 0, 0, fmt.Errorf("the attacker: %w", err)
	}
	cpu = (a.cmd.ProcessState.UserTime() + a.cmd.ProcessState.SystemTime()).Seconds() / time.Since(a.at).Seconds()
	done, err = strconv.Atoi(strings.TrimSpace(line))
	return done, cpu, err
}

func dialFrom(address, to string) (net.Conn, error) {
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return d.Dial("tcp", to)
}
