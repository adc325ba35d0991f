// Package proxy is the way of a command: it admits a client by its address,
// hears who it is, judges each of its requests, sends what is permitted to Redis
// and gives the replies back.
//
// A [Server] accepts and hands each connection to one of its workers. A worker
// is an event loop with everything its clients touch. A client joins a socket
// and its TLS to a session; the session is a state machine that does no I/O.
//
// The package knows RESP, users, policy and connections to Redis. It does not
// know TOML, files, Prometheus or the process that it runs in.
package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"redisgate/acl"
	"redisgate/auth"
	"redisgate/tlsfeed"
	"redisgate/upstream"
	"redisgate/users"
)

// Options is what a Server needs; Directory may be left out.
type Options struct {
	Settings

	// Listeners are served until Run ends, which closes them. TCP listeners speak
	// TLS; unix listeners speak plain RESP and admit by their file mode.
	Listeners []net.Listener
	Slots     *tlsfeed.Slots
	Users     *users.Store
	Directory *users.Directory // nil: users that ACL SETUSER makes last until the end, and there is no aclfile
	Throttle  *auth.Throttle
	Control   *upstream.Control
	Log       *slog.Logger
	Audit     Audit // nil: nothing is audited

	// Begin is called by Run when all is ready to accept, and may wait; nil: nothing.
	// If it fails nobody is accepted, and Run returns its error.
	Begin func(ctx context.Context) error

	Workers    int
	Proving    int           // passwords tried against slow hashes at once; 0: one
	SweepEvery time.Duration // how often sessions' certificates are judged again; 0: 15 s
}

// TLS is what handshakes are made with at this moment. Its methods are called from
// many goroutines.
type TLS interface {
	// Config is for a handshake that begins now. Each has session tickets of its own.
	Config() *tls.Config
	// Judge says whether the chains that a handshake has verified still hold; none are those
	// of a client without a certificate. It is called on event loops, and its error is fixed
	// words.
	Judge(chains [][]*x509.Certificate, now time.Time) error
}

func (o *Options) check() error {
	switch {
	case len(o.Listeners) == 0:
		return errors.New("proxy: no listener")
	case o.Users == nil || o.Throttle == nil || o.Control == nil || o.Slots == nil || o.Log == nil:
		return errors.New("proxy: users, throttle, control, slots and log are all needed")
	case o.Workers < 1:
		return errors.New("proxy: the number of workers must be at least 1")
	}
	return o.Settings.check(o.Listeners)
}

// Server accepts connections and runs the workers.
type Server struct {
	// Static after construction.
	o        Options
	users    *users.Store
	control  *upstream.Control
	throttle *auth.Throttle
	upLimits *upstream.Limits
	perUser  perUser
	failures *failures
	seats    seats
	meters   meters
	prover   *prover
	acl      *acl.Command
	born     time.Time
	workers  []*worker
	people   *users.Directory

	settings  atomic.Pointer[Settings] // of this moment; a worker's loop has its own
	reloading sync.Mutex               // one reload at a time

	// Shared by all goroutines.
	connections atomic.Int64 // sessions, and connections on their way to become one
	memory      atomic.Int64
	ids         atomic.Uint64
	next        atomic.Uint64 // round robin over the workers
	started     atomic.Bool   // workers is complete
	running     atomic.Bool   // their loops run
	over        chan struct{} // closed when they do not any more
	accepting   atomic.Bool   // and not about to end
	doors       doors
	atDoors     atDoors
	addresses   addresses
	logged      logLimit
	farewell    farewell
}

// New builds a server; it does nothing before Run.
func New(o Options) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Server{
		o: o, users: o.Users, control: o.Control, throttle: o.Throttle,
		upLimits: upstream.NewLimits(o.MaxShared, o.MaxDedicated),
		failures: newFailures(),
		prover:   newProver(o.Slots, o.Proving),
		born:     time.Now(),
		farewell: newFarewell(),
		over:     make(chan struct{}),
	}
	s.settings.Store(&s.o.Settings)
	s.addresses.most.Store(int64(o.MaxPerAddress))
	s.meters.commands, s.meters.bytes = o.Limits.AddressCommands, o.Limits.AddressBytes
	if s.o.SweepEvery <= 0 {
		s.o.SweepEvery = sweepEvery
	}
	directory := o.Directory
	if directory == nil {
		directory = users.NewDirectory(o.Users, users.DirectoryOptions{})
	}
	s.people = directory
	directory.OnChange(s.usersChanged)
	if o.Audit != nil {
		s.atDoors.to = o.Audit.Recorder()
		s.AuditChanged()
	}
	s.acl = &acl.Command{Directory: directory, Log: users.NewLog(nil), Store: o.Users}
	return s, nil
}

// Run serves until ctx ends, then drains: no new connections, sessions end as
// soon as nothing is under way in them, and after DrainTimeout the rest is cut.
// A second context, now, cuts at once. What HandOver does is said there.
func (s *Server) Run(ctx, now context.Context) error {
	defer close(s.over) // on any way out loops have ended, or never begun
	loopCtx, stopDials := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDials()
	defer s.shut(nil)
	var loops sync.WaitGroup
	if err := s.hire(loopCtx); err != nil {
		return err
	}
	if ok, err := s.awaitTurn(ctx); !ok {
		return err
	}
	logCtx, endLog := context.WithCancel(context.WithoutCancel(ctx))
	var logs sync.WaitGroup
	logs.Go(func() { s.failures.log(logCtx, s.o.Log) })
	defer func() { stopDials(); endLog(); logs.Wait() }()
	failed := make(chan error, s.o.Workers+len(s.o.Listeners))
	for _, w := range s.workers {
		loops.Go(func() {
			if err := w.loop.Run(); err != nil {
				failed <- err
			}
		})
	}
	s.running.Store(true)
	s.accepting.Store(true)
	var doors sync.WaitGroup
	for _, l := range s.o.Listeners {
		doors.Go(func() {
			if err := s.accept(loopCtx, l); err != nil {
				failed <- err
			}
		})
	}
	logs.Go(func() { s.sweeps(loopCtx) })
	logs.Go(func() { s.paceHandshakes(loopCtx, s.o.Slots) })
	err := s.serve(ctx, now, failed, &doors)
	if err == nil {
		s.drain(now, stopDials)
	}
	stopDials()
	for _, w := range s.workers {
		w.loop.Post(w.part)
		w.loop.Stop()
	}
	loops.Wait()
	return err
}

// hire makes the workers, whose loops do not run yet. From here on they are told of all
// that changes.
func (s *Server) hire(ctx context.Context) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	for range s.o.Workers {
		w, err := newWorker(ctx, s)
		if err != nil {
			for _, w := range s.workers {
				w.loop.Stop()
				w.loop.Run()
			}
			return err
		}
		s.workers = append(s.workers, w)
	}
	s.started.Store(true)
	s.AuditChanged() // it may have meanwhile
	return nil
}

// clock is the time that all workers agree on, in monotonic nanoseconds.
func (s *Server) clock() int64 { return int64(time.Since(s.born)) }

func (s *Server) nextID() uint64 { return s.ids.Add(1) }

// Ready says that the server accepts connections and Redis answers.
func (s *Server) Ready() bool { return s.accepting.Load() && s.control.Up() }

// Accepting says whether connections are accepted, and whether they ever were: then the
// server drains, or another process accepts.
func (s *Server) Accepting() (now, ever bool) { return s.accepting.Load(), s.running.Load() }
