package config

import "strings"

// Nearest returns the candidate that a misspelled key was most likely meant to
// be, or "". Candidates are lower case.
func Nearest(key string, candidates []string) string {
	folded := strings.ReplaceAll(strings.ToLower(key), "-", "_")
	best, bestDistance := "", len(folded)/3+1
	for _, c := range candidates {
		if d := distance(folded, c); d < bestDistance || d == 0 {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is the number of inserted, deleted, changed or swapped
// neighbouring bytes between a and b.
func distance(a, b string) int {
	before, previous := []int(nil), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(previous[j]+cost, previous[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, previous = previous, row
	}
	return previous[len(b)]
}
