package resp

import (
	"fmt"
	"strings"
	"testing"
)

func TestInlineIsSplitAsRedisDoes(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"PING\r\n", `["PING"]`},
		{"PING\n", `["PING"]`},
		{"\r\n", `[]`},
		{" \t\v\f \r\n", `[]`},
		{"  GET   key  \r\n", `["GET" "key"]`},
		{"GET\tkey\r\n", `["GET" "key"]`},
		{"GET key\r\r\n", `["GET" "key"]`},
		{"GET k\rey\r\n", `["GET" "k" "ey"]`},
		{"GET k\vey\fy\r\n", `["GET" "k\vey\fy"]`}, // isspace, but not one of the bytes that end an argument
		{"\vGET\f\r\n", `["GET\f"]`},
		{`GET "a b"` + "\r\n", `["GET" "a b"]`},
		{`GET 'a b'` + "\r\n", `["GET" "a b"]`},
		{`GET "" ''` + "\r\n", `["GET" "" ""]`},
		{`""` + "\r\n", `[""]`},
		{`GET ab"c d"` + "\r\n", `["GET" "abc d"]`},
		{`GET ab'c d'` + "\r\n", `["GET" "abc d"]`},
		{"GET \"a\"\v\"b\"\r\n", `["GET" "a" "b"]`},
		{`GET "\x41\x7a\xFf"` + "\r\n", `["GET" "Az\xff"]`},
		{`GET "\x4"` + "\r\n", `["GET" "x4"]`},
		{`GET "\x4g\xg4\x"` + "\r\n", `["GET" "x4gxg4x"]`},
		{`GET "\n\r\t\b\a\\\"\q"` + "\r\n", `["GET" "\n\r\t\b\a\\\"q"]`},
		{`GET '\n\x41\\ ' x` + "\r\n", `["GET" "\\n\\x41\\\\ " "x"]`},
		{`GET 'it\'s'` + "\r\n", `["GET" "it's"]`},
		{`GET '\\\''` + "\r\n", `["GET" "\\\\'"]`},
		{`GET "it's" 'say "x"'` + "\r\n", `["GET" "it's" "say \"x\""]`},
		{`GET a\b` + "\r\n", `["GET" "a\\b"]`},
		{"GET \xff\x80\r\n", `["GET" "\xff\x80"]`},
		{"$4\r\n", `["$4"]`},
		{"+OK\r\n", `["+OK"]`},
	} {
		for name, piece := range map[string]func() int{"at once": atOnce, "bytes": byteByByte} {
			var p Parser
			got, err := feed(&p, []byte(c.in), testLimits(), piece)
			if err != nil || len(got) != 1 || fmt.Sprintf("%q", got[0].args) != c.want || !got[0].inline {
				t.Errorf("%q %s = %+v, %v; want %s", c.in, name, got, err, c.want)
			}
		}
	}
}

// The longest line that Redis takes whatever its reads are, and the first that
// it may refuse.
func TestInlineLineIsBounded(t *testing.T) {
	for _, c := range []struct {
		n    int
		end  string
		want string
	}{
		{maxLine - 1, "\r\n", accepted},
		{maxLine, "\n", accepted},
		{maxLine, "\r\n", "too big inline request"},
		{maxLine, "", incomplete},
		{maxLine + 1, "", "too big inline request"},
	} {
		var p Parser
		_, err := feed(&p, []byte(strings.Repeat("x", c.n)+c.end), testLimits(), pieces(6, 9000))
		if got := verdictOf(err); got != c.want {
			t.Errorf("%d bytes and %q = %q; want %q", c.n, c.end, got, c.want)
		}
	}
}

// What the parser hands on of an inline command is a request that says the same.
func TestInlineIsForwardedInCanonicalForm(t *testing.T) {
	var p Parser
	in := []byte(`set "a key" 'v"\r'` + "\r\n")
	if _, err := p.Next(in, testLimits()); err != nil {
		t.Fatal(err)
	}
	want := "*3\r\n$3\r\nset\r\n$5\r\na key\r\n$4\r\nv\"\\r\r\n"
	if got := string(AppendRequest(nil, p.Args()...)); got != want {
		t.Errorf("AppendRequest of %q = %q; want %q", in, got, want)
	}
}
