package proxy

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"redisgate/eventloop"
	"redisgate/identity"
	"redisgate/tlsfeed"
	"redisgate/upstream"
	"redisgate/users"
)

// worker is one event loop and everything that its clients touch: sessions,
// connections to Redis, buffers, counters. Nothing of it is shared but what the
// server offers to all; other goroutines reach it by posting functions.
type worker struct {
	// Static after construction.
	srv      *Server
	loop     *eventloop.Loop
	pool     *upstream.Pool
	kit      *kit
	sendHeld func()

	// Owned by the loop.
	set     *Settings
	clients map[*client]struct{}
	outputs []*client // have output for the end of the turn
	again   []*client // had too much of it for one turn
	plain   []byte
	cipher  []byte
	counted int64 // bytes held as last told to the server
	slow    offenders
	drains  bool
	parted  bool            // nobody is adopted any more
	grace   eventloop.Timer // for those that have just come
	held    int             // turns for which requests have been held back

	// Shared with other workers.
	largest atomic.Int64 // size of the largest session at the last shortage of memory
}

const readBuffer = 64 << 10

func newWorker(ctx context.Context, srv *Server) (*worker, error) {
	loop, err := eventloop.New(eventloop.Options{ReadBuffer: readBuffer, Epoch: srv.born})
	if err != nil {
		return nil, err
	}
	set := srv.settings.Load()
	w := &worker{
		srv: srv, set: set, loop: loop, kit: newKit(set.Limits, srv.nextID),
		clients: map[*client]struct{}{}, plain: make([]byte, readBuffer+maxRecord),
	}
	w.kit.acl = srv.acl
	if srv.o.Audit != nil {
		w.kit.audit = auditing{on: srv.o.Audit.Wants(), to: srv.o.Audit.Recorder()}
	}
	w.pool, err = upstream.NewPool(ctx, upstream.Options{
		Loop: loop, Dialer: set.Dialer, Limits: srv.upLimits, Notify: w.upstreamFailed,
	})
	if err != nil {
		return nil, err
	}
	loop.AtTurnEnd(w.turnEnd)
	w.sendHeld = w.flushRequests // made once, as a method value is allocated
	return w, nil
}

// holdTurns and holdBytes bound for how long requests are gathered while more clients
// are ready: one write then carries more of them, for redisgate and for Redis.
const (
	holdTurns = 4
	holdBytes = 16 << 10
)

// turnEnd writes what the turn has gathered.
func (w *worker) turnEnd() {
	for i := 0; i < len(w.outputs); i++ {
		c := w.outputs[i]
		w.outputs[i] = nil
		c.flushing = false
		c.flush()
	}
	w.outputs = w.outputs[:0]
	for i, c := range w.again {
		w.again[i] = nil
		w.loop.Ready(outputTask{c})
	}
	w.again = w.again[:0]
	if n := w.pool.Unsent(); n > 0 {
		if w.held++; w.held < holdTurns && n < holdBytes {
			w.loop.BeforeParking(w.sendHeld)
		} else {
			w.flushRequests()
		}
	}
	w.checkMemory()
}

// flushRequests sends what was gathered for Redis.
func (w *worker) flushRequests() {
	w.held = 0
	w.loop.BeforeParking(nil)
	w.pool.Flush()
}

// outputTask goes on with a client's output in the next turn.
type outputTask struct{ c *client }

func (t outputTask) Run() { t.c.output() }

// admitted is a connection whose handshake is done.
type admitted struct {
	nc     net.Conn
	tls    *tlsfeed.Conn         // nil on a unix socket
	by     TLS                   // of whose config
	peer   netip.AddrPort        // the client's effective address; not valid on a unix socket
	cert   *identity.Certificate // the client's; nil: none
	chains [][]*x509.Certificate // from it to authorities

	balancer netip.AddrPort // whose PROXY header has said peer; not valid: none
	version  string         // of TLS; empty: none
}

