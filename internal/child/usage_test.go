package child

import (
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 42 42 0 -1 4194560 2077 0 7 0 123 45 6 7 20 0 5 0 1000 1 2"
	for _, tc := range []struct {
		line string
		want time.Duration
		fail bool
	}{
		{line: "42 (redis-server)" + rest, want: 1680 * time.Millisecond},
		{line: "42 (a) b (c)" + rest, want: 1680 * time.Millisecond},
		{line: "42 (redis-server) S 1 2", fail: true},
		{line: "42 (x) S 1 42 42 0 -1 4194560 2077 0 7 0 a 45", fail: true},
		{line: "", fail: true},
	} {
		got, err := parseStat(tc.line)
		if (err != nil) != tc.fail || !tc.fail && got != tc.want {
			t.Errorf("parseStat(%q) = %v, %v; want %v, error: %v", tc.line, got, err, tc.want, tc.fail)
		}
	}
}

func TestParseStatm(t *testing.T) {
	if got, err := parseStatm("1000 25 3 4 0 6 0\n", 4096); got != 25*4096 || err != nil {
		t.Errorf("parseStatm() = %d, %v; want %d", got, err, 25*4096)
	}
	for _, line := range []string{"", "1000", "1000 x"} {
		if got, err := parseStatm(line, 4096); err == nil {
			t.Errorf("parseStatm(%q) = %d; want an error", line, got)
		}
	}
}

func TestUsageOfThisProcess(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc on this system")
	}
	if got, err := Resident(os.Getpid()); got < 1<<20 || err != nil {
		t.Errorf("Resident() = %d, %v; want more than a megabyte", got, err)
	}
	if got, err := CPU(os.Getpid()); got < 0 || err != nil {
		t.Errorf("CPU() = %v, %v; want no error", got, err)
	}
	if _, err := CPU(0); err == nil {
		t.Error("CPU(0) = nil; want an error")
	}
}
