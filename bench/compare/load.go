package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"redisgate/resp"
)

// generate is a load of our own, for what redis-benchmark cannot do: nine GETs to a
// SET on the same connection. All clients connect and log in before the clock
// starts; then each sends a pipeline, reads the replies and sends the next.
func generate(ctx context.Context, t *target, s scenario, n int) (outcome, error) {
	clients, err := connect(ctx, t, s.clients, nil)
	if err != nil {
		return outcome{}, err
	}
	defer clients.close()
	rounds := (n + s.clients*s.pipeline - 1) / (s.clients * s.pipeline)
	cpu := ownCPU()
	began := time.Now()
	err = clients.each(ctx, func(i int, c *client) error {
		for r := range rounds {
			if err := c.exchange(s, i*rounds+r); err != nil {
				return err
			}
		}
		return nil
	})
	took := time.Since(began)
	if err != nil {
		return outcome{}, err
	}
	o := outcome{rate: float64(rounds*s.clients*s.pipeline) / took.Seconds(), cpu: ownCPU() - cpu}
	o.p50, o.p99 = clients.latencies()
	return o, nil
}

// client is one connection of a load.
type client struct {
	nc   net.Conn
	r    *bufio.Reader
	out  []byte
	took []time.Duration // of each pipeline
}

type clients []*client

// connect makes n clients that are logged in, a few at a time. user gives each
// one's name; nil: the target's user.
func connect(ctx context.Context, t *target, n int, user func(i int) string) (clients, error) {
	out := make(clients, n)
	const atOnce = 8
	permits := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		permits <- struct{}{}
		if ctx.Err() != nil {
			<-permits
			break
		}
		wg.Go(func() {
			defer func() { <-permits }()
			nc, err := t.dial(ctx, t.tls)
			if err != nil {
				errs[i] = err
				return
			}
			out[i] = &client{nc: nc, r: bufio.NewReaderSize(nc, 16<<10)}
			name := t.user
			if user != nil {
				name = user(i)
			}
			errs[i] = t.login(nc, name)
		})
	}
	wg.Wait()
	if err := errors.Join(context.Cause(ctx), errors.Join(errs...)); err != nil {
		out.close()
		return nil, err
	}
	return out, nil
}

func (cs clients) close() {
	for _, c := range cs {
		if c != nil {
			c.nc.Close()
		}
	}
}

// each runs f for all clients at once and waits for all. When ctx ends, or one
// fails, all end.
func (cs clients) each(ctx context.Context, f func(i int, c *client) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() {
		for _, c := range cs {
			_ = c.nc.SetDeadline(time.Unix(1, 0))
		}
	})
	defer stop()
	var wg sync.WaitGroup
	for i, c := range cs {
		wg.Go(func() {
			if err := f(i, c); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// latencies returns the median and the 99th percentile in milliseconds.
func (cs clients) latencies() (p50, p99 float64) {
	var all []time.Duration
	for _, c := range cs {
		all = append(all, c.took...)
	}
	slices.Sort(all)
	return milliseconds(percentile(all, 50)), milliseconds(percentile(all, 99))
}

// exchange sends a pipeline of the scenario, the k-th of all, and reads its replies.
func (c *client) exchange(s scenario, k int) error {
	c.out = c.out[:0]
	for i := range s.pipeline {
		at := k*s.pipeline + i
		key := keyName(at * 7919 % keys) // a prime: all keys, in no order
		if s.command == set || s.command == mix && at%10 == 9 {
			c.out = resp.AppendCommand(c.out, "SET", key, values(s.size))
		} else {
			c.out = resp.AppendCommand(c.out, "GET", key)
		}
	}
	began := time.Now()
	if _, err := c.nc.Write(c.out); err != nil {
		return err
	}
	for range s.pipeline {
		if err := c.reply(s.size); err != nil {
			return err
		}
	}
	c.took = append(c.took, time.Since(began))
	return nil
}

// reply reads one: +OK, or a value of that size.
func (c *client) reply(size int) error {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if string(line) == "+OK\r\n" {
		return nil
	}
	if want := fmt.Sprintf("$%d\r\n", size); string(line) != want {
		return fmt.Errorf("the reply is %q; want %q", line, want)
	}
	_, err = c.r.Discard(size + 2)
	return err
}

// values returns a value of that size.
func values(size int) string { return valueText[:size] }

var valueText = strings.Repeat("x", 16<<10)

// ownCPU is the processor time that this program has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
