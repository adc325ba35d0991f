package main

import (
	"fmt"
	"strconv"
	"strings"
)

// times are the processors' times since the machine has started, in ticks (proc_stat(5)).
type times struct{ all, idle, stolen uint64 }

// readTimes takes them from the first line of /proc/stat: user, nice, system, idle,
// iowait, irq, softirq, steal; guests' time is in user's. All are 0 where there is none.
func readTimes(stat string) (t times) {
	fields := strings.Fields(firstLine(stat))
	if len(fields) < 9 || fields[0] != "cpu" {
		return times{}
	}
	for i, f := range fields[1:9] {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return times{}
		}
		t.all += n
		switch i {
		case 3, 4:
			t.idle += n
		case 7:
			t.stolen += n
		}
	}
	return t
}

// stolen is which part of the time that this machine wanted its hypervisor gave to others.
func stolen(from, to times) float64 {
	wanted := float64(to.all-from.all) - float64(to.idle-from.idle)
	if to.all < from.all || wanted <= 0 {
		return 0
	}
	return float64(to.stolen-from.stolen) / wanted
}

func stolenNote(part float64) string {
	if part < 0.005 {
		return ""
	}
	return fmt.Sprintf("Of the processor time that was wanted meanwhile the hypervisor gave %.0f %% to others.", 100*part)
}
