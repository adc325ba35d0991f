//go:build !linux

package child

import "os/exec"

// Start starts cmd.
func Start(cmd *exec.Cmd) error { return cmd.Start() }
