//go:build !race

package tlsfeed

const raceEnabled = false
