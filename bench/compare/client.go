package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"redisgate/resp"
)

// client is one connection of a load.
type client struct {
	nc   net.Conn
	r    *bufio.Reader
	out  []byte
	head []byte          // of the reply to a GET
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
// It notes how long that took since the moment from, or since now if from is zero.
func (c *client) exchange(s scenario, k int, from time.Time) error {
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
	if from.IsZero() {
		from = time.Now()
	}
	if _, err := c.nc.Write(c.out); err != nil {
		return err
	}
	c.head = fmt.Appendf(c.head[:0], "$%d\r\n", s.size)
	for range s.pipeline {
		if err := c.reply(s.size); err != nil {
			return err
		}
	}
	c.took = append(c.took, time.Since(from))
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
	if !bytes.Equal(line, c.head) {
		return fmt.Errorf("the reply is %q; want %q", line, c.head)
	}
	_, err = c.r.Discard(size + 2)
	return err
}

// values returns a value of that size.
func values(size int) string { return valueText[:size] }

var valueText = strings.Repeat("x", 16<<10)
