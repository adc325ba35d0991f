package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"redisgate/internal/process"
	"redisgate/resp"
)

// goodAddress is where good clients connect from.
const goodAddress = "127.0.0.2"

const patience = 20 * time.Second

// goodClients are logged in and ask one command after the other each.
type goodClients struct{ all []*goodClient }

type goodClient struct {
	nc net.Conn
	r  *bufio.Reader
}

func connectGood(b *bed, n int) (*goodClients, error) {
	g := &goodClients{}
	for range n {
		c, err := connectOne(b)
		if err != nil {
			g.close()
			return nil, fmt.Errorf("a good client: %w", err)
		}
		g.all = append(g.all, c)
	}
	return g, nil
}

func connectOne(b *bed) (*goodClient, error) {
	raw, err := dialFrom(goodAddress, b.gate.Addr)
	if err != nil {
		return nil, err
	}
	nc := tls.Client(raw, b.gate.TLS())
	c := &goodClient{nc, bufio.NewReader(nc)}
	if err := c.do(resp.AppendCommand(nil, "AUTH", "app", process.Password), "+OK\r\n"); err != nil {
		nc.Close()
		return nil, err
	}
	return c, c.do(resp.AppendCommand(nil, "SET", "key", "value"), "+OK\r\n")
}

// do sends a request and reads the reply that it must have.
func (c *goodClient) do(request []byte, reply string) error {
	c.nc.SetDeadline(time.Now().Add(patience))
	if _, err := c.nc.Write(request); err != nil {
		return err
	}
	got := make([]byte, len(reply))
	if _, err := io.ReadFull(c.r, got); err != nil {
		return err
	}
	if string(got) != reply {
		return fmt.Errorf("got %q; want %q", got, reply)
	}
	return nil
}

// ask has all clients ask for the time that o says, or so many commands, and fails if any
// of them gets anything but its answer.
func (g *goodClients) ask(o options) (count, error) {
	request := resp.AppendCommand(nil, "GET", "key")
	var all sync.WaitGroup
	done, errs := make([]int, len(g.all)), make([]error, len(g.all))
	begun := time.Now()
	end := begun.Add(time.Duration(o.seconds * float64(time.Second)))
	for i, c := range g.all {
		all.Go(func() {
			for n := 0; errs[i] == nil && (o.commands == 0 && time.Now().Before(end) || n < o.commands); n++ {
				errs[i] = c.do(request, "$5\r\nvalue\r\n")
				done[i]++
			}
		})
	}
	all.Wait()
	c := count{took: time.Since(begun)}
	for _, n := range done {
		c.commands += n
	}
	return c, errors.Join(errs...)
}

func (g *goodClients) close() {
	for _, c := range g.all {
		c.nc.Close()
	}
}
