package main

import (
	"math"
	"os"
	"testing"
)

func TestStolen(t *testing.T) {
	from := readTimes("cpu  100 0 100 1000 0 0 0 10 50 0\ncpu0 1 2 3\n")
	to := readTimes("cpu  150 10 120 1100 0 10 10 110 70 0\ncpu0 1 2 3\n")
	if got := stolen(from, to); math.Abs(got-0.5) > 1e-9 {
		t.Errorf("of 200 wanted ticks 100 were stolen, which is %v; want 0.5", got)
	}
	if got := stolenNote(0.5); got != "Of the processor time that was wanted meanwhile the hypervisor gave 50 % to others." {
		t.Errorf("stolenNote(0.5) = %q", got)
	}
	for _, text := range []string{"", "cpu 1 2 3", "cpu a 0 0 0 0 0 0 0", "intr 1 2 3 4 5 6 7 8 9"} {
		if got := stolen(times{}, readTimes(text)); got != 0 || stolenNote(got) != "" {
			t.Errorf("of %q %v is stolen; want nothing", text, got)
		}
	}
	if now := readTimes(fileText("/proc/stat")); now.all == 0 {
		if _, err := os.Stat("/proc/stat"); err == nil {
			t.Error("this machine's /proc/stat cannot be read")
		}
	}
}
