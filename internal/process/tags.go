//go:build !portable

package process

// tags are the build tags of the binary: those of whoever runs it.
const tags = ""