// adopt begins the session of a connection.
func (w *worker) adopt(a admitted) {
	if w.parted {
		_ = a.nc.Close()
		w.srv.ended(a.peer.Addr())
		return
	}
	c := &client{w: w, tls: a.tls, chains: a.chains, remote: a.peer, version: a.version, via: newVia(a.balancer, a.cert)}
	if local, ok := a.nc.LocalAddr().(*net.TCPAddr); ok {
		c.local = plainAddress(local.AddrPort())
	}
	conn, err := w.loop.Attach(a.nc, c, false)
	if err != nil {
		w.srv.ended(a.peer.Addr())
		return
	}
	c.conn = conn
	c.timer.F = c.fire
	w.clients[c] = struct{}{}
	initSession(&c.session, c, w.kit, a.peer.Addr(), a.cert)
	if c.known {
		w.srv.throttle.Welcome(c.addr, w.srv.clock())
	}
	if a.cert != nil && !c.byCert {
		w.refuseCertificate(c)
	}
	// What clients are judged by may have changed since the handshake began.
	if !w.admits(c) {
		return
	}
	if len(a.chains) > 0 || a.by != w.set.TLS && a.tls != nil {
		if w.judge(c, time.Now()); c.closed {
			return
		}
	}
	if c.tls != nil {
		c.tls.Feed(nil, c.now())
		c.decrypt() // what came with the handshake's last flight raises no event
		c.settleInput()
	}
	if w.drains {
		w.drain() // it is new, and has a moment
	}
}

// refuseCertificate notes a certificate that is somebody's and logs nobody in.
func (w *worker) refuseCertificate(c *client) {
	_, standing := c.from.Certified(c.addr, c.cert)
	reason := standing.String()
	switch {
	case standing == users.Holder:
		reason = "its user has as many connections as it may"
	case !standing.Refused():
		return
	}
	w.kit.counts.Auth["certificate_refused"]++
	c.auditAuth("", methodCertificate, auditFailed, reason)
	if n, ok := w.srv.logged.allow("certificate", time.Now()); ok {
		w.srv.o.Log.Info("a client certificate logs nobody in", "address", c.addr, "reason", reason, "not_logged", n)
	}
}

func (w *worker) forget(c *client) {
	delete(w.clients, c)
	w.srv.ended(c.addr)
}

func (w *worker) upstreamFailed(kind string, err error) {
	w.kit.counts.Upstream[kind]++
	w.srv.logUpstream(kind, err)
}

// checkMemory tells the server what this worker's sessions hold and, when all
// together hold too much, has the largest session cut.
func (w *worker) checkMemory() {
	if w.count() <= w.kit.limits.Memory {
		return
	}
	var worst *client
	size := int64(-1)
	for c := range w.clients {
		if n := c.size() + int64(c.conn.Pending()); n > size {
			worst, size = c, n
		}
	}
	w.largest.Store(size)
	for _, other := range w.srv.workers {
		if other != w && other.largest.Load() > size {
			other.loop.Post(other.checkMemory)
			return
		}
	}
	if worst != nil && size > 0 {
		if worst.closing {
			worst.close() // its session is gone, and the client does not take the rest
		} else {
			worst.gone("memory")
		}
		w.largest.Store(0)
		w.count()
	}
}

// count tells the server what this worker's sessions hold, be it here, on the way to Redis
// or on the way to a client, and returns what those of all workers do.
func (w *worker) count() (total int64) {
	held := w.kit.bufs.held + int64(w.pool.Held()+w.loop.Held())
	total = w.srv.memory.Add(held - w.counted)
	w.counted = held
	return total
}

// snapshot copies the worker's counts; it waits for the loop, but not for long.
func (w *worker) snapshot(within time.Duration) (*Counts, bool) {
	done := make(chan *Counts, 1)
	ok := w.loop.Post(func() {
		c := newCounts()
		c.add(&w.kit.counts)
		done <- &c
	})
	if !ok {
		return nil, false
	}
	select {
	case c := <-done:
		return c, true
	case <-time.After(within):
		return nil, false
	}
}
