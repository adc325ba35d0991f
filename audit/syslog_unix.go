//go:build !windows && !plan9

package audit

import (
	"bytes"
	"errors"
	"log/syslog"
	"syscall"
)

// system is syslog, facility authpriv: each line is a message of level notice.
type system struct {
	w    *syslog.Writer
	lost func(lines []byte)
}

// openSyslog connects to the system's log, or to a socket.
func openSyslog(socket string, lost func(lines []byte)) (sink, error) {
	const priority = syslog.LOG_NOTICE | syslog.LOG_AUTHPRIV
	var w *syslog.Writer
	var err error
	if socket == "" {
		w, err = syslog.New(priority, "redisgate")
	} else if w, err = syslog.Dial("unixgram", socket, priority, "redisgate"); err != nil {
		w, err = syslog.Dial("unix", socket, priority, "redisgate")
	}
	if err != nil {
		return nil, err
	}
	return system{w, lost}, nil
}

// Write implements sink. A message that the socket never takes, because of its length,
// is left out.
func (s system) Write(lines []byte) (int, error) {
	done := 0
	for line := range bytes.Lines(lines) {
		switch _, err := s.w.Write(line); {
		case errors.Is(err, syscall.EMSGSIZE):
			s.lost(line)
		case err != nil:
			return done, err
		}
		done += len(line)
	}
	return done, nil
}

// Reopen implements sink; the library connects again by itself.
func (system) Reopen() error { return nil }

// Close implements sink.
func (s system) Close() error { return s.w.Close() }
