package tlsconf

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"redisgate/watch"
)

// LiveOptions is what a Live needs.
type LiveOptions struct {
	Files []string  // whose content makes the config
	First *Loaded   // what they were at the start
	Seen  watch.Sum // their Digest from before First was loaded: what changed since is a change
	// Load reads them again. Its error is Problems; it is called by one goroutine at a
	// time.
	Load func(now time.Time) (*Loaded, error)
	// Changed is told after each reload, when it is in force. May be nil.
	Changed func()
	Log     *slog.Logger
}

// Live is a config that follows its files. All that is read together is exchanged
// together; while anything is wrong the old stays. Its methods may be called from any
// goroutine.
type Live struct {
	o     LiveOptions
	state atomic.Pointer[Loaded]

	ok, failed atomic.Uint64

	mu      sync.Mutex // one look at the files at a time; guards what follows
	seen    watch.Sum
	expired map[string]bool // files whose end was logged
	renewed *Loaded         // whose Until was heeded
}

// NewLive starts with what was loaded.
func NewLive(o LiveOptions) (*Live, error) {
	if o.First == nil || o.Load == nil || o.Log == nil {
		return nil, errors.New("tlsconf: a config to start with, a way to load another and a log are all needed")
	}
	l := &Live{o: o, seen: o.Seen, expired: make(map[string]bool)}
	l.state.Store(o.First)
	return l, nil
}

// Digest sums up what files for Load or LoadClient hold.
func Digest(files []string) watch.Sum { return watch.Digest(files, maxLists) }

// Config is what a handshake that begins now is made with.
func (l *Live) Config() *tls.Config { return l.state.Load().Config }

// Judge says whether a client's certificate holds; see [Trust.Judge]. No chains are those
// of a client without one, which does if none is required.
func (l *Live) Judge(chains [][]*x509.Certificate, now time.Time) error {
	state := l.state.Load()
	switch auth := state.Config.ClientAuth; {
	case state.Trust == nil || auth == tls.NoClientCert:
		return nil // no certificate is asked for
	case len(chains) == 0 && auth != tls.RequireAndVerifyClientCert:
		return nil // it need not have one
	case len(chains) == 0:
		return ErrMissing
	}
	return state.Trust.Judge(chains, now)
}

// Expiries says when what is in force ends.
func (l *Live) Expiries() []Expiry { return l.state.Load().Expiries }

// Watch follows the files until ctx ends.
func (l *Live) Watch(ctx context.Context) { l.watch(ctx, watch.LookEvery) }

func (l *Live) watch(ctx context.Context, every time.Duration) {
	watch.Follow(ctx, watch.Options{Files: func() []string { return l.o.Files }, Look: l.Look, Every: every, Log: l.o.Log})
}

// Reloads counts the changes of files that are in force, and those with which
// something was wrong.
func (l *Live) Reloads() (ok, failed uint64) { return l.ok.Load(), l.failed.Load() }

// Look reads the files again if their content is not what was read last.
func (l *Live) Look(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// Before they are read: what changes meanwhile is seen as a change next time.
	state := l.state.Load()
	over := !state.Until.IsZero() && now.After(state.Until) && state != l.renewed
	if seen := Digest(l.o.Files); seen != l.seen || over {
		l.seen, l.renewed = seen, state
		l.reload(now)
	}
	l.logExpired(now)
}

func (l *Live) reload(now time.Time) {
	next, err := l.o.Load(now)
	if err != nil {
		l.failed.Add(1)
		var ps Problems
		if errors.As(err, &ps) {
			for _, p := range ps {
				l.o.Log.Error("a TLS file has changed and cannot be used; the old ones stay in force", "problem", p.Error(), "hint", p.Hint)
			}
			return
		}
		l.o.Log.Error("TLS files have changed and cannot be used; the old ones stay in force", "problem", err.Error())
		return
	}
	l.state.Store(next)
	l.ok.Add(1)
	clear(l.expired)
	l.o.Log.Info("TLS files have changed and were read again")
	for _, w := range next.Warnings {
		l.o.Log.Warn("note on a TLS file", "note", w.Error(), "hint", w.Hint)
	}
	if l.o.Changed != nil {
		l.o.Changed()
	}
}

// logExpired says once of each file that it has ended.
func (l *Live) logExpired(now time.Time) {
	for _, e := range l.state.Load().Expiries {
		if now.After(e.NotAfter) && !l.expired[e.File] {
			l.expired[e.File] = true
			l.o.Log.Error("a TLS file has expired; replace it", "file", e.File, "expired", e.NotAfter.UTC().Format(time.RFC3339))
		}
	}
}
