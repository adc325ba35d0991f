package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"redisgate/internal/child"
	"redisgate/internal/process"
)

// startTimeout is how long a server may take until it answers.
const startTimeout = 20 * time.Second

// server is a process that listens.
type server struct {
	cmd    *exec.Cmd
	log    *process.Buffer
	exited chan struct{} // closed when cmd has been waited for
}

// startServer starts a program and returns when ready returns nil, which is tried
// again and again. On error nothing runs.
func startServer(ctx context.Context, ready func() error, program string, args ...string) (*server, error) {
	s := &server{cmd: exec.Command(program, args...), log: &process.Buffer{}, exited: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := child.Start(s.cmd); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := ready()
		if err == nil {
			return s, nil
		}
		select {
		case <-s.exited:
			return nil, fmt.Errorf("%s ended: %s\n%s", program, s.cmd.ProcessState, s.log)
		case <-ctx.Done():
			s.stop()
			return nil, fmt.Errorf("%s does not come up: %w\n%s", program, errors.Join(context.Cause(ctx), err), s.log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop ends the process, with force if it does not go by itself.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(3 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
}

// find returns the path of the first of these programs that is installed. Debian
// keeps those of daemons outside of an ordinary user's PATH.
func find(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		if path := "/usr/sbin/" + name; executable(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed; `tools/deps.sh` installs it or says how", names[0])
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// allowFiles lets this program and those that it starts open as many files as they
// may: each client is one here and two in a tunnel. Where that is refused, a load
// with many clients says so.
func allowFiles() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
}
