package child

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// CPU is the processor time that a process has used, all threads together, those
// that have ended too. Its steps are 10 ms.
func CPU(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseStat(string(data))
}

// Resident is the resident memory of a process in bytes.
func Resident(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	return parseStatm(string(data), int64(os.Getpagesize()))
}

// tick is that of every Linux that Go runs on: USER_HZ is 100.
const tick = time.Second / 100

// parseStat adds utime and stime of /proc/PID/stat, proc_pid_stat(5). The name of
// the program stands in parentheses and may hold anything.
func parseStat(line string) (time.Duration, error) {
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	const utime, stime = 11, 12 // fields 14 and 15, less pid and name, from 0
	if len(fields) <= stime {
		return 0, fmt.Errorf("/proc/PID/stat is too short: %q", line)
	}
	user, err1 := strconv.ParseInt(fields[utime], 10, 64)
	system, err2 := strconv.ParseInt(fields[stime], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// parseStatm reads the second field of /proc/PID/statm, proc_pid_statm(5).
func parseStatm(line string, page int64) (int64, error) {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/PID/statm is too short: %q", line)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * page, err
}
