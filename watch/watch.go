// Package watch notices that files have changed: whatever the system tells of them, and
// by looking from time to time. It does not know what is in them; what tells a change
// from none is a [Digest] of their content.
package watch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// LookEvery is how often files should be looked at, whatever the system tells: it
	// tells nothing of network file systems, nor of what a link in another directory
	// points to.
	LookEvery = 15 * time.Second
	// calm is how long nothing must have happened: a certificate and its key are
	// written one after the other. restless is how long that is waited for.
	calm     = 100 * time.Millisecond
	restless = time.Second
)

// Options say what to follow. All but Again are needed.
type Options struct {
	Files func() []string // of this moment; asked again after each look
	Look  func(time.Time) // is called when something may have changed, and at first
	Every time.Duration   // how often to look although the system tells nothing
	Again <-chan struct{} // a value on it says that Files are others now
	Log   *slog.Logger
}

// Follow looks at files until ctx ends. The directories are watched, not the files: these
// are replaced, and in Kubernetes a link beside them is.
func Follow(ctx context.Context, o Options) {
	tick := time.NewTicker(o.Every)
	defer tick.Stop()
	quiet := time.NewTimer(0)
	<-quiet.C
	var since time.Time // the first event that was not looked at; zero: none

	w, err := fsnotify.NewWatcher()
	var events chan fsnotify.Event
	var errs chan error
	if err != nil {
		o.Log.Warn("the system does not tell of changed files; they are looked at from time to time", "every", o.Every, "error", err.Error())
	} else {
		defer w.Close()
		events, errs = w.Events, w.Errors
		o.watch(w)
	}
	o.Look(time.Now()) // what has changed since the start
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
		case <-o.Again:
		}
		since = time.Time{}
		if w != nil {
			o.watch(w) // before the look, after which nothing of what changes is missed
		}
		o.Look(time.Now())
	}
}

// watch has exactly the directories watched that the files are in. One that was replaced
// is not watched any more, and is again.
func (o *Options) watch(w *fsnotify.Watcher) {
	var want []string
	for _, name := range o.Files() {
		if dir := filepath.Dir(name); !slices.Contains(want, dir) {
			want = append(want, dir)
		}
	}
	have := w.WatchList()
	for _, dir := range have {
		if !slices.Contains(want, dir) {
			_ = w.Remove(dir) // it may be gone
		}
	}
	for _, dir := range want {
		if !slices.Contains(have, dir) {
			_ = w.Add(dir) // else the timer finds it
		}
	}
}

// Sum is what files held at one moment.
type Sum [sha256.Size]byte

// Digest sums up what files hold, up to most bytes of each, or why they cannot be read.
// Of what is no regular file, a pipe say, nothing is read: that would take it from who
// is to have it.
func Digest(files []string, most int64) (sum Sum) {
	h := sha256.New()
	for _, name := range files {
		content := sha256.New()
		n, err := copyFile(content, name, most)
		fmt.Fprintf(h, "%q %d %x %v\n", name, n, content.Sum(nil), err)
	}
	h.Sum(sum[:0])
	return sum
}

var errIrregular = errors.New("is no regular file")

func copyFile(to io.Writer, name string, most int64) (int64, error) {
	// Opening a pipe would wait for its writer.
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = errIrregular
	}
	if err != nil {
		return 0, err
	}
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return io.Copy(to, io.LimitReader(f, most+1))
}
