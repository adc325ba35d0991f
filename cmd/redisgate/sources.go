package main

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"redisgate/config"
	"redisgate/watch"
)

// maxSource is how much of a file tells whether it has changed: lists of networks and
// files of users are no longer.
const maxSource = 64 << 20

// sources are the files that a configuration consists of. With [reload] watch = true they
// are watched. If what was read last could not be used, these are those of it too: what
// was wrong may be mended in a file that is named there alone.
type sources struct {
	changed func()
	again   chan struct{}

	watching sync.WaitGroup

	mu    sync.Mutex // guards what follows
	on    bool
	force []string             // files of the configuration in force, its own first
	files []string             // all that are looked at; replaced, never changed
	seen  map[string]watch.Sum // what they held when they were read last
	begun context.Context      // the watch may go on until that ends; nil: none may
	log   *slog.Logger
	end   context.CancelFunc // of the watch that goes on; nil: none does
}

// init begins with c. seen is what its files held before they were read, as far as that
// was looked at.
func (s *sources) init(c *config.Config, seen map[string]watch.Sum, changed func()) {
	s.changed, s.again = changed, make(chan struct{}, 1)
	s.force = sourcesOf(c)
	s.on, s.files, s.seen = c.Reload.Watch, s.force, digests(s.force)
	maps.Copy(s.seen, seen)
}

func sourcesOf(c *config.Config) []string {
	if c.File() == "" {
		return nil
	}
	return append([]string{c.File()}, c.Files()...)
}

func digests(files []string) map[string]watch.Sum {
	sums := make(map[string]watch.Sum, len(files))
	for _, f := range files {
		sums[f] = watch.Digest([]string{f}, maxSource)
	}
	return sums
}

// read is called before the configuration file is read, and when redisgate itself has
// written one: what changes from then on is new.
func (s *sources) read(file string) {
	sums := digests([]string{file})
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.seen, sums)
}

// note is called before the files are read that c names.
func (s *sources) note(c *config.Config) {
	s.mu.Lock()
	named := slices.Concat(sourcesOf(c), s.force, c.TLSFiles())
	s.mu.Unlock()
	slices.Sort(named)
	named = slices.Compact(named)
	sums := digests(slices.DeleteFunc(slices.Clone(named), func(f string) bool { return f == c.File() }))
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.seen, sums)
	s.files = named
}

// done is called when they were read: c is in force, or with nil the old configuration
// still is.
func (s *sources) done(c *config.Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c != nil {
		s.on, s.force = c.Reload.Watch, sourcesOf(c)
		s.files = s.force
	}
	maps.DeleteFunc(s.seen, func(f string, _ watch.Sum) bool { return !slices.Contains(s.files, f) })
	s.turn()
	select {
	case s.again <- struct{}{}:
	default:
	}
}

// list gives the files of this moment.
func (s *sources) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files
}

// look says so if a file holds something else than when it was read.
func (s *sources) look(time.Time) {
	sums := digests(s.list())
	s.mu.Lock()
	other := false
	for f, sum := range sums {
		if was, known := s.seen[f]; known && was != sum {
			s.seen[f], other = sum, true
		}
	}
	s.mu.Unlock()
	if other {
		s.changed()
	}
}

// watch watches while that is switched on, until ctx ends.
func (s *sources) watch(ctx context.Context, log *slog.Logger) {
	s.mu.Lock()
	s.begun, s.log = ctx, log
	s.turn()
	s.mu.Unlock()
}

// stop ends the watch for good.
func (s *sources) stop() {
	s.mu.Lock()
	s.begun = nil
	s.turn()
	s.mu.Unlock()
	s.watching.Wait()
}

// turn begins or ends the watch, as is right now. It is for who holds mu.
func (s *sources) turn() {
	switch want := s.on && s.begun != nil; {
	case want && s.end == nil:
		var ctx context.Context
		ctx, s.end = context.WithCancel(s.begun)
		o := watch.Options{Files: s.list, Look: s.look, Every: watch.LookEvery, Again: s.again, Log: s.log}
		s.watching.Go(func() { watch.Follow(ctx, o) })
	case !want && s.end != nil:
		s.end()
		s.end = nil
	}
}
