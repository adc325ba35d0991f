package main

import (
	"fmt"
	"strings"
)

// report is a whole run of this program.
type report struct {
	Date     string    `json:"date"` // with time, UTC
	Machine  machine   `json:"machine"`
	Command  []string  `json:"command"`
	Rounds   int       `json:"rounds"`
	Seconds  float64   `json:"seconds"` // of a run, about
	Sections []section `json:"sections"`
	Failures []string  `json:"failures,omitempty"` // scenarios and targets that could not be measured, and why
}

// section is one measurement: a table, what it was made from, and charts.
type section struct {
	Name   string   `json:"name"`
	Title  string   `json:"title"`
	Note   string   `json:"note,omitempty"`
	Stolen float64  `json:"stolen"` // part of the wanted processor time that a hypervisor gave to others
	Table  table    `json:"table"`
	Runs   any      `json:"runs"` // every single run
	Charts []figure `json:"-"`
}

// table has a row of names and rows of as many cells.
type table struct {
	Head []string   `json:"head"`
	Rows [][]string `json:"rows"`
}

// add adds a row.
func (t *table) add(cells ...string) { t.Rows = append(t.Rows, cells) }

// markdown renders a table; numbers stand on the right.
func (t table) markdown() string {
	var out strings.Builder
	line := func(cells []string) {
		out.WriteString("|")
		for _, c := range cells {
			out.WriteString(" " + strings.ReplaceAll(c, "|", `\|`) + " |")
		}
		out.WriteString("\n")
	}
	line(t.Head)
	out.WriteString("| ---" + strings.Repeat(" | ---:", max(0, len(t.Head)-1)) + " |\n")
	for _, row := range t.Rows {
		line(row)
	}
	return out.String()
}

// figure is a chart with its name, of which its file is called.
type figure struct {
	name, title string
	svg         string
}

// markdown renders a section. image returns where a chart's file is; nil: there
// are no files.
func (s section) markdown(image func(figure) string) string {
	out := "## " + s.Title + "\n\n"
	if s.Note != "" {
		out += s.Note + "\n\n"
	}
	if note := stolenNote(s.Stolen); note != "" {
		out += note + "\n\n"
	}
	out += s.Table.markdown()
	if image != nil {
		for _, f := range s.Charts {
			out += fmt.Sprintf("\n![%s](%s)\n", f.title, image(f))
		}
	}
	return out
}

// markdown renders all.
func (r report) markdown(image func(section, figure) string) string {
	out := "# Comparison of " + r.Date + "\n\n" + r.Machine.markdown() +
		fmt.Sprintf("\n`%s`: %d rounds, runs of about %g s, medians. What each column isolates is in [README.md](README.md).\n",
			strings.Join(r.Command, " "), r.Rounds, r.Seconds)
	for _, f := range r.Failures {
		out += "\nNot measured: " + strings.ReplaceAll(strings.TrimSpace(f), "\n", " ") + "\n"
	}
	for _, s := range r.Sections {
		out += "\n" + s.markdown(func(f figure) string { return image(s, f) })
	}
	return out
}

// scenarioSection makes a section of one scenario's runs.
func scenarioSection(s scenario, runs []run) section {
	out := section{Runs: runs}
	out.Table.Head = []string{
		"target", "commands/s", "p50 ms", "p99 ms", "proxy us", "Redis us", "both us", "load us", "proxy MB", "Redis MB",
	}
	bases := s.bases()
	for _, b := range bases {
		out.Table.Head = append(out.Table.Head, "speed : "+b)
	}
	for _, b := range bases {
		out.Table.Head = append(out.Table.Head, "CPU : "+b)
	}
	if s.has(plainRedis) {
		out.Table.Head = append(out.Table.Head, "Redis us : "+plainRedis)
	}
	rate := func(r run) float64 { return r.Rate }
	for _, target := range s.targets {
		m := func(f func(run) float64) float64 { return middle(runs, target, f) }
		row := []string{
			target,
			fmt.Sprintf("%.0f", m(rate)),
			fmt.Sprintf("%.3f", m(func(r run) float64 { return r.P50 })),
			fmt.Sprintf("%.3f", m(func(r run) float64 { return r.P99 })),
			fmt.Sprintf("%.2f", m(func(r run) float64 { return r.ProxyCPU })),
			fmt.Sprintf("%.2f", m(func(r run) float64 { return r.RedisCPU })),
			fmt.Sprintf("%.2f", m(run.bothCPU)),
			fmt.Sprintf("%.2f", m(func(r run) float64 { return r.LoadCPU })),
			fmt.Sprintf("%.1f", m(func(r run) float64 { return megabytes(r.ProxyRSS) })),
			fmt.Sprintf("%.1f", m(func(r run) float64 { return megabytes(r.RedisRSS) })),
		}
		for _, b := range bases {
			row = append(row, ratioCell(runs, target, b, rate))
		}
		for _, b := range bases {
			row = append(row, ratioCell(runs, target, b, run.bothCPU))
		}
		if s.has(plainRedis) {
			row = append(row, ratioCell(runs, target, plainRedis, func(r run) float64 { return r.RedisCPU }))
		}
		out.Table.add(row...)
	}
	out.Charts = []figure{{name: "speed", title: s.title() + ": commands a second", svg: speedChart(s, runs)}, {name: "cpu", title: s.title() + ": CPU of a command", svg: cpuChart(s, runs)}}
	return out
}

func ratioCell(runs []run, target, base string, f func(run) float64) string {
	v, ok := ratio(runs, target, base, f)
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%.2f", v)
}

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }

// title says what the scenario is.
func (s scenario) title() string {
	command := map[string]string{get: "GET", set: "SET", mset: "MSET of 10 keys", mix: "nine GETs to a SET"}[s.command]
	noun := "clients"
	if s.clients == 1 {
		noun = "client"
	}
	out := fmt.Sprintf("%s, %s, %d %s", command, bytesName(s.size), s.clients, noun)
	if s.pipeline > 1 {
		out += fmt.Sprintf(", pipeline %d", s.pipeline)
	}
	if s.has(openGate) {
		out = "What policy and metrics cost: " + out
	}
	return out
}

func bytesName(n int) string {
	if n >= 1<<10 {
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

func (s scenario) has(target string) bool {
	for _, t := range s.targets {
		if t == target {
			return true
		}
	}
	return false
}

// bases are the scenario's targets that the others are compared with.
func (s scenario) bases() []string {
	var out []string
	for _, b := range []string{tlsRedis, haproxy, openGate, baseGate} {
		if s.has(b) {
			out = append(out, b)
		}
	}
	return out
}
