package proxyheader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pires/go-proxyproto"
)

// v2 makes a header of version 2; length is what its prefix claims.
func v2(command, family byte, length int, rest string) string {
	b := append([]byte(nil), proxyproto.SIGV2...)
	b = append(b, command, family)
	return string(binary.BigEndian.AppendUint16(b, uint16(length))) + rest
}

const (
	block4 = "\xcb\x00\x71\x07\x0a\x00\x00\x01\x30\x39\x18\xec" // 203.0.113.7:12345 to 10.0.0.1:6380
	block6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x30\x39\x18\xec"
	mapped = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xcb\x00\x71\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x00\x00\x01" + "\x30\x39\x18\xec"
)

// cases are headers and what they say. An empty source is a header of the balancer's own.
var cases = []struct {
	name, header, source string
	err                  error
}{
	{"v1 IPv4", "PROXY TCP4 203.0.113.7 10.0.0.1 12345 6380\r\n", "203.0.113.7:12345", nil},
	{"v1 IPv6", "PROXY TCP6 2001:db8::7 2001:db8::1 12345 6380\r\n", "[2001:db8::7]:12345", nil},
	{"v1 mapped", "PROXY TCP6 ::ffff:203.0.113.7 ::ffff:10.0.0.1 12345 6380\r\n", "203.0.113.7:12345", nil},
	{"v1 longest", "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", nil},
	{"v1 unknown", "PROXY UNKNOWN\r\n", "", nil},
	{"v1 unknown with more", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "", nil},
	{"v2 IPv4", v2(0x21, 0x11, 12, block4), "203.0.113.7:12345", nil},
	{"v2 IPv6", v2(0x21, 0x21, 36, block6), "[2001:db8::7]:12345", nil},
	{"v2 mapped", v2(0x21, 0x21, 36, mapped), "203.0.113.7:12345", nil},
	{"v2 with a TLV", v2(0x21, 0x11, 16, block4+"\x04\x00\x01\x00"), "203.0.113.7:12345", nil},
	{"v2 largest", v2(0x21, 0x11, maxBlock, block4+strings.Repeat("\x00", maxBlock-12)), "203.0.113.7:12345", nil},
	{"v2 local", v2(0x20, 0x00, 0, ""), "", nil},
	{"v2 local with an address", v2(0x20, 0x11, 12, block4), "", nil},

	{"nothing", "", "", io.EOF},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcd", "", ErrMissing},
	{"RESP", "*1\r\n$4\r\nPING\r\n ", "", ErrMissing},
	{"HTTP", "GET / HTTP/1.1\r\n\r\n", "", ErrMissing},
	{"lower case", "proxy tcp4 203.0.113.7 10.0.0.1 1 2\r\n", "", ErrMissing},
	{"v1 cut", "PROXY TCP4 203.0.113.7 10.0.0.1 123", "", io.ErrUnexpectedEOF},
	{"v1 without CR", "PROXY TCP4 203.0.113.7 10.0.0.1 12345 6380\n", "", ErrMalformed},
	{"v1 early end", "PROXY TCP4\r\n203.0.113.7\n", "", ErrMalformed},
	{"v1 endless", "PROXY TCP4 " + strings.Repeat("1", 200), "", ErrTooLong},
	{"v1 UDP", "PROXY UDP4 203.0.113.7 10.0.0.1 1 2\r\n", "", ErrMalformed},
	{"v1 two spaces", "PROXY TCP4  203.0.113.7 10.0.0.1 1 2\r\n", "", ErrMalformed},
	{"v1 leading zero", "PROXY TCP4 203.0.113.007 10.0.0.1 1 2\r\n", "", ErrMalformed},
	{"v1 a zone", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "", ErrMalformed},
	{"v1 wrong family", "PROXY TCP4 ::1 ::2 1 2\r\n", "", ErrMalformed},
	{"v1 port too large", "PROXY TCP4 203.0.113.7 10.0.0.1 65536 1\r\n", "", ErrMalformed},
	{"v1 port signed", "PROXY TCP4 203.0.113.7 10.0.0.1 +1 1\r\n", "", ErrMalformed},
	{"v1 with more", "PROXY TCP4 203.0.113.7 10.0.0.1 1 2 3\r\n", "", ErrMalformed},
	{"v1 PROXYX", "PROXYX TCP4 203.0.113.7 10.0.0.1 1 2\r\n", "", ErrMalformed},
	{"v2 version 3", v2(0x31, 0x11, 12, block4), "", ErrMalformed},
	{"v2 command 2", v2(0x22, 0x11, 12, block4), "", ErrMalformed},
	{"v2 unspecified", v2(0x21, 0x00, 0, ""), "", ErrMalformed},
	{"v2 family 3 transport 3", v2(0x21, 0x33, 12, block4), "", ErrMalformed},
	{"v2 UDP", v2(0x21, 0x12, 12, block4), "", ErrUnsupported},
	{"v2 unix", v2(0x21, 0x31, 216, strings.Repeat("/", 216)), "", ErrUnsupported},
	{"v2 too short for its family", v2(0x21, 0x21, 12, block4), "", ErrMalformed},
	{"v2 cut", v2(0x21, 0x11, 12, block4[:11]), "", io.ErrUnexpectedEOF},
	{"v2 cut prefix", v2(0x21, 0x11, 12, "")[:15], "", io.ErrUnexpectedEOF},
	{"v2 too long", v2(0x21, 0x11, maxBlock+1, strings.Repeat("\x00", 70000)), "", ErrTooLong},
	{"v2 longest claim", v2(0x21, 0x11, 0xffff, ""), "", ErrTooLong},
}

