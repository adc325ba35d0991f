package proxy

import (
	"math"
	"time"

	"redisgate/acl"
	"redisgate/policy/command"
	"redisgate/resp"
)

// Limits bounds what one client may make redisgate hold. Sizes are bytes.
type Limits struct {
	CommandBytes  int64 // one request in all
	ArgumentBytes int64 // one argument
	BufferedBytes int64 // a request that cannot stream, or a MULTI queue
	Arguments     int
	OutputBytes   int           // output that may wait for a client before OutputTimeout runs
	OutputTimeout time.Duration // for a client with more output than that, or that holds up a reply
	Memory        int64         // buffers of all sessions of the process together

	// In a second, of all sessions of one host or IPv6 /64 together; 0: any number.
	AddressCommands int64
	AddressBytes    int64 // of requests, and of what Redis answers and publishes
	RefuseOverRate  bool  // what is over a rate, a user's too, is an error; else it waits

	AuthTimeout    time.Duration // from the end of the handshake to a successful AUTH
	IdleTimeout    time.Duration // without a request or a reply; 0 is never
	RequestTimeout time.Duration // from the first to the last byte of one request
}

// Before authentication a client may make redisgate hold next to nothing. The
// first two are Redis's own (networking.c, authRequired).
const (
	strangerArguments = 10
	strangerArgument  = 16384
	strangerRequest   = 64 << 10
	strangerOutput    = 1 << 10
	strangerRequests  = 1000 // in a row, the empty ones too
)

const (
	// largeRequest is the size from which a request gets a dedicated connection,
	// and may stream.
	largeRequest = 64 << 10
	// maxInFlight is how many replies a session may await before it is read no further.
	maxInFlight = 1024
	// readAhead is how much input waits for its turn before the socket is read no further.
	readAhead = 64 << 10
	// outputHigh stops, and outputLow restarts, what makes output for a client.
	outputHigh = 256 << 10
	outputLow  = 64 << 10
	// turnCommands is the most that one client gets done in a turn of the loop.
	turnCommands = 256
	// maxCapture bounds a reply that is looked at before it goes to the client.
	maxCapture = 1 << 20
)

// kit is what the sessions of one worker share: limits, scratch space and
// counters. All of it belongs to the worker's loop.
type kit struct {
	limits   Limits
	accepted resp.Limits // of an authenticated client's requests
	again    resp.Limits // of requests that were accepted before, maybe by other limits
	stranger resp.Limits // of anybody else's
	uses     command.Uses
	parsers  []*resp.Parser
	bufs     buffers
	scratch  []byte
	counts   Counts
	nextID   func() uint64
	pause    pause
	printing chan struct{} // has room for those who may print a list at this moment
	audit    auditing
	acl      *acl.Command // nil: ACL LOG has nobody to write it
	known    map[int]bool // databases that Redis has accepted a SELECT of; replaced with Redis
}

func newKit(l Limits, nextID func() uint64) *kit {
	k := &kit{
		again:    resp.Limits{Arguments: math.MaxInt32, Bulk: math.MaxInt64 / 2, Request: math.MaxInt64 / 2},
		stranger: resp.Limits{Arguments: strangerArguments, Bulk: strangerArgument, Request: strangerRequest, Unauthenticated: true},
		counts:   newCounts(),
		nextID:   nextID,
		printing: make(chan struct{}, 2),
	}
	k.limit(l)
	k.forgetDatabases()
	return k
}

// forgetDatabases is for another Redis, which may have fewer. What the one of before
// still answers is noted in the map of its time.
func (k *kit) forgetDatabases() { k.known = map[int]bool{0: true} }

// limit sets the limits. A session looks at them when it needs them.
func (k *kit) limit(l Limits) {
	k.limits = l
	k.accepted = resp.Limits{Arguments: l.Arguments, Bulk: l.ArgumentBytes, Request: l.CommandBytes}
}

func (k *kit) takeParser() *resp.Parser {
	if last := len(k.parsers) - 1; last >= 0 {
		p := k.parsers[last]
		k.parsers = k.parsers[:last]
		return p
	}
	return new(resp.Parser)
}

func (k *kit) giveParser(p *resp.Parser) {
	p.Reset()
	if len(k.parsers) < 64 {
		k.parsers = append(k.parsers, p)
	}
}
