package tlsconf

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// lookEvery is how often the files are looked at, whatever the system tells: it
	// tells nothing of network file systems, nor of what a link in another directory
	// points to.
	lookEvery = 15 * time.Second
	// calm is how long nothing must have happened: a certificate and its key are
	// written one after the other. restless is how long that is waited for.
	calm     = 100 * time.Millisecond
	restless = time.Second
)

// Watch follows the files until ctx ends.
func (l *Live) Watch(ctx context.Context) { l.watch(ctx, lookEvery) }

func (l *Live) watch(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	quiet := time.NewTimer(0)
	<-quiet.C
	var since time.Time // the first event that was not looked at; zero: none

	// The directories are watched, not the files: these are replaced, and in
	// Kubernetes a link beside them is.
	w, err := fsnotify.NewWatcher()
	var events chan fsnotify.Event
	var errs chan error
	if err != nil {
		l.o.Log.Warn("the system does not tell of changed files; they are looked at from time to time", "every", every, "error", err.Error())
	} else {
		defer w.Close()
		events, errs = w.Events, w.Errors
		l.watchDirectories(w)
		l.Look(time.Now()) // what has changed since the start
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			if since.IsZero() {
				since = time.Now()
			}
			quiet.Reset(max(0, min(calm, restless-time.Since(since))))
			continue
		case <-errs: // events were lost, perhaps
		case <-quiet.C:
		case <-tick.C:
		}
		since = time.Time{}
		l.Look(time.Now())
		if w != nil {
			l.watchDirectories(w) // one may have been replaced
		}
	}
}

// watchDirectories adds what is not watched. What is there already stays.
func (l *Live) watchDirectories(w *fsnotify.Watcher) {
	for _, name := range l.o.Files {
		if dir := filepath.Dir(name); !slices.Contains(w.WatchList(), dir) {
			_ = w.Add(dir) // else the timer finds it
		}
	}
}