func TestRead(t *testing.T) {
	const behind = "\x16\x03\x01 what TLS says first"
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := c.header
			if c.err == nil {
				text += behind
			}
			for piece, r := range map[string]func(io.Reader) io.Reader{
				"whole":  func(r io.Reader) io.Reader { return r },
				"single": iotest.OneByteReader,
				"halves": iotest.HalfReader,
			} {
				in := strings.NewReader(text)
				h, err := Read(r(in))
				if !errors.Is(err, c.err) {
					t.Fatalf("%s: Read() = %v; want %v", piece, err, c.err)
				}
				if taken := len(text) - in.Len(); taken > MaxBytes {
					t.Errorf("%s: %d bytes were taken; want at most %d", piece, taken, MaxBytes)
				}
				if err != nil {
					continue
				}
				if got := text[len(text)-in.Len():]; got != behind {
					t.Errorf("%s: behind the header is %q; want %q", piece, got, behind)
				}
				var want netip.AddrPort
				if c.source != "" {
					want = netip.MustParseAddrPort(c.source)
				}
				if h.Source != want || h.Local != (c.source == "") {
					t.Errorf("%s: Read() = %+v; want %q", piece, h, c.source)
				}
			}
		})
	}
}

func TestReadGivesTheReadersError(t *testing.T) {
	broken := errors.New("broken")
	for n := range 60 {
		text := cases[0].header
		in := io.MultiReader(strings.NewReader(text[:min(n, len(text)-1)]), iotest.ErrReader(broken))
		if _, err := Read(in); !errors.Is(err, broken) {
			t.Errorf("Read() after %d bytes = %v; want %v", n, err, broken)
		}
	}
}

// FuzzRead holds Read to what the library alone makes of the same bytes, and to its bounds.
func FuzzRead(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(c.header), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		in := bytes.NewReader(data)
		h, err := Read(pieces{in, int(piece)%40 + 1})
		taken := len(data) - in.Len()
		if taken > MaxBytes {
			t.Fatalf("%d bytes were taken; want at most %d", taken, MaxBytes)
		}
		if err != nil {
			return
		}
		if !h.Local && (!h.Source.IsValid() || !h.Destination.IsValid() || h.Source.Addr().Zone() != "" || h.Source.Addr().Is4In6()) {
			t.Fatalf("Read() = %+v; want plain addresses", h)
		}
		again, err := parse(data[:taken])
		if err != nil || again != h {
			t.Fatalf("the header alone is %+v, %v; want %+v", again, err, h)
		}
		if h.Local {
			return
		}
		// What it says, said anew, is read as the same.
		out := proxyproto.Header{
			Version: 2, Command: proxyproto.PROXY, TransportProtocol: proxyproto.TCPv6,
			SourceAddr: tcp(h.Source), DestinationAddr: tcp(h.Destination),
		}
		text, err := out.Format()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Read(bytes.NewReader(text)); err != nil || again != h {
			t.Fatalf("said anew it is %+v, %v; want %+v", again, err, h)
		}
	})
}
