package resp

import (
	"math"
	"strconv"

	"github.com/tidwall/redcon"
)

// Replies in RESP2 are encoded with redcon's Append functions. Here is what they
// lack: requests, and the types of RESP3.

// AppendRequest appends a request in canonical form: `*N` and N times `$L`.
func AppendRequest(dst []byte, args ...[]byte) []byte {
	dst = redcon.AppendArray(dst, len(args))
	for _, arg := range args {
		dst = redcon.AppendBulk(dst, arg)
	}
	return dst
}

// AppendCommand is AppendRequest for arguments that are strings.
func AppendCommand(dst []byte, args ...string) []byte {
	dst = redcon.AppendArray(dst, len(args))
	for _, arg := range args {
		dst = redcon.AppendBulkString(dst, arg)
	}
	return dst
}

// AppendMap appends the header of a RESP3 map. Twice pairs values follow.
func AppendMap(dst []byte, pairs int) []byte { return appendHeader(dst, '%', pairs) }

// AppendSet appends the header of a RESP3 set of n values.
func AppendSet(dst []byte, n int) []byte { return appendHeader(dst, '~', n) }

// AppendPush appends the header of a RESP3 push of n values, the first of which
// is a string that says what kind of push it is.
func AppendPush(dst []byte, n int) []byte { return appendHeader(dst, '>', n) }

// AppendNull appends the null of RESP3. That of RESP2 is redcon.AppendNull.
func AppendNull(dst []byte) []byte { return append(dst, "_\r\n"...) }

// AppendNullArray appends the null array of RESP2.
func AppendNullArray(dst []byte) []byte { return append(dst, "*-1\r\n"...) }

// AppendBool appends a RESP3 boolean.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, "#t\r\n"...)
	}
	return append(dst, "#f\r\n"...)
}

// AppendDouble appends a RESP3 double, in the shortest form that reads back as v.
func AppendDouble(dst []byte, v float64) []byte {
	dst = append(dst, ',')
	switch {
	case math.IsInf(v, 1):
		dst = append(dst, "inf"...)
	case math.IsInf(v, -1):
		dst = append(dst, "-inf"...)
	case math.IsNaN(v):
		dst = append(dst, "nan"...)
	default:
		dst = strconv.AppendFloat(dst, v, 'g', -1, 64)
	}
	return append(dst, "\r\n"...)
}

// AppendVerbatim appends a RESP3 verbatim string of plain text, as Redis sends
// INFO and CLIENT LIST.
func AppendVerbatim(dst []byte, text string) []byte {
	const format = "txt:"
	dst = appendHeader(dst, '=', len(format)+len(text))
	dst = append(dst, format...)
	dst = append(dst, text...)
	return append(dst, "\r\n"...)
}

func appendHeader(dst []byte, kind byte, n int) []byte {
	dst = append(dst, kind)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, "\r\n"...)
}
