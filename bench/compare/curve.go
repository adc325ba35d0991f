package main

import (
	"fmt"
	"math"
	"slices"
)

// dot is a point of a curve.
type dot struct {
	x int
	y float64
}

// curve is one line of a chart.
type curve struct {
	label string
	dots  []dot // by rising x
}

const (
	curveLeft   = 60.0
	curveTop    = 60.0
	curveWidth  = 520.0
	curveHeight = 240.0
)

// curves draws lines over a logarithmic x. y begins at 0, so that a slope is not
// larger than it is.
func curves(title string, all []curve) string {
	var xs []int
	most := 0.0
	for _, c := range all {
		for _, p := range c.dots {
			xs = append(xs, p.x)
			most = max(most, p.y)
		}
	}
	slices.Sort(xs)
	xs = slices.Compact(xs)
	var d drawing
	d.text(10, 20, "start", "black", title)
	if len(xs) == 0 {
		return d.svg(curveLeft+curveWidth+40, curveTop)
	}
	low, high := math.Log(float64(max(1, xs[0]))), math.Log(float64(max(2, xs[len(xs)-1])))
	px := func(x int) float64 {
		if high <= low {
			return curveLeft + curveWidth/2
		}
		return curveLeft + (math.Log(float64(max(1, x)))-low)/(high-low)*curveWidth
	}
	step := stepFor(most)
	top := math.Max(step, math.Ceil(most/step)*step)
	py := func(y float64) float64 { return curveTop + curveHeight - y/top*curveHeight }
	for y := 0.0; y <= top+step/2; y += step {
		d.line(curveLeft, py(y), curveLeft+curveWidth, py(y), "#dddddd")
		d.text(curveLeft-6, py(y)+4, "end", "black", fmt.Sprintf("%g", math.Round(y*1000)/1000))
	}
	for _, x := range xs {
		d.line(px(x), curveTop, px(x), curveTop+curveHeight, "#eeeeee")
		d.text(px(x), curveTop+curveHeight+18, "middle", "black", fmt.Sprint(x))
	}
	legend := 10.0
	for i, c := range all {
		colour := colours[i%len(colours)]
		d.rect(legend, 32, 10, 10, colour)
		d.text(legend+14, 42, "start", "black", c.label)
		legend += 30 + 7*float64(len(c.label))
		for k, p := range c.dots {
			if k > 0 {
				before := c.dots[k-1]
				d.line(px(before.x), py(before.y), px(p.x), py(p.y), colour)
			}
			d.rect(px(p.x)-3, py(p.y)-3, 6, 6, colour)
		}
	}
	return d.svg(curveLeft+curveWidth+40, curveTop+curveHeight+35)
}

// stepFor returns 1, 2 or 5 times a power of ten that divides most into about five.
func stepFor(most float64) float64 {
	if most <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(most/5)))
	for _, m := range []float64{1, 2, 5} {
		if most/5 <= m*power {
			return m * power
		}
	}
	return 10 * power
}
