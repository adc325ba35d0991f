package proxy

import (
	"sync"
	"time"

	"redisgate/upstream"
	"redisgate/users"
)

// link is a connection to Redis as a session sees it. *upstream.Conn is one.
type link interface {
	Key() upstream.Key
	SetKey(upstream.Key)
	Usable() bool
	Retired() bool
	Shared() bool
	Full() bool
	Unsent() int
	OthersWait(upstream.Receiver) bool
	AwaitRoom(upstream.Receiver)
	Forget(upstream.Receiver)
	SetSubscriber(on bool)
	Send(to upstream.Receiver, req []byte, apart bool)
	SendMany(to upstream.Receiver, req []byte, n int)
	SendRun(to upstream.Receiver, run []byte, drop int)
	SendThrough(req []byte)
	Append(p []byte)
	Pause()
	Resume()
	Finish()
	Close()
}

// host is what a session may ask of whoever runs it. None of it performs I/O at once.
type host interface {
	// now is the loop's time in monotonic nanoseconds.
	now() int64
	// set is the users of this moment.
	set() *users.Set
	// shared and dedicated return a connection that takes requests at once, or
	// upstream.ErrBusy or upstream.ErrUnreachable.
	shared(k upstream.Key) (link, error)
	dedicated(k upstream.Key) (link, error)
	// release gives a dedicated connection back; clean says that it may serve another.
	release(l link, clean bool)
	// server is what Redis said of itself last.
	server() *upstream.Server
	// wake has run called later, once.
	wake()
	// offLoop has do run where it may wait, and then done called with what it has
	// returned, unless the session has ended.
	offLoop(do func() []byte, done func(reply []byte))
	// everybody has f called for each session of the server by the loop that it
	// belongs to, and returns when all that f adds to told is done. It waits, so it is
	// for what offLoop does.
	everybody(f func(o *session, told *sync.WaitGroup))
	// ends are the addresses of the client and of redisgate on its connection.
	ends() (remote, local string)
	// describe says of an event whose client this is, and how it has come.
	describe(e *AuditEvent)
	// hold has all sessions of the server wait with what the client sends, or with
	// writes only, until the time is over; 0 ends that.
	hold(d time.Duration, writes bool)
	// output says that there are bytes to be sent at the end of the turn.
	output()
	// deadline has tick called at t, or earlier.
	deadline(t int64)
	// left says that the session has ended and its connection must be closed now.
	left()
	// heldUpOthers notes that the session was cut because others waited behind its
	// reply, and mayHoldUp says whether one of its user from its address lately was.
	heldUpOthers()
	mayHoldUp() bool
	// mayTry, wrong and right are the throttle on attempts to log in from the client's
	// address under that name.
	mayTry(name []byte) bool
	wrong(name []byte)
	right(name []byte)
	// takeSeat counts one more connection of u, as long as it may have more or if it must,
	// and giveSeat one less of the user of that index.
	takeSeat(u *users.User, must bool) bool
	giveSeat(user int)
	// userMeter is u's, with u's limits; nil: u has none. addressMeter is the client's
	// address's, whose session this is one of until it ends; nil: there is no limit.
	userMeter(u *users.User) *meter
	addressMeter() *meter
	// trial is what has to be done off the loop before an attempt can be decided, or
	// nil. name and password are valid during the call only.
	trial(name, password []byte) func() proof
}
