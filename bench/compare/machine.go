package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// machine is what figures depend on besides the code.
type machine struct {
	CPU      string            `json:"cpu"`
	CPUs     int               `json:"cpus"`
	Memory   string            `json:"memory"`
	Kernel   string            `json:"kernel"`
	Load     string            `json:"load"` // averages when the run began
	Go       string            `json:"go"`
	Tree     string            `json:"tree"` // commit
	Programs map[string]string `json:"programs"`
}

// inspect reads it. What cannot be found out is "unknown" or missing.
func inspect() machine {
	m := machine{
		CPU: procValue("/proc/cpuinfo", "model name"), CPUs: runtime.NumCPU(), Memory: procValue("/proc/meminfo", "MemTotal"),
		Kernel: firstLine(fileText("/proc/sys/kernel/osrelease")), Load: firstLine(fileText("/proc/loadavg")),
		Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH, Tree: firstLine(output("git", "describe", "--always", "--dirty")),
		Programs: map[string]string{},
	}
	for _, p := range []struct {
		names []string
		flag  string
	}{
		{[]string{"redis-server"}, "--version"},
		{[]string{"redis-benchmark"}, "--version"},
		{[]string{"haproxy"}, "-v"},
		{[]string{"stunnel4", "stunnel"}, "-version"},
		{[]string{"openssl"}, "version"},
		{[]string{"ghostunnel"}, "--version"},
		{[]string{"envoy"}, "--version"},
	} {
		if path, err := find(p.names...); err == nil {
			m.Programs[p.names[0]] = version(p.names[0], output(path, p.flag))
		}
	}
	return m
}

// version finds the line of a program's output that has its version.
func version(name, text string) string {
	if name == "stunnel4" {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "stunnel ") {
				return strings.TrimSpace(line)
			}
		}
	}
	return firstLine(text)
}

func output(program string, args ...string) string {
	out, _ := exec.Command(program, args...).CombinedOutput()
	return string(out)
}

func fileText(path string) string {
	data, _ := os.ReadFile(path)
	return string(data)
}

func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return "unknown"
}

// procValue returns the first value of a name in a file of "name: value" lines.
func procValue(path, name string) string {
	for line := range strings.Lines(fileText(path)) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func (m machine) markdown() string {
	out := fmt.Sprintf("- CPU: %s, %d CPUs, %s memory\n- Linux %s, load averages at the start %s\n- %s, tree %s\n",
		m.CPU, m.CPUs, m.Memory, m.Kernel, m.Load, m.Go, m.Tree)
	for _, name := range sortedKeys(m.Programs) {
		out += fmt.Sprintf("- %s: %s\n", name, m.Programs[name])
	}
	return out
}
