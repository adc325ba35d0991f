//go:build portable

package process

const tags = "portable"
