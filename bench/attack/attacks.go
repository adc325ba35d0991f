package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"redisgate/resp"
)

// attack is something that one attacker does again and again.
type attack struct {
	name, what string
	workers    int           // who do it at the same time
	every      time.Duration // how often it is done, all together
	holds      int           // connections that are kept open; 0: once is closed at once
	once       func(e *env) (net.Conn, error)
}

// The rates are what one process of an attacker can do with little work of its own.
var attacks = []attack{
	{"password spraying", "log-ins with a new name each on 32 connections, 16 on each, as fast as they are answered", 32, 5 * time.Millisecond, 0, spray},
	{"wide spraying", "the same on 320 connections, which all begin at once", 320, 5 * time.Millisecond, 0, spray},
	{"loris: TCP", "2,000 connections that say nothing", 16, time.Millisecond, 2000, silent},
	{"loris: half a hello", "2,000 connections with half a ClientHello", 16, time.Millisecond, 2000, halfHello},
	{"loris: no AUTH", "500 connections that never log in", 8, 4 * time.Millisecond, 500, noAuth},
	{"loris: half a request", "500 connections with half a request", 8, 4 * time.Millisecond, 500, halfRequest},
	{"handshake flood", "1,000 hellos a second, left at the answer", 32, time.Millisecond, 0, hello},
	{"connection flood", "10,000 connections, opened and closed at once", 16, 200 * time.Microsecond, 0, openAndClose},
	{"PROXY garbage", "500 broken PROXY headers a second from a balancer", 16, 2 * time.Millisecond, 0, proxyGarbage},
	{"RESP garbage", "200 handshakes a second, then no RESP", 16, 5 * time.Millisecond, 0, respGarbage},
}

// most is how often anything is done at most.
const most = 10_000

// env is what an attack knows.
type env struct {
	addr  string
	n     atomic.Int64
	hello []byte // a ClientHello
}

// bad gives one of 16 addresses, none of them good.
func (e *env) bad() string { return "127.0.0." + strconv.FormatInt(66+e.n.Add(1)%16, 10) }

func (e *env) dial() (net.Conn, error) {
	nc, err := dialFrom(e.bad(), e.addr)
	if err == nil {
		nc.SetDeadline(time.Now().Add(patience))
	}
	return nc, err
}

// dialTLS takes any certificate: an attacker has no use for knowing whom it attacks.
func (e *env) dialTLS() (net.Conn, error) {
	raw, err := e.dial()
	if err != nil {
		return nil, err
	}
	nc := tls.Client(raw, attackersTLS())
	if err := nc.Handshake(); err != nil {
		raw.Close()
		return nil, err
	}
	return nc, nil
}

func attackersTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}} //nolint:gosec // see dialTLS
}

func spray(e *env) (net.Conn, error) {
	nc, err := e.dialTLS()
	if err != nil {
		return nil, err
	}
	var b [1024]byte
	for range 16 {
		if _, err := nc.Write(resp.AppendCommand(nil, "AUTH", "user"+strconv.FormatInt(e.n.Add(1), 10), "123456")); err != nil {
			break
		}
		if _, err := nc.Read(b[:]); err != nil {
			break
		}
	}
	return nc, nil
}

func silent(e *env) (net.Conn, error) { return e.dial() }

func halfHello(e *env) (net.Conn, error) {
	nc, err := e.dial()
	if err == nil {
		_, err = nc.Write(e.hello[:len(e.hello)/2])
	}
	return nc, err
}

func noAuth(e *env) (net.Conn, error) { return e.dialTLS() }

func halfRequest(e *env) (net.Conn, error) {
	nc, err := e.dialTLS()
	if err == nil {
		_, err = io.WriteString(nc, "*3\r\n$4\r\nAUTH\r\n$10000\r\nuser")
	}
	return nc, err
}

