//go:build timed

package e2e

const requests = 200_000
