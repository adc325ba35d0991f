package main

import (
	"strings"
	"testing"
)

func TestChartsAreWellFormed(t *testing.T) {
	for _, svg := range []string{
		bars("a < b & \"c\"", []string{"x>y", "z"}, []bar{{"a&b", []float64{1, 2}}, {"none", []float64{0, 0}}}, "%.1f"),
		bars("nothing", nil, nil, "%.0f"),
		bars("zero", nil, []bar{{"a", []float64{0}}}, "%.0f"),
		curves("one dot", []curve{{"a", []dot{{1, 5}}}}),
		curves("zero", []curve{{"a", []dot{{1, 0}, {10, 0}}}, {"b", nil}}),
		curves("two", []curve{{"<1>", []dot{{10, 1.5}, {5000, 17}}}, {"2", []dot{{10, 3}, {100, 2}}}}),
	} {
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("there are numbers that are none in\n%s", svg)
		}
		wellFormed(t, svg)
	}
}

func TestBarsAreAsLongAsTheirValues(t *testing.T) {
	svg := bars("x", nil, []bar{{"half", []float64{50}}, {"whole", []float64{100}}}, "%.0f")
	for _, want := range []string{`width="240.0"`, `width="480.0"`, ">50<", ">100<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in\n%s", want, svg)
		}
	}
}

func TestStepFor(t *testing.T) {
	for _, tc := range []struct{ most, want float64 }{{0, 1}, {5, 1}, {6, 2}, {17, 5}, {100, 20}, {0.4, 0.1}, {260, 100}} {
		if got := stepFor(tc.most); got < tc.want*0.999 || got > tc.want*1.001 {
			t.Errorf("stepFor(%v) = %v; want %v", tc.most, got, tc.want)
		}
	}
}

func TestTableMarkdown(t *testing.T) {
	tb := table{Head: []string{"a", "b"}}
	tb.add("x|y", "1")
	if got, want := tb.markdown(), "| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n"; got != want {
		t.Errorf("markdown() = %q; want %q", got, want)
	}
}

func TestFailuresAreReported(t *testing.T) {
	r := report{Failures: []string{"idle: it\nbroke"}, Sections: []section{{Title: "T", Table: table{Head: []string{"a"}}}}}
	text := r.markdown(func(section, figure) string { return "" })
	if !strings.Contains(text, "Not measured: idle: it broke\n") || !strings.Contains(text, "## T\n") {
		t.Errorf("markdown() = %q; want the failure and the section", text)
	}
}

func TestVersions(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"stunnel4", "Initializing inetd mode\nstunnel 5.68 on x86_64\n", "stunnel 5.68 on x86_64"},
		{"redis-server", "Redis server v=7.0.15 sha=0\n", "Redis server v=7.0.15 sha=0"},
		{"openssl", "", "unknown"},
	} {
		if got := version(tc.name, tc.text); got != tc.want {
			t.Errorf("version(%q, %q) = %q; want %q", tc.name, tc.text, got, tc.want)
		}
	}
}
