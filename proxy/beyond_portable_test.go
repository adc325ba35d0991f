//go:build portable || !linux

package proxy_test

// pings are more than a session reads ahead, and no more than the portable loop does
// besides, which cannot see an end behind that.
const pings = 12000
