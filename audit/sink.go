package audit

import (
	"errors"
	"io"
	"strings"
)

// sink is where lines go. Its methods are called by one goroutine at a time.
type sink interface {
	// Write takes whole lines, and the rest of one that it has taken a part of. It
	// returns how many bytes of them will not be needed again.
	Write(lines []byte) (int, error)
	// Reopen looks again for what it writes to. If that fails the old stays.
	Reopen() error
	Close() error
}

// The values of Options.Path that are no files.
const (
	Stdout       = "-"
	Syslog       = "syslog"
	syslogSocket = "syslog://"
)

// IsFile says that a path of Options is a file's.
func IsFile(path string) bool {
	return path != "" && path != Stdout && path != Syslog && !strings.HasPrefix(path, syslogSocket)
}

// openSink opens what o says. lost is told of lines that cannot be written whatever is tried.
func openSink(o Options, lost func(lines []byte)) (sink, error) {
	switch {
	case o.Path == Stdout:
		if o.Stdout == nil {
			return nil, errors.New("audit: there is no standard output")
		}
		return stream{o.Stdout}, nil
	case o.Path == Syslog:
		return openSyslog("", lost)
	case isSyslogSocket(o.Path):
		return openSyslog(strings.TrimPrefix(o.Path, syslogSocket), lost)
	}
	return openFile(o.Path, o.MaxSize, o.Keep)
}

// stream is a sink that somebody else has opened.
type stream struct{ w io.Writer }

func (s stream) Write(lines []byte) (int, error) { return s.w.Write(lines) }
func (stream) Reopen() error                     { return nil }
func (stream) Close() error                      { return nil }
