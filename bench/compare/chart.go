package main

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// bar is one bar of a chart: what it stands for, and its parts from left to right.
type bar struct {
	label string
	parts []float64
}

// colours of parts and lines; they differ in brightness too.
var colours = []string{"#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b"}

const (
	textSize  = 12
	rowHeight = 22
	leftEdge  = 170
	plotWidth = 480
	fullWidth = leftEdge + plotWidth + 90
)

// drawing collects SVG elements.
type drawing struct{ strings.Builder }

func (d *drawing) text(x, y float64, anchor, colour, text string) {
	fmt.Fprintf(d, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">`, x, y, anchor, colour)
	_ = xml.EscapeText(d, []byte(text))
	d.WriteString("</text>\n")
}

func (d *drawing) rect(x, y, w, h float64, colour string) {
	fmt.Fprintf(d, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, w, h, colour)
}

func (d *drawing) line(x1, y1, x2, y2 float64, colour string) {
	fmt.Fprintf(d, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, colour)
}

// svg wraps the elements up, on white, so that the chart can be read on a dark page.
func (d *drawing) svg(width, height float64) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="%d">`+"\n",
		width, height, width, height, textSize) +
		fmt.Sprintf(`<rect width="%.0f" height="%.0f" fill="white"/>`+"\n", width, height) + d.String() + "</svg>\n"
}

// bars draws horizontal bars. legend names the parts; with one part it may be empty.
func bars(title string, legend []string, all []bar, format string) string {
	var d drawing
	d.text(10, 20, "start", "black", title)
	x := 10.0
	for i, name := range legend {
		d.rect(x, 32, 10, 10, colours[i%len(colours)])
		d.text(x+14, 42, "start", "black", name)
		x += 30 + 7*float64(len(name))
	}
	most := 0.0
	for _, b := range all {
		most = max(most, total(b.parts))
	}
	y := 54.0
	for _, b := range all {
		d.text(leftEdge-8, y+15, "end", "black", b.label)
		x := float64(leftEdge)
		for i, part := range b.parts {
			w := 0.0
			if most > 0 {
				w = part / most * plotWidth
			}
			d.rect(x, y+3, w, rowHeight-6, colours[i%len(colours)])
			x += w
		}
		d.text(x+5, y+15, "start", "black", fmt.Sprintf(format, total(b.parts)))
		y += rowHeight
	}
	return d.svg(fullWidth, y+10)
}

func total(parts []float64) float64 {
	sum := 0.0
	for _, p := range parts {
		sum += p
	}
	return sum
}

// speedChart shows the median commands a second of each target.
func speedChart(s scenario, runs []run) string {
	var all []bar
	for _, t := range s.targets {
		all = append(all, bar{t, []float64{middle(runs, t, func(r run) float64 { return r.Rate })}})
	}
	return bars(s.title()+": commands a second", nil, all, "%.0f")
}

// cpuChart shows the processor time of a command, in the proxy and in Redis.
func cpuChart(s scenario, runs []run) string {
	var all []bar
	for _, t := range s.targets {
		all = append(all, bar{t, []float64{
			middle(runs, t, func(r run) float64 { return r.ProxyCPU }),
			middle(runs, t, func(r run) float64 { return r.RedisCPU }),
		}})
	}
	return bars(s.title()+": CPU microseconds of a command", []string{"proxy", "Redis"}, all, "%.1f")
}
