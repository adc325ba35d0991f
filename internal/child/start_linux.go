package child

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// starter starts processes from one thread that lives as long as the program.
// The kernel sends Pdeathsig when the thread that forked ends, not the process,
// and Go may end other threads at any time.
var starter = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// Start starts cmd so that it does not outlive a program that panics or is
// killed. It takes cmd.SysProcAttr for itself.
func Start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	errs := make(chan error)
	starter() <- func() { errs <- cmd.Start() }
	return <-errs
}
