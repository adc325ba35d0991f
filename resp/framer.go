package resp

import "errors"

const (
	// maxDepth bounds how deep aggregates may lie in each other.
	maxDepth = 128
	// maxReplyBulk bounds one declared string, in bytes. Redis cannot send more
	// than proto-max-bulk-len; the bound keeps sums of sizes far from overflow.
	maxReplyBulk = 1 << 48
)

// A Framer says where replies end without holding them, in RESP2 and RESP3. The
// zero value is ready; it grows by 16 bytes for each level of nesting, at most
// to 2 KB. It is for one connection and one goroutine.
//
// Attributes belong to the reply that follows them. A push is a reply of its own
// with Kind '>'. What could end in another place for a client that reads less
// strictly is an error: a bare CR or LF in a line, a length in any but its
// canonical spelling, a push inside a reply, an unknown type. After an error the
// end of the reply is unknown and the connection is of no further use.
type Framer struct {
	levels []level

	size int64 // bytes of the reply passed
	need int64 // payload bytes to come, without CRLF
	num  int64 // the length in the header in progress

	state  frameState
	kind   byte // type of the reply, after attributes
	item   byte // type of the value or header in progress
	digits byte // 1 once the header has a digit, or the line a byte
	minus  bool // the header has a minus
	stream bool // the header is `?`
	attr   bool // attributes have passed and their value has not begun

	err error
}

// level is an aggregate in progress.
type level struct {
	left int64 // values to come; counted from 0 downwards in a streamed one
	kind byte
	open bool // streamed: it ends with '.'
}

type frameState uint8

const (
	frameIdle   frameState = iota // between replies
	frameItem                     // a type byte comes
	frameLine                     // in a line without structure
	frameHeader                   // in the number of a header
	frameChunk                    // in a streamed string, ';' comes
	frameLF                       // behind the CR of a line or header
	framePayload
	framePayloadCR
	framePayloadLF
	frameFailed
)

var (
	errReplyType   = errors.New("resp: reply: unexpected type")
	errReplyLine   = errors.New("resp: reply: malformed line")
	errReplyLength = errors.New("resp: reply: malformed length")
	errReplyEnd    = errors.New("resp: reply: string without its line end")
	errReplyDepth  = errors.New("resp: reply: nested too deep")
)

// Next passes over bytes of the current reply, or of the next one if the last
// has ended. n bytes of p belong to it; end says that it ends at p[n-1]. The
// work is proportional to the bytes of lines and headers; payloads are skipped.
// An err stays.
func (f *Framer) Next(p []byte) (n int, end bool, err error) {
	if f.state == frameIdle && len(p) > 0 {
		f.size, f.kind = 0, 0
		f.state = frameItem
	}
	for n < len(p) && !end && f.state != frameFailed {
		c := p[n]
		switch f.state {
		case frameItem:
			if k := shortcut(p[n:]); k > 0 {
				n += k
				end = f.whole(c)
				continue
			}
			n++
			f.begin(c)
		case frameChunk:
			n++
			f.item, f.num, f.digits, f.stream = ';', 0, 0, false
			f.state = frameHeader
			if c != ';' {
				f.fail(errReplyType)
			}
		case frameLine:
			n += f.line(p[n:])
		case frameHeader:
			n++
			f.header(c)
		case frameLF:
			n++
			if c != '\n' {
				f.fail(errReplyLine)
			} else {
				end = f.lineEnd()
			}
		case framePayload:
			k := len(p) - n
			if int64(k) >= f.need {
				k = int(f.need)
				f.state = framePayloadCR
			}
			f.need -= int64(k)
			n += k
		case framePayloadCR:
			n++
			f.state = framePayloadLF
			if c != '\r' {
				f.fail(errReplyEnd)
			}
		case framePayloadLF:
			n++
			if c != '\n' {
				f.fail(errReplyEnd)
			} else {
				end = f.payloadEnd()
			}
		}
	}
	f.size += int64(n)
	if f.state == frameFailed {
		return n, false, f.err
	}
	return n, end, nil
}

// Kind is the first byte of the reply in progress or just ended, after its
// attributes, and 0 while that is unknown. '>' is a push.
func (f *Framer) Kind() byte { return f.kind }

// Size is the number of bytes of the reply in progress or just ended that are
// known so far: those that have passed and, within a string, the rest of it.
func (f *Framer) Size() int64 {
	switch f.state {
	case framePayload, framePayloadCR:
		return f.size + f.need + 2
	case framePayloadLF:
		return f.size + 1
	}
	return f.size
}

// Idle says that no reply is in progress.
func (f *Framer) Idle() bool { return f.state == frameIdle }

func (f *Framer) fail(err error) {
	f.state = frameFailed
	f.err = err
}