func hello(e *env) (net.Conn, error) {
	nc, err := e.dial()
	if err != nil {
		return nil, err
	}
	if _, err = nc.Write(e.hello); err == nil {
		var b [1]byte
		_, err = nc.Read(b[:]) // the server has done its part by then
	}
	return nc, err
}

func openAndClose(e *env) (net.Conn, error) { return e.dial() }

func proxyGarbage(e *env) (net.Conn, error) {
	nc, err := dialFrom(balancer, e.addr)
	if err != nil {
		return nil, err
	}
	nc.SetDeadline(time.Now().Add(patience))
	headers := []string{
		"PROXY TCP4 999.0.0.1 1.1.1.1 1 2\r\n", "PROXY " + strings.Repeat("A", 200), "GET / HTTP/1.1\r\n\r\n",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff" + strings.Repeat("\x00", 100), "\x16\x03\x01\x02\x00\x01",
	}
	_, err = io.WriteString(nc, headers[e.n.Add(1)%int64(len(headers))])
	return nc, err
}

func respGarbage(e *env) (net.Conn, error) {
	nc, err := e.dialTLS()
	if err != nil {
		return nil, err
	}
	words := []string{"*2000000000\r\n", "*1\r\n$-5\r\n", "$5\r\nMULTI\r\n", "GET \"x\\x4\r\n", strings.Repeat("\xff", 70_000)}
	_, err = io.WriteString(nc, words[e.n.Add(1)%int64(len(words))])
	return nc, err
}

// attacker is this program as an attacker, if the environment says so. It attacks until
// its standard input ends.
func attacker(ctx context.Context) bool {
	name := os.Getenv(envAttack)
	if name == "" {
		return false
	}
	scale, _ := strconv.ParseFloat(os.Getenv(envScale), 64)
	for _, a := range attacks {
		if a.name == name && scale > 0 && scale <= 1 {
			ctx, cancel := context.WithCancel(ctx)
			go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
			e := &env{addr: os.Getenv(envAddr), hello: clientHello()}
			fmt.Println(a.run(ctx, e, scale, func() { fmt.Println("begun") }))
			return true
		}
	}
	fmt.Println("no such attack")
	os.Exit(1)
	return true
}

// run attacks until ctx ends, and returns how often it was done. It calls begun once, when
// as many connections are open as there shall be.
func (a attack) run(ctx context.Context, e *env, scale float64, begun func()) int64 {
	var done atomic.Int64
	work, held := make(chan struct{}), make(chan net.Conn, max(1, int(float64(a.holds)*scale)))
	var all sync.WaitGroup
	for range a.workers {
		all.Go(func() {
			for range work {
				nc, err := a.once(e)
				if err == nil {
					done.Add(1)
				}
				if nc == nil {
					continue
				}
				if a.holds > 0 {
					select {
					case held <- nc:
						continue
					default:
					}
				}
				drop(nc)
			}
		})
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	start, sent, told := time.Now(), 0, false
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		if !told && (a.holds == 0 || len(held) == cap(held) || time.Since(start) > patience) {
			told = true
			begun()
		}
		due := min(int(float64(time.Since(start))/float64(a.every)*scale), most)
		if a.holds > 0 {
			due = min(due, cap(held))
		}
		for ; sent < due && ctx.Err() == nil; sent++ {
			select {
			case work <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}
	close(work)
	all.Wait()
	close(held)
	for nc := range held {
		drop(nc)
	}
	return done.Load()
}

// drop closes with a reset, which leaves no port in TIME_WAIT.
func drop(nc net.Conn) {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	if t, ok := nc.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	nc.Close()
}

// clientHello is the first flight of a client.
func clientHello() []byte {
	a, b := net.Pipe()
	defer b.Close()
	go func() {
		_ = tls.Client(a, attackersTLS()).Handshake()
		a.Close()
	}()
	p := make([]byte, 16<<10)
	n, _ := b.Read(p)
	return p[:n]
}
