package upstream

import (
	"errors"
	"net"
	"slices"

	"redisgate/eventloop"
	"redisgate/resp"
	"redisgate/tlsfeed"
)

type state uint8

// connecting -> open -> closed
// connecting -> closed
const (
	connecting state = iota // requests gather in out until the dial ends
	open
	closed // final; every receiver has been told
)

const (
	// LargeReply is the size, in bytes, from which a reply may not be taken
	// whole into a client's buffer: it retires the shared pipeline that it is on.
	LargeReply = 1 << 20

	maxUnsent  = 128 << 10 // bytes that Redis has not taken before the connection is Full
	maxAwaited = 64 << 10  // entries that await replies before the connection is Full
	keepOut    = 256 << 10

	// enough is so much that one write does not get cheaper by more of it: it goes out, and
	// who has large requests need not wait for the end of the turn because c is Full.
	enough = 64 << 10
)

// Conn is one connection to Redis. It exists, and takes requests, from the
// moment it is asked for: until the dial ends they wait in its buffer.
type Conn struct {
	// Static after construction.
	pool   *Pool
	dialer *Dialer
	shared bool

	// Owned by the loop.
	state      state
	key        Key
	retired    bool // a shared pipeline that takes no new requests and ends when it owes nothing
	subscriber bool
	through    bool // all that comes is the owner's, as it comes
	dialing    bool // also after an end that came too early for the dial
	flagged    bool // is on the pool's list of connections to flush
	spent      bool // Redis has given up on it
	finishing  bool // half-closed: nothing more is asked
	paused     int  // how many want it to be
	idleSince  int64
	owner      Receiver // of a dedicated connection: who gets its pushes
	ec         *eventloop.Conn
	tls        *tlsfeed.Conn // nil: none
	q          queue
	waiters    []Receiver

	out      []byte
	appended uint64 // bytes ever appended to out
	seen     uint64 // appended, when the pool last looked
	handed   uint64 // bytes ever given to ec

	framer resp.Framer
	inPush bool
	hold   []byte // the beginning of a frame that cannot be told yet
}

// Key is the database and protocol that replies on c belong to.
func (c *Conn) Key() Key { return c.key }

// SetKey records that the owner of a dedicated connection moved it with SELECT.
func (c *Conn) SetKey(k Key) { c.key = k }

// Usable says that c takes further requests.
func (c *Conn) Usable() bool { return c.state != closed && !c.retired && !c.finishing }

// Retired says that c was a shared pipeline and now only finishes what it owes.
func (c *Conn) Retired() bool { return c.retired }

// Outdated says that the pool makes connections in another way since c was made.
func (c *Conn) Outdated() bool { return c.dialer != c.pool.dialer }

// Shared says that c carries, or carried, the commands of many receivers.
func (c *Conn) Shared() bool { return c.shared }

// Full says that c should get no further requests until Room.
func (c *Conn) Full() bool { return c.Unsent() > maxUnsent || c.q.len() >= maxAwaited }

// Unsent is the number of bytes that the kernel has not taken yet.
func (c *Conn) Unsent() int {
	n := len(c.out)
	if c.ec != nil {
		n += c.ec.Pending()
	}
	return n
}

// AwaitRoom asks for one call of to.Room when c is no longer Full, or has ended.
func (c *Conn) AwaitRoom(to Receiver) { c.waiters = append(c.waiters, to) }

// Forget takes back AwaitRoom.
func (c *Conn) Forget(to Receiver) {
	if i := slices.Index(c.waiters, to); i >= 0 {
		c.waiters = slices.Delete(c.waiters, i, i+1)
	}
}

// SetSubscriber says whether messages may arrive on c, a dedicated connection.
func (c *Conn) SetSubscriber(on bool) { c.subscriber = on }

// Send appends one request that has exactly one reply. apart keeps its reply out
// of the deliveries of the requests before it. req is copied.
func (c *Conn) Send(to Receiver, req []byte, apart bool) {
	now := c.pool.loop.Now()
	if e := c.q.back(); e != nil && !apart && e.to == to && e.since == now && e.drop == 0 && !e.many {
		e.n++
	} else {
		c.q.push(entry{to: to, since: now, off: c.appended, n: 1})
	}
	c.Append(req)
}

// SendMany appends a request that has n replies, as SUBSCRIBE with n channels, or
// one error.
func (c *Conn) SendMany(to Receiver, req []byte, n int) {
	c.q.push(entry{to: to, since: c.pool.loop.Now(), off: c.appended, n: n, many: true})
	c.Append(req)
}

// SendRun appends a run of requests of which only the last one's reply is
// delivered. The first drop replies are swallowed; the very first must be +OK,
// else the connection ends, since what follows would not be a transaction.
func (c *Conn) SendRun(to Receiver, run []byte, drop int) {
	c.q.push(entry{to: to, since: c.pool.loop.Now(), off: c.appended, drop: -drop, n: 1})
	c.Append(run)
}

// SendThrough appends a request to c, a dedicated connection on which no reply is
// owed. All that Redis sends from here on is a push to the owner, in pieces as they
// come, framed or not: MONITOR, and replication. c serves nobody else afterwards.
func (c *Conn) SendThrough(req []byte) {
	c.through = true
	c.Append(req)
}

// Append adds bytes to the request begun last. p is copied.
func (c *Conn) Append(p []byte) {
	if c.state == closed {
		return
	}
	c.out = append(c.out, p...)
	c.appended += uint64(len(p))
	c.pool.copied += uint64(len(p))
	c.pool.unsent += len(p)
	c.pool.held += len(p)
	if !c.flagged {
		c.flagged = true
		c.pool.flushing = append(c.pool.flushing, c)
	}
	if len(c.out) >= enough && c.state == open && c.tls == nil {
		c.hand() // not with TLS: nobody is to be told of c's end in the middle of a request
	}
}

