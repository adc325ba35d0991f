//go:build !timed

package e2e

// requests is how many each of redis-benchmark's tests sends.
const requests = 20_000
