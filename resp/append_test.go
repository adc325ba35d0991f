package resp

import (
	"math"
	"testing"
)

func TestEncoding(t *testing.T) {
	for _, c := range []struct {
		what string
		got  []byte
		want string
	}{
		{"AppendRequest", AppendRequest([]byte("x"), []byte("GET"), nil, []byte("\r\n")), "x*3\r\n$3\r\nGET\r\n$0\r\n\r\n$2\r\n\r\n\r\n"},
		{"AppendRequest of nothing", AppendRequest(nil), "*0\r\n"},
		{"AppendCommand", AppendCommand(nil, "SELECT", "12"), "*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n"},
		{"AppendMap", AppendMap(nil, 7), "%7\r\n"},
		{"AppendSet", AppendSet(nil, 12), "~12\r\n"},
		{"AppendPush", AppendPush(nil, 3), ">3\r\n"},
		{"AppendNull", AppendNull(nil), "_\r\n"},
		{"AppendNullArray", AppendNullArray(nil), "*-1\r\n"},
		{"AppendBool(true)", AppendBool(nil, true), "#t\r\n"},
		{"AppendBool(false)", AppendBool(nil, false), "#f\r\n"},
		{"AppendDouble(0)", AppendDouble(nil, 0), ",0\r\n"},
		{"AppendDouble(-1.5)", AppendDouble(nil, -1.5), ",-1.5\r\n"},
		{"AppendDouble(1e300)", AppendDouble(nil, 1e300), ",1e+300\r\n"},
		{"AppendDouble(inf)", AppendDouble(nil, math.Inf(1)), ",inf\r\n"},
		{"AppendDouble(-inf)", AppendDouble(nil, math.Inf(-1)), ",-inf\r\n"},
		{"AppendDouble(nan)", AppendDouble(nil, math.NaN()), ",nan\r\n"},
		{"AppendVerbatim", AppendVerbatim(nil, "a\r\nb"), "=8\r\ntxt:a\r\nb\r\n"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%s = %q; want %q", c.what, c.got, c.want)
		}
	}
}

// What is appended here is one reply for the framer, header and values together.
func TestEncodedRepliesAreFramed(t *testing.T) {
	in := AppendMap(nil, 2)
	in = AppendBool(AppendVerbatim(in, "k"), true)
	in = AppendSet(AppendNull(in), 1)
	in = AppendDouble(in, math.Pi)
	var f Framer
	if n, end, err := f.Next(in); n != len(in) || !end || err != nil {
		t.Errorf("Next(%q) = %d, %v, %v; want %d, true, nil", in, n, end, err, len(in))
	}
}
