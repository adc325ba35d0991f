package main

import (
	"bytes"
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// logLines is how many lines of the log wait to be written.
	logLines = 1024
	// lastWords is for how long the end waits for them.
	lastWords = time.Second
)

// logQueue writes lines on a goroutine of its own: a standard error that nobody reads
// must hold up neither a loop nor the end. Lines for which there is no room are lost, and
// the log says how many once it is read again.
type logQueue struct {
	lines chan []byte
	lost  atomic.Uint64
}

// newLogQueue gives a log in the form that log makes of a writer, and what ends it: that
// waits until what was logged before is written, but not for long. What is logged later
// is lost.
func newLogQueue(w io.Writer, log func(io.Writer) *slog.Logger) (l *slog.Logger, end func()) {
	q := &logQueue{lines: make(chan []byte, logLines)}
	l = log(q)
	ends, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		q.write(w, l, ends)
	}()
	return l, func() {
		close(ends)
		timer := time.NewTimer(lastWords)
		defer timer.Stop()
		select {
		case <-ended:
		case <-timer.C:
		}
	}
}

// Write takes one line. It never waits and never fails.
func (q *logQueue) Write(p []byte) (int, error) {
	select {
	case q.lines <- bytes.Clone(p):
	default:
		q.lost.Add(1)
	}
	return len(p), nil
}

func (q *logQueue) write(w io.Writer, log *slog.Logger, ends <-chan struct{}) {
	for {
		select {
		case p := <-q.lines:
			q.one(w, log, p)
			continue
		case <-ends:
		}
		select {
		case p := <-q.lines:
			q.one(w, log, p)
		default:
			return
		}
	}
}

func (q *logQueue) one(w io.Writer, log *slog.Logger, p []byte) {
	_, _ = w.Write(p)
	if len(q.lines) > 0 {
		return // and there is room for what follows when the rest is out
	}
	if n := q.lost.Swap(0); n > 0 {
		log.Warn("lines of the log were lost, since it was not read", "lines", n)
	}
}
