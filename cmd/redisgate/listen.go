package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"redisgate/config"
)

// listen opens all endpoints or none. The error names each that failed.
func listen(endpoints []config.Endpoint, mode fs.FileMode) ([]net.Listener, error) {
	var open []net.Listener
	var errs []error
	for _, e := range endpoints {
		ln, err := listenAt(e, mode)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		open = append(open, ln)
	}
	if err := errors.Join(errs...); err != nil {
		for _, ln := range open {
			ln.Close()
		}
		return nil, err
	}
	return open, nil
}

func listenAt(e config.Endpoint, mode fs.FileMode) (net.Listener, error) {
	if !e.Unix() {
		return net.Listen(e.Network, e.Address)
	}
	if err := removeStale(e.Address); err != nil {
		return nil, err
	}
	// The mode must hold from the first moment: between listen and a chmod
	// anybody could connect. Nothing else creates files meanwhile.
	old := syscall.Umask(int(0o777 &^ mode.Perm()))
	defer syscall.Umask(old)
	return net.Listen(e.Network, e.Address)
}

// removeStale removes the socket that a killed process has left at path. A
// socket that somebody listens on, and anything that is no socket, stays and
// is an error.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("listening on %s: the file exists and is no socket", path)
	}
	nc, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		nc.Close()
		return hinted("is another redisgate running?", "listening on %s: somebody listens there already", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("listening on %s: %w", path, err)
	}
	return os.Remove(path)
}
