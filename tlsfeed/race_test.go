//go:build race

package tlsfeed

// raceEnabled: a sync.Pool of crypto/tls drops at random under the race
// detector, so allocations cannot be counted.
const raceEnabled = true
