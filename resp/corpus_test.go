package resp

import "strings"

// testLimits are those of a client that is logged in.
func testLimits() *Limits {
	return &Limits{Arguments: 1 << 20, Bulk: MaxBulk, Request: 1 << 30}
}

func preAuth() *Limits {
	lim := UnauthenticatedLimits()
	return &lim
}

const (
	accepted   = "accepted"
	incomplete = "incomplete"
)

// hostile are inputs that broke a real system, or that two parsers are known to
// read differently. They are the seeds of the fuzz targets, and each has its
// verdict: accepted, incomplete, or the text behind "Protocol error: ".
var hostile = []struct {
	name string
	in   string
	want string // before authentication
	auth string // after it, if it differs
}{
	// A count or a length that is claimed and not sent.
	{"redcon dies of it", "*1\r\n$9223372036854775807\r\nabc\r\n", "invalid bulk length", ""},
	{"Envoy and redcon, memory and time", "*2000000000\r\n", "unauthenticated multibulk length", "invalid multibulk length"},
	{"redcon, the same with bulks", "*2000000000\r\n$1\r\na\r\n", "unauthenticated multibulk length", "invalid multibulk length"},
	{"INT_MAX", "*2147483647\r\n", "unauthenticated multibulk length", "invalid multibulk length"},
	{"INT_MAX + 1", "*2147483648\r\n", "invalid multibulk length", ""},
	{"2^32 + 1", "*4294967297\r\n", "invalid multibulk length", ""},
	{"2^64 + 1 arguments", "*18446744073709551617\r\n$4\r\nPING\r\n", "invalid multibulk length", ""},
	{"2^64 + 1 bytes", "*1\r\n$18446744073709551617\r\nA\r\n", "invalid bulk length", ""},
	{"2^63 bytes", "*1\r\n$9223372036854775808\r\nA\r\n", "invalid bulk length", ""},
	{"2^32 bytes", "*1\r\n$4294967296\r\nA\r\n", "invalid bulk length", ""},
	{"512 MB + 1", "*1\r\n$536870913\r\n", "invalid bulk length", ""},
	{"512 MB", "*1\r\n$536870912\r\n", "unauthenticated bulk length", incomplete},
	{"16 KB + 1", "*1\r\n$16385\r\n", "unauthenticated bulk length", incomplete},
	{"16 KB", "*1\r\n$16384\r\n", incomplete, ""},
	{"11 arguments", "*11\r\n", "unauthenticated multibulk length", incomplete},
	{"10 arguments", "*10\r\n", incomplete, ""},

	// Lengths in another spelling.
	{"leading zero of a bulk", "*1\r\n$04\r\nPING\r\n", "invalid bulk length", ""},
	{"leading zero of a count", "*01\r\n$4\r\nPING\r\n", "invalid multibulk length", ""},
	{"two zeros", "*1\r\n$00\r\n\r\n", "invalid bulk length", ""},
	{"plus of a count", "*+1\r\n$4\r\nPING\r\n", "invalid multibulk length", ""},
	{"plus of a bulk", "*1\r\n$+4\r\nPING\r\n", "invalid bulk length", ""},
	{"minus zero", "*-0\r\n", "invalid multibulk length", ""},
	{"minus zero bulk", "*1\r\n$-0\r\n\r\n", "invalid bulk length", ""},
	{"minus alone", "*-\r\n", "invalid multibulk length", ""},
	{"minus and leading zero", "*-01\r\n", "invalid multibulk length", ""},
	{"below the smallest int64", "*-9223372036854775809\r\n", "invalid multibulk length", ""},
	{"negative bulk", "*1\r\n$-1\r\n", "invalid bulk length", ""},
	{"empty count", "*\r\n", "invalid multibulk length", ""},
	{"empty bulk length", "*1\r\n$\r\n\r\n", "invalid bulk length", ""},
	{"blank before a count", "* 1\r\n$4\r\nPING\r\n", "invalid multibulk length", ""},
	{"blank behind a count", "*1 \r\n$4\r\nPING\r\n", "invalid multibulk length", ""},
	{"hexadecimal", "*0x1\r\n$4\r\nPING\r\n", "invalid multibulk length", ""},
	{"exponent", "*1\r\n$1e1\r\n0123456789\r\n", "invalid bulk length", ""},
	{"streamed count", "*?\r\n", "invalid multibulk length", ""},
	{"streamed bulk", "*1\r\n$?\r\n;4\r\nPING\r\n;0\r\n", "invalid bulk length", ""},
	{"no number at all", "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$blabla\r\n", "invalid bulk length", ""},

	// Line ends.
	{"LF for CRLF", "*1\n$4\nPING\n", incomplete, ""},
	{"no LF behind a count", "*1\r*$4\r\nPING\r\n", "invalid multibulk length", ""},
	{"no LF behind a length", "*1\r\n$4\rxPING\r\n", "invalid bulk length", ""},
	{"no CRLF behind a payload", "*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n", "invalid bulk length", ""},
	{"no LF behind a payload", "*1\r\n$4\r\nPING\rx", "invalid bulk length", ""},
	{"payload longer than declared", "*1\r\n$4\r\nPINGS\r\n", "invalid bulk length", ""},
	{"CR CR LF", "*1\r\r\n$4\r\nPING\r\n", "invalid multibulk length", ""},
	{"NUL in a count", "*\x001\r\n", "invalid multibulk length", ""},
	{"NUL in a length", "*1\r\n$\x004\r\nPING\r\n", "invalid bulk length", ""},

	// Something else where a bulk must be: depth is 1.
	{"integer argument", "*1\r\n:1\r\n", "expected '$', got ':'", ""},
	{"nested array", "*1\r\n*1\r\n$4\r\nPING\r\n", "expected '$', got '*'", ""},
	{"nested deep", strings.Repeat("*1\r\n", 10000), "expected '$', got '*'", ""},
	{"word for a bulk", "*1\r\nfoo\r\n", "expected '$', got 'f'", ""},
	{"empty line for a bulk", "*1\r\n\r\n", "expected '$', got ' '", ""},
	{"behind a good argument", "*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n", "expected '$', got 'f'", ""},

	// A bulk alone is an inline command: one that counts it as a request of its
	// own gets every later reply wrong.
	{"bulk alone", "$5\r\nMULTI\r\n", accepted, ""},
	{"other types alone", "+PING\r\n:1\r\n>1\r\n%1\r\n", accepted, ""},

	// Inline.
	{"Envoy dies of it", "GET \"x\\x4\"\r\n", accepted, ""},
	{"hex escape cut at the end", "GET \"x\\x\r\n", "unbalanced quotes in request", ""},
	{"escape cut at the end", "GET \"x\\\r\n", "unbalanced quotes in request", ""},
	{"escaped quote", "GET \"x\\\"\r\n", "unbalanced quotes in request", ""},
	{"quote not closed", "GET \"x\r\n", "unbalanced quotes in request", ""},
	{"single quote not closed", "GET 'x\r\n", "unbalanced quotes in request", ""},
	{"escaped single quote", "GET 'x\\'\r\n", "unbalanced quotes in request", ""},
	{"backslash before the end of single quotes", "GET 'x\\\\'\r\n", "unbalanced quotes in request", ""},
	{"text behind a quote", "GET \"x\"y\r\n", "unbalanced quotes in request", ""},
	{"protocol.tcl", "set \"\"\"test-key\"\"\" test-value\r\n", "unbalanced quotes in request", ""},
	{"HTTP", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nSET a b\r\n", accepted, ""},
	{"TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", "too big inline request", ""},
	{"NUL hides the line end", "\x00PING\r\n", "too big inline request", ""},
	{"NUL within quotes", "ECHO \"\x00\"\r\n", "too big inline request", ""},
	{"a long line", strings.Repeat("a", 70000), "too big inline request", ""},
	{"just too long", strings.Repeat("a", 65537) + "\n", "too big inline request", ""},
	{"as long as may be", strings.Repeat("a", 65535) + "\n", accepted, ""},
	{"many arguments", strings.Repeat("a ", 32000) + "\r\n", "unauthenticated multibulk length", accepted},
	{"blank lines", strings.Repeat("\r\n", 100) + strings.Repeat("\n", 100), accepted, ""},

	// A header that does not end.
	{"count without end", "*" + strings.Repeat("1", 70000), "too big request", "too big mbulk count string"},
	{"length without end", "*1\r\n$" + strings.Repeat("1", 70000), "too big request", "too big bulk count string"},
	{"desync 1", "\x00" + strings.Repeat("payload", 10000), "too big inline request", ""},
	{"desync 2", "*\x00" + strings.Repeat("payload", 10000), "too big request", "too big mbulk count string"},
	{"desync 3", "$\x00" + strings.Repeat("payload", 10000), "too big inline request", ""},

	// No reply.
	{"no arguments", "*0\r\n", accepted, ""},
	{"null array", "*-1\r\n", accepted, ""},
	{"negative count", "*-10\r\n", accepted, ""},
	{"nothing among requests", "*0\r\n*1\r\n$4\r\nPING\r\n*-1\r\n\r\n*1\r\n$4\r\nPING\r\n", accepted, ""},

	// Good, but easy to get wrong.
	{"empty name", "*1\r\n$0\r\n\r\n", accepted, ""},
	{"payload of line ends", "*2\r\n$4\r\nECHO\r\n$6\r\n\r\n$1\r\n\r\n", accepted, ""},
	{"too much in all", "*10\r\n" + strings.Repeat("$16384\r\n"+strings.Repeat("v", 16384)+"\r\n", 4), "too big request", incomplete},
}
