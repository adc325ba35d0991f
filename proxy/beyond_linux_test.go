//go:build linux && !portable

package proxy_test

// pings are more than is read ahead by far.
const pings = 28000
