package e2e

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var sortedPools = slices.Sorted(maps.Keys(pools))

const (
	stateClients = 4
	statesInRun  = 200
)

// TestStates plays 20,000 random moves of four clients on a Redis directly and on
// another one through a gate: logging in, changing protocols and databases,
// transactions, subscriptions, waits, silence. Whatever Redis says, to whomever, the
// gate must say. A difference is shrunk to the moves that it needs.
// REDISGATE_STATES is another number of moves, REDISGATE_SEED where to begin.
func TestStates(t *testing.T) {
	total, first := number("REDISGATE_STATES", 20_000), number("REDISGATE_SEED", 1)
	runs := (total + statesInRun - 1) / statesInRun
	h := &theatre{t: t}
	for i := range runs {
		seed := uint64(first + i)
		moves := stateMoves(seed, statesInRun, stateClients)
		if d := h.play(moves, stateClients); d != "" {
			moves, d = h.shrink(moves, d)
			t.Fatalf("seed %d: %s\n\nafter\n%s", seed, d, listed(moves))
		}
	}
	t.Logf("%d moves", runs*statesInRun)
}

// TestStatesShrinks has a difference that is there on purpose found among others.
func TestStatesShrinks(t *testing.T) {
	h := &theatre{t: t}
	moves := stateMoves(1, 60, stateClients)
	planted := []move{
		{who: 1, asks: []ask{{words: []string{"RESET"}}}},
		{who: 1, asks: []ask{{words: []string{"AUTH", "app", "secret"}}}},
		{who: 1, asks: []ask{{words: []string{"MULTI"}}}},
		{who: 1, asks: []ask{{words: []string{"SUBSCRIBE", "c"}}}},
	}
	moves = slices.Concat(moves[:30], planted, moves[30:])
	d := h.play(moves, stateClients)
	if d == "" {
		t.Fatal("SUBSCRIBE in MULTI is refused here only, and was not found")
	}
	if moves, d = h.shrink(moves, d); len(moves) > 2 || !strings.Contains(d, "SUBSCRIBE") {
		t.Errorf("%s\n\nafter\n%s; want MULTI and SUBSCRIBE alone", d, listed(moves))
	}
}

// shrink leaves out moves, and commands of moves, without which there is still a
// difference.
func (h *theatre) shrink(moves []move, d string) ([]move, string) {
	tries := 0
	still := func(fewer []move) bool {
		if tries++; tries > 400 {
			return false
		}
		now := h.play(fewer, stateClients)
		d = cmp.Or(now, d)
		return now != ""
	}
	for size := len(moves) / 2; size > 0; size /= 2 {
		for at := 0; at < len(moves); {
			fewer := slices.Delete(slices.Clone(moves), at, min(at+size, len(moves)))
			if still(fewer) {
				moves = fewer
			} else {
				at += size
			}
		}
	}
	for i := range moves {
		for j := 0; j < len(moves[i].asks) && len(moves[i].asks) > 1; {
			fewer := slices.Clone(moves)
			fewer[i].asks = slices.Delete(slices.Clone(moves[i].asks), j, j+1)
			if still(fewer) {
				moves = fewer
			} else {
				j++
			}
		}
	}
	return moves, d
}

func listed(moves []move) string {
	var b strings.Builder
	for _, m := range moves {
		b.WriteString(m.String() + "\n")
	}
	return b.String()
}

// number is an environment variable's value, or n.
func number(name string, n int) int {
	if v, err := strconv.Atoi(os.Getenv(name)); err == nil && v > 0 {
		return v
	}
	return n
}
