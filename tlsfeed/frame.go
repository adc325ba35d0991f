package tlsfeed

import "encoding/binary"

// headerLen is the length of a record's header: type, version, length of what
// follows (RFC 8446, section 5.1; the same in TLS 1.2).
const headerLen = 5

// frame knows where in a record the next byte of a stream stands. The header is
// never encrypted, so that this needs no key; it judges nothing, crypto/tls does.
type frame struct {
	head [headerLen]byte
	got  uint8 // bytes of head
	left int   // bytes that follow, once head is complete
}

// take advances over p, but not past the end of the record, and says how far.
func (f *frame) take(p []byte) (n int) {
	if f.got < headerLen {
		n = copy(f.head[f.got:], p)
		if f.got += uint8(n); f.got < headerLen {
			return n
		}
		f.left = int(binary.BigEndian.Uint16(f.head[3:]))
	}
	m := min(len(p)-n, f.left)
	if f.left -= m; f.left == 0 {
		f.got = 0
	}
	return n + m
}

// takeAll advances over p.
func (f *frame) takeAll(p []byte) {
	for len(p) > 0 {
		p = p[f.take(p):]
	}
}
