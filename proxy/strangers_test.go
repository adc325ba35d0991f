package proxy

import (
	"testing"
	"time"
)

func TestLoopsAreBusy(t *testing.T) {
	ms := func(n ...int) (all []time.Duration) {
		for _, n := range n {
			all = append(all, time.Duration(n)*time.Millisecond)
		}
		return all
	}
	for _, test := range []struct {
		name          string
		before, after []time.Duration
		want          bool
	}{
		{"all parked", ms(10, 20), ms(110, 120), false},
		{"a tenth at work", ms(10, 20), ms(100, 120), false},
		{"more than that", ms(10, 20), ms(99, 120), true},
		{"the other one", ms(10, 20), ms(110, 60), true},
		{"not one wait", ms(10), ms(10), true},
		{"loops that have ended", nil, nil, false},
	} {
		if got := busy(test.before, test.after, 100*time.Millisecond); got != test.want {
			t.Errorf("%s: busy() = %v; want %v", test.name, got, test.want)
		}
	}
}
