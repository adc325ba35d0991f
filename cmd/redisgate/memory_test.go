package main

import (
	"errors"
	"math"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

func TestTheCollectorKnowsTheContainersLimit(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	for _, test := range []struct {
		name  string
		limit uint64
		err   error
		want  int64
	}{
		{"a container's", 100 << 20, nil, 90 << 20},
		{"none", 0, memlimit.ErrNoLimit, math.MaxInt64},
		{"unreadable", 0, errors.New("no such file"), before},
	} {
		undo := limitMemory(func() (uint64, error) { return test.limit, test.err })
		if got := debug.SetMemoryLimit(-1); got != test.want {
			t.Errorf("%s: the limit is %d; want %d", test.name, got, test.want)
		}
		undo()
		if got := debug.SetMemoryLimit(-1); got != before {
			t.Errorf("%s: the limit is %d when undone; want %d", test.name, got, before)
		}
	}
	t.Run("the environment's", func(t *testing.T) {
		t.Setenv("GOMEMLIMIT", "1GiB")
		defer limitMemory(func() (uint64, error) { return 100 << 20, nil })()
		if got := debug.SetMemoryLimit(-1); got != before {
			t.Errorf("the limit is %d; want %d, as the runtime has it from the environment", got, before)
		}
	})
}