// hand gives what was gathered to the loop. false means that c has ended, which only one
// with TLS can find out.
func (c *Conn) hand() bool {
	c.handed += uint64(len(c.out))
	if c.tls == nil {
		c.ec.Write(c.out)
	} else if !c.encrypt() {
		return false
	}
	c.pool.held -= len(c.out)
	c.out = c.out[:0]
	return true
}

// Pause stops reading c's replies until everybody who has called it has called
// Resume too. A shared pipeline is retired by it, so that nobody new comes to wait
// behind the receiver that cannot take its reply.
func (c *Conn) Pause() {
	if c.shared && !c.retired {
		c.retire()
	}
	if c.paused++; c.paused == 1 && c.ec != nil && c.state == open {
		c.ec.Pause()
	}
}

// Resume takes back one Pause.
func (c *Conn) Resume() {
	if c.paused--; c.paused == 0 && c.ec != nil && c.state == open {
		c.ec.Resume()
	}
}

// quiet says that nothing is owed or unsent on c.
func (c *Conn) quiet() bool { return c.state == open && c.q.len() == 0 && len(c.out) == 0 }

// OthersWait says that a receiver other than me awaits a reply on c.
func (c *Conn) OthersWait(me Receiver) bool {
	for i := range c.q.len() {
		if c.q.at(i).to != me {
			return true
		}
	}
	return false
}

func (c *Conn) flush() {
	c.flagged = false
	if c.state != open || len(c.out) == 0 {
		return
	}
	if !c.hand() {
		return
	}
	if cap(c.out) > keepOut {
		c.out = nil
	}
	if !c.Full() {
		c.tellWaiters()
	}
}

func (c *Conn) tellWaiters() {
	waiters := c.waiters
	c.waiters = nil
	for _, r := range waiters {
		r.Room()
	}
}

// connected ends the dial, on the loop.
func (c *Conn) connected(nc net.Conn, err error) {
	c.dialing = false
	if c.state == closed { // its owner left meanwhile
		if nc != nil {
			go nc.Close() // which may have a last word to say
		}
		if err != nil {
			c.pool.dialed(c, err)
		}
		c.pool.uncount(c)
		return
	}
	if err == nil {
		if secure, ok := nc.(*tlsfeed.Dialed); ok {
			nc, c.tls = secure.HandOver()
		}
		c.ec, err = c.pool.loop.Attach(nc, c, true)
	}
	c.pool.dialed(c, err)
	if err != nil {
		c.end()
		return
	}
	c.state = open
	if c.paused > 0 {
		c.ec.Pause()
	}
	if c.tls != nil {
		c.tls.Feed(nil, c.pool.loop.Now())
		c.decrypt() // what TLS has read ahead raises no event
	}
	c.flush()
}

// retire takes c, a shared pipeline, out of use for new requests.
func (c *Conn) retire() {
	c.retired = true
	c.pool.retired(c)
}

var (
	errUnasked  = errors.New("Redis sent what nobody asked for")
	errPoisoned = errors.New("Redis reported a broken session on a shared connection")
	errAborted  = errors.New("a transaction could not be opened")
)

// fail ends a connection that cannot be trusted any further.
func (c *Conn) fail(kind string, err error) {
	c.pool.report(kind, err)
	c.end()
}

// Finish says that nothing more is asked on c, a dedicated connection. Redis closes
// it when it sees that, and takes no command in hand that was only waiting; an
// answer that is on its way still comes before that.
func (c *Conn) Finish() {
	if c.state != open {
		c.end()
		return
	}
	if !c.finishing {
		c.finishing = true
		c.flush()
		if c.state != open {
			return
		}
		if c.tls != nil {
			c.closeNotify()
		}
		c.ec.CloseWrite()
	}
}

// Close ends c at once; receivers with replies outstanding are told.
func (c *Conn) Close() { c.end() }

func (c *Conn) end() {
	if c.state == closed {
		return
	}
	var taken uint64
	if c.ec != nil {
		taken = c.handed
		if c.tls == nil {
			// How much of a request is in what the kernel has taken of ciphertext is not
			// known: then all of it may have left.
			taken -= uint64(c.ec.Pending())
		}
		c.ec.Close()
	}
	c.state = closed
	c.pool.gone(c)
	for e := c.q.front(); e != nil; e = c.q.front() {
		lost := *e
		c.q.pop()
		lost.to.Lost(lost.n, lost.off < taken)
	}
	owner := c.owner
	c.pool.held -= len(c.out)
	c.owner, c.out, c.hold = nil, nil, nil
	if owner != nil {
		owner.Lost(0, true)
	}
	c.tellWaiters()
}

// EOF, Hangup, Drained, Closed and Data make a Conn an eventloop.Handler.

// EOF ends the connection: Redis does not half-close.
func (c *Conn) EOF() { c.lost() }

// Hangup ends the connection; what was not read yet is lost with it.
func (c *Conn) Hangup() {}

// Closed ends the connection.
func (c *Conn) Closed(error) { c.lost() }

func (c *Conn) lost() {
	if c.state == open && !c.finishing && (c.q.len() > 0 || c.owner != nil) {
		c.pool.report("lost", errors.New("Redis closed the connection"))
	}
	c.end()
}

// Drained tells those who wait for room.
func (c *Conn) Drained() {
	if !c.Full() {
		c.tellWaiters()
	}
}
