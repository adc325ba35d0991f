package status

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"redisgate/metrics"
)

// unknown stands for a number that nothing is known of yet.
const unknown = "–"

// number writes an integer with its thousands apart.
func number[N int | int64 | uint64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// rate writes how often something is in a second, with as many digits as matter.
func rate(f float64) string {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0) || f < 0:
		return unknown
	case f == 0:
		return "0"
	case f < 0.1:
		return "< 0.1"
	case f < 9.95:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return number(int64(math.Round(f)))
}

// size writes bytes; 1 KB is 1024 of them, as in the configuration.
func size(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) || f < 0 {
		return unknown
	}
	units := []string{"B", "KB", "MB", "GB", "TB"}
	i := 0
	for f >= 1000 && i < len(units)-1 {
		f /= 1024
		i++
	}
	if f < 9.95 && i > 0 {
		return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[i]
	}
	return strconv.FormatFloat(f, 'f', 0, 64) + " " + units[i]
}

// span writes a time roughly: what an operator needs of "ends in".
func span(d time.Duration) string {
	count := func(n int64, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return number(n) + " " + unit + "s"
	}
	switch {
	case d < 2*time.Minute:
		return count(int64(d/time.Second), "second")
	case d < 2*time.Hour:
		return count(int64(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return count(int64(d/time.Hour), "hour")
	}
	return count(int64(d/(24*time.Hour)), "day")
}

// latency writes seconds.
func latency(f float64) string {
	switch {
	case math.IsNaN(f):
		return unknown
	case math.IsInf(f, 1):
		return "longer"
	case f < 0.001:
		return strconv.FormatFloat(f*1e6, 'f', 0, 64) + " µs"
	case f < 0.00995:
		return strconv.FormatFloat(f*1e3, 'f', 1, 64) + " ms"
	case f < 1:
		return strconv.FormatFloat(f*1e3, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " s"
}

// quantile estimates which time a part q of what was counted between two histograms
// took at most, as Prometheus does: evenly within a bucket. NaN: nothing was counted;
// +Inf: longer than the last bound.
func quantile(q float64, before, now metrics.Histogram) float64 {
	counts := make([]float64, len(now.Counts))
	sum := 0.0
	for i, n := range now.Counts {
		if i < len(before.Counts) {
			n = less(n, before.Counts[i])
		}
		counts[i] = float64(n)
		sum += counts[i]
	}
	if sum == 0 {
		return math.NaN()
	}
	rank, low := q*sum, 0.0
	for i, n := range counts {
		if i >= len(now.Bounds) {
			break
		}
		if rank <= n && n > 0 {
			return low + (now.Bounds[i]-low)*rank/n
		}
		rank -= n
		low = now.Bounds[i]
	}
	return math.Inf(1)
}

// name shows a name of the configuration: valid, without what cannot be seen or turns
// the direction of text, and not too long.
func name(s string) string {
	const most = 64
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > most {
			return b.String() + "…"
		}
		if !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) {
			r = utf8.RuneError
		}
		b.WriteRune(r)
	}
	return b.String()
}

// moment writes a time of day with its date.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// spark draws values, the last at the right edge, as points of an SVG line that is
// sparkWide wide and sparkHigh high. It gives none for fewer than two values.
func spark(values []float64) string {
	const top = 1.5 // room for the line's own width
	if len(values) < 2 {
		return ""
	}
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	var b strings.Builder
	for i, v := range values {
		x := sparkWide - float64(len(values)-1-i)*sparkWide/float64(points-1)
		y := sparkHigh - top
		if most > 0 {
			y -= (sparkHigh - 2*top) * max(v, 0) / most
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.FormatFloat(max(x, 0), 'f', 1, 64) + "," + strconv.FormatFloat(y, 'f', 1, 64))
	}
	return b.String()
}

const (
	sparkWide = 120.0
	sparkHigh = 28.0
)
